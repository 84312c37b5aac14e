#include "mptcp/schedulers/round_robin.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {

Choice RoundRobin::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  // Ids after the last one come first; a difference that wraps around puts the last one itself at the end.
  const auto turns_away = [this](const Path& p) { return p.id.raw - last_.raw - 1; };
  const Path* next = Candidates{demand, paths}.best(Candidates::has_room, turns_away);
  if (next) { last_ = next->id; }
  return send_on(next, demand);
}
}  // namespace anabranch::mptcp::schedulers
