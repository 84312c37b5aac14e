#include "sim/topology/fat_tree.hh"

#include <fmt/format.h>

namespace anabranch::sim {

FatTree::FatTree(World& world, unsigned k, const TopologySpec& spec) : Topology{world, spec}, half_{k / 2} {
  ANABRANCH_CHECK(k >= 2 && k % 2 == 0);
  for (std::size_t h = 0; h < k * half_ * half_; ++h) {
    add_host(1);
    hosts_.push_back({&pipe(fmt::format("h{}.up", h)), &pipe(fmt::format("h{}.down", h))});
  }
  for (std::size_t pod = 0; pod < k; ++pod) {
    for (std::size_t edge = 0; edge < half_; ++edge) {
      for (std::size_t agg = 0; agg < half_; ++agg) {
        edges_.push_back({&trunk(fmt::format("edge{}.{}>agg{}.{}", pod, edge, pod, agg)),
                          &trunk(fmt::format("agg{}.{}>edge{}.{}", pod, agg, pod, edge))});
      }
    }
    for (std::size_t core = 0; core < half_ * half_; ++core) {
      const std::size_t agg = core / half_;
      cores_.push_back({&trunk(fmt::format("agg{}.{}>core{}", pod, agg, core)),
                        &trunk(fmt::format("core{}>agg{}.{}", core, pod, agg))});
      core_.push_back(cores_.back().up);
      core_.push_back(cores_.back().down);
    }
  }
  serve();
}

std::vector<Pipe*> FatTree::route(std::size_t from, std::size_t to, std::size_t aggregation, std::size_t core) const {
  std::vector<Pipe*> out{hosts_[from].up};
  if (edge_of(from) != edge_of(to)) {
    out.push_back(edges_[edge_of(from) * half_ + aggregation].up);
    if (pod_of(from) != pod_of(to)) {
      out.push_back(cores_[pod_of(from) * half_ * half_ + core].up);
      out.push_back(cores_[pod_of(to) * half_ * half_ + core].down);
    }
    out.push_back(edges_[edge_of(to) * half_ + aggregation].down);
  }
  out.push_back(hosts_[to].down);
  return out;
}

std::vector<Alternative> FatTree::ways(std::size_t from, std::size_t, std::size_t to, std::size_t) const {
  const std::size_t aggregations = edge_of(from) == edge_of(to) ? 1 : half_;
  const std::size_t cores = pod_of(from) == pod_of(to) ? 1 : half_;  // of each aggregation switch
  std::vector<Alternative> out;
  for (std::size_t agg = 0; agg < aggregations; ++agg) {
    for (std::size_t i = 0; i < cores; ++i) {
      const std::size_t core = agg * half_ + i;
      out.push_back({route(from, to, agg, core), route(to, from, agg, core)});
    }
  }
  return out;
}
}  // namespace anabranch::sim
