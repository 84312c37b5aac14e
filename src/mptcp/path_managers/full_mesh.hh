/// A subflow for every pair of a local and a remote address of one family; the side that connected opens them.
///
/// With `both_sides` either side announces, and the side that was connected to opens what the other has not opened
/// after a while. With `PathRules::same_subnet` on-link pairs only, where there are any (RFC 8041 §3.4).
#pragma once
#include "mptcp/path_managers/opener.hh"

namespace anabranch::mptcp {

class FullMesh final : public Opener {
 public:
  explicit FullMesh(bool both_sides = false, const PathRules& rules = {})
      : Opener{rules, both_sides},
        both_sides_{both_sides} {}
  std::string_view name() const override { return both_sides_ ? "both_sides" : "full_mesh"; }

 private:
  unsigned wanted(const Pair&) const override { return 1; }
  const bool both_sides_;
};
}  // namespace anabranch::mptcp
