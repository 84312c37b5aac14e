#include "mptcp/schedulers/lowest_rtt.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {
namespace {
/// Whether all that is unsent would be there over the paced path before anything would be over the other.
bool sooner_at_its_pace(const Demand& demand, const Path& paced, const Path& other) {
  if (paced.opens.is_never() || paced.opens <= demand.now || paced.rate == Rate{}) { return false; }
  const Duration all = (paced.opens - demand.now) + time_for(demand.unsent, paced.rate) + paced.srtt / 2;
  return all < other.srtt / 2;
}
}  // namespace

Choice LowestRtt::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const Candidates candidates{demand, paths};
  const Path* best = candidates.quickest_with_room();
  if (!best) { return Wait{}; }
  const Path* quickest = candidates.quickest();
  if (quickest != best && sooner_at_its_pace(demand, *quickest, *best)) { return Wait{quickest->opens, "paced"}; }
  return send_on(best, demand);
}
}  // namespace anabranch::mptcp::schedulers
