/// A data centre of the simulator as a scenario's network: which host talks to which, and over what.
///
/// Makes the hosts and their ports; ways between them are found when they are wanted. Owner: the stage.
#pragma once
#include "apps/sim_plan.hh"
#include "sim/topology/topology.hh"

#include <memory>
#include <utility>
#include <vector>

namespace anabranch::apps::experiment {

/// The links that such a network will have, in their order.
std::vector<sim::TopologyLink> layout(const TopologyPlan& plan);

class TopologyNetwork {
 public:
  TopologyNetwork(sim::World& world, const TopologyPlan& plan, const sim::TopologySpec& spec, Generator dice);
  /// Who sends to whom, as the flow's matrix says: numbers of hosts.
  std::vector<std::pair<std::size_t, std::size_t>> pairs(const FlowPlan& flow, Generator& dice) const;
  sim::Host& host(std::size_t number) const { return network_->host(number); }
  /// Those that a connection of so many subflows leaves by.
  std::vector<InterfaceId> interfaces(std::size_t number, std::size_t most) const;
  Address address(std::size_t number, Family family) const { return *network_->port(number).address(family); }
  /// As the plan has them.
  std::vector<sim::Pipe*> pipes() const;

 private:
  std::size_t number_of(const std::string& host) const;

  std::unique_ptr<sim::Topology> network_;
};
}  // namespace anabranch::apps::experiment
