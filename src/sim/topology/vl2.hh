/// VL2 (Greenberg et al., SIGCOMM 2009 §4.1): racks, each below two aggregation switches, which all core switches join.
///
/// Traffic between racks is spread by Valiant load balancing: up to an aggregation switch, to any core switch, and down
/// by either aggregation switch of the other rack; so there are 4 ways for each core switch. Links between switches are
/// `TopologySpec::trunk` (ten times a host's in the paper). Links: `h3`, `tor0-agg1`, `agg1-core2`, ...
#pragma once
#include "sim/topology/topology.hh"

namespace anabranch::sim {

struct Vl2Shape {
  std::size_t tors = 8, hosts = 4;  ///< racks; hosts of each
  std::size_t aggregates = 4;       ///< at least 2
  std::size_t cores = 2;
};

class Vl2 final : public Topology {
 public:
  Vl2(World& world, const Vl2Shape& shape, const TopologySpec& spec);
  static std::vector<TopologyLink> layout(const Vl2Shape& shape);
  std::vector<Alternative> ways(std::size_t from, std::size_t from_port, std::size_t to,
                                std::size_t to_port) const override;

 private:
  const Both& host_link(std::size_t host) const { return links()[host]; }
  const Both& tor_link(std::size_t tor, std::size_t which) const { return links()[size() + tor * 2 + which]; }
  const Both& core_link(std::size_t tor, std::size_t which, std::size_t core) const;
  std::vector<Pipe*> route(std::size_t from, std::size_t to, std::size_t first, std::size_t core,
                           std::size_t second) const;

  Vl2Shape shape_;
};
}  // namespace anabranch::sim
