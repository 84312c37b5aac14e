#include "mptcp/schedulers/overflow.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {
Choice Overflow::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const Candidates candidates{demand, paths};
  const Path* chosen = candidates.best(Candidates::has_room, Candidates::by_preference);
  if (!chosen) { return Wait{}; }
  // All that is preferred to the chosen one is full, or held by its pace. Do they get it away within a round trip?
  Bytes soon;
  Duration patience{};
  for (const Path& p : paths) {
    const auto rank = [](const Path& q) { return std::tuple{Candidates::by_preference(q), q.id}; };
    if (!candidates.counts(p) || !(rank(p) < rank(*chosen))) { continue; }
    soon += p.window;
    patience = std::max(patience, p.srtt);
  }
  if (demand.unsent <= soon && patience > Duration{}) { return Wait{demand.now + patience, "preferred_path_soon"}; }
  return send_on(chosen, demand);
}
}  // namespace anabranch::mptcp::schedulers
