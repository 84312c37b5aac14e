/// Several subflows between the same two addresses, from different ports: for networks that spread flows over equal
/// paths by their 4-tuples (RFC 8041 §2.1, data centres).
///
/// `PathRules::ndiffports` says how many, the initial one included. They stay between the addresses of the first; only
/// when none of them is left another pair is tried, which then has them all.
#pragma once
#include "mptcp/path_managers/opener.hh"

namespace anabranch::mptcp {

class Ndiffports final : public Opener {
 public:
  explicit Ndiffports(const PathRules& rules) : Opener{rules}, subflows_{rules.ndiffports} {}
  std::string_view name() const override { return "ndiffports"; }

 private:
  unsigned wanted(const Pair& pair) const override {
    const Candidates::State* state = candidates().state(pair);
    if (live() == 0) { return 1; }
    return state && state->live() != 0 && pair == home() ? subflows_ : 0;
  }
  /// Where the most are.
  Pair home() const {
    const auto fewer = [](const auto& a, const auto& b) { return a.second.live() < b.second.live(); };
    return std::ranges::max_element(candidates().pairs(), fewer)->first;
  }
  const unsigned subflows_;
};
}  // namespace anabranch::mptcp
