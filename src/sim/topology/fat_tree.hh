/// A fat tree of k-port switches (Al-Fares, Loukissas, Vahdat, SIGCOMM 2008 §2.2): k pods, k³/4 hosts.
///
/// Each pod has k/2 edge and k/2 aggregation switches; aggregation switch j of each pod is joined to the core switches
/// j·k/2 .. j·k/2 + k/2 - 1. Between hosts of different pods there are (k/2)² shortest ways of six hops, in one pod k/2
/// of four, below one edge switch one of two. Links: `h3`, `edge1.0-agg1.1`, `agg1.1-core2`, ...
#pragma once
#include "sim/topology/topology.hh"

namespace anabranch::sim {

class FatTree final : public Topology {
 public:
  /// `k` is even and at least 2.
  FatTree(World& world, unsigned k, const TopologySpec& spec);
  static std::vector<TopologyLink> layout(unsigned k);
  std::vector<Alternative> ways(std::size_t from, std::size_t from_port, std::size_t to,
                                std::size_t to_port) const override;

 private:
  std::vector<Pipe*> route(std::size_t from, std::size_t to, std::size_t aggregation, std::size_t core) const;
  std::size_t edge_of(std::size_t host) const { return host / half_; }
  std::size_t pod_of(std::size_t host) const { return host / (half_ * half_); }

  const Both& host_link(std::size_t host) const { return links()[host]; }
  const Both& edge_link(std::size_t edge, std::size_t aggregation) const {  ///< the aggregation switch within its pod
    return links()[size() + edge * half_ + aggregation];
  }
  const Both& core_link(std::size_t pod, std::size_t core) const {
    return links()[2 * size() + pod * half_ * half_ + core];  // there are as many links at the edge as hosts
  }

  std::size_t half_;
};
}  // namespace anabranch::sim
