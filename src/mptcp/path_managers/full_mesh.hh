/// A subflow for every pair of a local and a remote address of one family; the side that connected opens them.
///
/// With `both_sides` either side announces, and the side that was connected to opens what the other has not opened
/// after a while. With `PathRules::same_subnet` on-link pairs only, where there are any (RFC 8041 §3.4);
/// `same_subnet` is the name of a full mesh with that rule.
#pragma once
#include "mptcp/path_managers/opener.hh"

namespace anabranch::mptcp {

class FullMesh final : public Opener {
 public:
  explicit FullMesh(bool both_sides = false, const PathRules& rules = {})
      : Opener{rules, both_sides},
        name_{both_sides          ? "both_sides"
              : rules.same_subnet ? "same_subnet"
                                  : "full_mesh"} {}
  std::string_view name() const override { return name_; }

 private:
  unsigned wanted(const Pair&) const override { return 1; }
  std::string_view name_;
};
}  // namespace anabranch::mptcp
