#include "mptcp/schedulers/redundant.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {

Choice Redundant::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const auto useful = [&](const Path& p) {
    return p.room > Bytes{} && (p.missed > Bytes{} || demand.waiting > Bytes{});
  };
  const Path* next = Candidates{demand, paths}.best(useful, Candidates::by_round_trip);
  if (!next) { return Wait{}; }
  if (next->missed > Bytes{}) { return Copy{next->id, std::min(next->room, next->missed)}; }
  return send_on(next, demand);
}
}  // namespace anabranch::mptcp::schedulers
