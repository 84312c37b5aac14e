/// A plan as a world: hosts, pipes, ports and paths, the connections on them, and what will happen to them.
///
/// Only builds; who runs and measures it is `run` (sim_run.hh). Everything the plan names can be found here again by its
/// place in the plan. Same plan, same seed: the same world. Owner: the run.
#pragma once
#include "apps/sim_plan.hh"
#include "sim/apps/arrivals.hh"
#include "sim/apps/conversation.hh"
#include "sim/world.hh"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace anabranch::apps::experiment {

class TopologyNetwork;

/// A connection of a flow group.
struct Running {
  std::size_t flow = 0;  ///< in the plan
  unsigned index = 0;    ///< in the group
  sim::Conversation* conversation = nullptr;
};

class Stage {
 public:
  /// The plan outlives it. `seen`: somebody looks at packets, so they have checksums; else nobody computes them.
  Stage(const Plan& plan, std::uint64_t seed, bool seen = false);
  ~Stage();

  sim::World& world() { return world_; }
  const Plan& plan() const { return plan_; }
  const std::vector<sim::Pipe*>& pipes() const { return pipes_; }  ///< as the plan's
  const std::vector<sim::Path*>& paths() const { return paths_; }  ///< as the plan's
  const std::vector<Running>& connections() const { return connections_; }
  /// By flow of the plan; nullptr where connections do not arrive one by one.
  const std::vector<sim::Arrivals*>& arrivals() const { return arrivals_; }
  /// What to call the path of these two addresses, as the client has them.
  std::string path_name(const Address& local, const Address& remote) const;
  /// Whether all flows that end have ended.
  bool finished();

 private:
  struct Ends {
    sim::Host *from = nullptr, *to = nullptr;
    std::vector<InterfaceId> interfaces;
    Address remote;
  };
  void build_paths();
  void build_topology();
  void build_traffic();
  void build_boxes();
  void plan_changes();
  void build_flows();
  void build_flow(std::size_t number);
  std::vector<Ends> ends_over_topology(const FlowPlan& flow);
  Ends ends_over_paths(const FlowPlan& flow);
  std::unique_ptr<sim::Conversation> converse(std::size_t flow, const Ends& ends, Instant start, Generator& dice);
  void carry_out(const Action& action);
  std::uint16_t free_port(const sim::Host& host);
  sim::HostOptions options_of(const std::string& host) const;
  sim::PortOptions port_options() const;
  sim::LinkSpec spec_of(sim::LinkSpec spec) const;
  Family family() const { return plan_.v6 ? Family::v6 : Family::v4; }
  template <class Each>
  void each_subflow(std::size_t flow, std::size_t path, std::size_t end, Each each);

  const Plan& plan_;
  bool checksums_;
  Generator dice_;
  sim::World world_;
  std::vector<sim::Pipe*> pipes_;
  std::vector<std::array<sim::Port*, 2>> ports_;            ///< of paths
  std::vector<std::array<InterfaceAddress, 2>> addresses_;  ///< of paths, as they were at first
  std::vector<sim::Path*> paths_;
  std::map<std::pair<Address, Address>, std::string> path_names_;
  std::unique_ptr<TopologyNetwork> topology_;
  std::vector<Running> connections_;
  std::vector<sim::Arrivals*> arrivals_;
  std::map<std::string, std::uint16_t> next_port_;
  std::size_t finished_ = 0;  ///< connections known to be, from the first on
};
}  // namespace anabranch::apps::experiment
