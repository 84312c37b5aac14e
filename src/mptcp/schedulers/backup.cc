#include "mptcp/schedulers/backup.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {

Choice Backup::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const Path* active = Candidates{demand, paths}.best([](const Path&) { return true; }, Candidates::by_preference);
  if (!active || active->room == Bytes{}) { return Wait{}; }
  return send_on(active, demand);
}
}  // namespace anabranch::mptcp::schedulers
