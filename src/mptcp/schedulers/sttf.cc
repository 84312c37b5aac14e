#include "mptcp/schedulers/sttf.hh"

#include "mptcp/schedulers/candidates.hh"
#include "mptcp/schedulers/forecast.hh"

namespace anabranch::mptcp::schedulers {

Choice Sttf::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const Candidates candidates{demand, paths};
  const Path* chosen = candidates.best(Candidates::has_room, one_way);
  if (!chosen) { return Wait{}; }
  const Duration arrival = one_way(*chosen);
  Bytes by_others;
  Duration quickest = chosen->srtt;
  for (const Path& p : paths) {
    // Who has room and was not chosen is no quicker: of two that are alike neither waits for the other.
    if (!candidates.counts(p) || Candidates::has_room(p) || p.srtt == Duration{}) { continue; }
    by_others += delivered_within(p, arrival, demand.now);
    quickest = std::min(quickest, p.srtt);
  }
  const Bytes unsent = std::max(demand.unsent, demand.waiting);
  if (by_others >= unsent) { return Wait{demand.now + quickest, "others_deliver_first"}; }
  return send_on(chosen, demand);
}
}  // namespace anabranch::mptcp::schedulers
