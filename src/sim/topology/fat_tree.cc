#include "sim/topology/fat_tree.hh"

#include <fmt/format.h>

namespace anabranch::sim {

std::vector<TopologyLink> FatTree::layout(unsigned k) {
  const std::size_t half = k / 2;
  std::vector<TopologyLink> out;
  for (std::size_t h = 0; h < k * half * half; ++h) { out.push_back({.name = fmt::format("h{}", h)}); }
  for (std::size_t pod = 0; pod < k; ++pod) {
    for (std::size_t edge = 0; edge < half; ++edge) {
      for (std::size_t agg = 0; agg < half; ++agg) {
        out.push_back({.name = fmt::format("edge{}.{}-agg{}.{}", pod, edge, pod, agg), .trunk = true});
      }
    }
  }
  for (std::size_t pod = 0; pod < k; ++pod) {
    for (std::size_t core = 0; core < half * half; ++core) {
      out.push_back({.name = fmt::format("agg{}.{}-core{}", pod, core / half, core), .trunk = true, .core = true});
    }
  }
  return out;
}

FatTree::FatTree(World& world, unsigned k, const TopologySpec& spec) : Topology{world, spec}, half_{k / 2} {
  ANABRANCH_CHECK(k >= 2 && k % 2 == 0);
  for (std::size_t h = 0; h < k * half_ * half_; ++h) { add_host(1); }
  add_links(layout(k));
  serve();
}

std::vector<Pipe*> FatTree::route(std::size_t from, std::size_t to, std::size_t aggregation, std::size_t core) const {
  std::vector<Pipe*> out{host_link(from).up};
  if (edge_of(from) != edge_of(to)) {
    out.push_back(edge_link(edge_of(from), aggregation).up);
    if (pod_of(from) != pod_of(to)) {
      out.push_back(core_link(pod_of(from), core).up);
      out.push_back(core_link(pod_of(to), core).down);
    }
    out.push_back(edge_link(edge_of(to), aggregation).down);
  }
  out.push_back(host_link(to).down);
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
