/// A subflow for every pair, but data on the best one only: the others are joined with flag B and wait (RFC 8684 §3.3.8).
///
/// When the one in use has gone or is silent, the next best is promoted by MP_PRIO, so that the peer need not find out
/// by itself; when a better one works (again), it is demoted. Better: not metered or a backup by its address, then by
/// preference, then the initial one.
#pragma once
#include "mptcp/path_managers/opener.hh"

#include <optional>

namespace anabranch::mptcp {

class Backup final : public Opener {
 public:
  explicit Backup(const PathRules& rules) : Opener{rules} {}
  std::string_view name() const override { return "backup"; }

 private:
  unsigned wanted(const Pair&) const override { return 1; }
  bool as_backup(const Pair& pair) const override {
    // The side that opens decides; were both to spare a path, neither alone could promote it.
    if (!opens()) { return spared(pair); }
    const auto first = in_use();
    return first ? pair != *first && (spared(pair) || !better(pair, *first)) : spared(pair);
  }
  /// The best of those that work.
  std::optional<Pair> in_use() const {
    std::optional<Pair> best;
    for (const auto& [pair, state] : candidates().pairs()) {
      if (state.works() && (!best || better(pair, *best))) { best = pair; }
    }
    return best;
  }
};
}  // namespace anabranch::mptcp
