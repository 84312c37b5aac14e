/// A data centre of the simulator as a scenario's network: which host talks to which, and over what.
///
/// Makes the hosts and their ports; ways between them are found when they are wanted. Owner: the stage.
#pragma once
#include "apps/sim_plan.hh"
#include "sim/world.hh"

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace anabranch::apps::experiment {

class TopologyNetwork {
 public:
  TopologyNetwork(sim::World& world, const TopologyPlan& plan, Generator dice);
  /// Who sends to whom, as the flow's matrix says: numbers of hosts.
  std::vector<std::pair<std::size_t, std::size_t>> pairs(const FlowPlan& flow, Generator& dice) const;
  sim::Host& host(std::size_t number) const { return ports_[number].front()->host(); }
  std::vector<InterfaceId> interfaces(std::size_t number) const;
  Address address(std::size_t number) const { return *ports_[number].front()->address(); }

 private:
  std::size_t number_of(const std::string& host) const;

  std::vector<std::vector<sim::Port*>> ports_;  ///< of each host
  std::shared_ptr<void> network_;               ///< the simulator's own object
};
}  // namespace anabranch::apps::experiment
