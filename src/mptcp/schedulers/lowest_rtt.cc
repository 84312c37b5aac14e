#include "mptcp/schedulers/lowest_rtt.hh"

#include <algorithm>
#include <tuple>

namespace anabranch::mptcp {
namespace {
/// Lower is better: live before stale, regular before backup. What is in the better class decides alone.
auto tier(const Path& p) { return std::tuple{p.stale, p.backup}; }
}  // namespace

Choice LowestRtt::choose(const Demand& demand, std::span<const Path> paths) {
  const auto usable = [&](const Path& p) { return !(demand.reinjection && p.id == demand.last && paths.size() > 1); };
  const Path* leader = nullptr;
  for (const Path& p : paths) {
    if (usable(p) && (!leader || tier(p) < tier(*leader))) { leader = &p; }
  }
  if (!leader) { return Wait{}; }
  const Path* best = nullptr;
  for (const Path& p : paths) {
    if (!usable(p) || tier(p) != tier(*leader) || p.room == Bytes{0}) { continue; }
    if (!best || std::tuple{p.srtt, p.id} < std::tuple{best->srtt, best->id}) { best = &p; }
  }
  if (!best) { return Wait{}; }
  return Send{best->id, std::min(best->room, demand.waiting)};
}
}  // namespace anabranch::mptcp
