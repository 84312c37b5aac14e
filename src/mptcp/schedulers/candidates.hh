/// What all schedulers agree on: which paths count at all, and where bytes go that shall leave again.
///
/// Live paths before stale ones, regular ones before backups (RFC 8684 §3.3.8): what is in the better class decides
/// alone, whether it has room or not. Bytes that leave again do not go where they were before, if there is another.
#pragma once
#include "mptcp/scheduler.hh"

#include <algorithm>
#include <optional>
#include <tuple>

namespace anabranch::mptcp::schedulers {

class Candidates {
 public:
  Candidates(const Demand& demand, std::span<const Path> paths)
      : paths_{paths},
        not_on_{demand.reinjection && paths.size() > 1 ? demand.last : SubflowId{~0u}} {
    for (const Path& p : paths_) {
      if (p.id != not_on_ && (!tier_ || tier(p) < *tier_)) { tier_ = tier(p); }
    }
  }
  bool none() const { return !tier_.has_value(); }
  bool counts(const Path& p) const { return p.id != not_on_ && tier_ == tier(p); }

  /// Of those that count and fulfil `wanted`, the one with the lowest rank, then the lowest id; null if there is none.
  template <class Wanted, class Rank>
  const Path* best(const Wanted& wanted, const Rank& rank) const {
    const Path* out = nullptr;
    for (const Path& p : paths_) {
      if (!counts(p) || !wanted(p)) { continue; }
      if (!out || std::tuple{rank(p), p.id} < std::tuple{rank(*out), out->id}) { out = &p; }
    }
    return out;
  }
  /// The quickest, whether it has room or not.
  const Path* quickest() const {
    return best([](const Path&) { return true; }, by_round_trip);
  }
  const Path* quickest_with_room() const { return best(has_room, by_round_trip); }

  static bool has_room(const Path& p) { return p.room > Bytes{}; }
  static Duration by_round_trip(const Path& p) { return p.srtt; }
  /// For who uses one path as long as it can: metered ones last, then as the owners of the addresses say.
  static std::tuple<bool, unsigned> by_preference(const Path& p) { return {p.metered, p.preference}; }

 private:
  using Tier = std::tuple<bool, bool>;
  static Tier tier(const Path& p) { return {p.stale, p.backup}; }

  std::span<const Path> paths_;
  SubflowId not_on_;
  std::optional<Tier> tier_;
};

inline Choice send_on(const Path* path, const Demand& demand) {
  if (!path) { return Wait{}; }
  return Send{path->id, std::min(path->room, demand.waiting)};
}
/// Where bytes go that shall leave again, whoever schedules: the quickest path with room.
inline Choice place_again(const Demand& demand, std::span<const Path> paths) {
  return send_on(Candidates{demand, paths}.quickest_with_room(), demand);
}
/// What one answer moves: a super-segment.
inline Bytes turn_on(const Path& p, const Demand& demand) {
  const Bytes most = std::min(p.room, demand.waiting);
  return p.burst > Bytes{} ? std::min(most, std::max(p.burst, p.segment)) : most;
}
/// A packet's worth, for the arithmetic of windows in packets; never zero.
inline std::uint64_t packet_of(const Path& p) { return std::max<std::uint64_t>(p.segment.n, 1); }
}  // namespace anabranch::mptcp::schedulers
