#include "apps/sim_topology.hh"

#include "apps/http_failure.hh"

namespace anabranch::apps::experiment {

TopologyNetwork::TopologyNetwork(sim::World&, const TopologyPlan&, Generator) {
  throw Failure(Exit::usage, "topology: not there yet");
}
std::vector<std::pair<std::size_t, std::size_t>> TopologyNetwork::pairs(const FlowPlan&, Generator&) const {
  return {};
}
std::vector<InterfaceId> TopologyNetwork::interfaces(std::size_t) const { return {}; }
std::size_t TopologyNetwork::number_of(const std::string&) const { return 0; }
}  // namespace anabranch::apps::experiment
