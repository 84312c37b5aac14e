#include "apps/sim_topology.hh"

#include "apps/http_failure.hh"
#include "sim/topology/bcube.hh"
#include "sim/topology/fat_tree.hh"
#include "sim/topology/torus.hh"
#include "sim/topology/vl2.hh"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <numeric>

namespace anabranch::apps::experiment {
namespace {

sim::Vl2Shape vl2_shape(const TopologyPlan& plan) {
  return {.tors = plan.tors, .hosts = plan.hosts, .aggregates = plan.aggregates, .cores = plan.cores};
}

sim::TorusShape torus_shape(const TopologyPlan& plan) { return {.width = plan.width, .height = plan.height}; }

std::unique_ptr<sim::Topology> make(sim::World& world, const TopologyPlan& plan, const sim::TopologySpec& spec) {
  if (plan.kind == "fat_tree") { return std::make_unique<sim::FatTree>(world, plan.k, spec); }
  if (plan.kind == "bcube") { return std::make_unique<sim::BCube>(world, plan.n, plan.levels, spec); }
  if (plan.kind == "torus") { return std::make_unique<sim::Torus>(world, torus_shape(plan), spec); }
  return std::make_unique<sim::Vl2>(world, vl2_shape(plan), spec);
}

template <class T>
void shuffle(std::vector<T>& all, Generator& dice) {
  for (std::size_t i = all.size(); i > 1; --i) { std::swap(all[i - 1], all[dice.below(i)]); }
}

/// Everybody sends to one other, and nobody to itself: drawn anew until that is so, about e times.
std::vector<std::size_t> derangement(std::size_t count, Generator& dice) {
  std::vector<std::size_t> to(count);
  std::iota(to.begin(), to.end(), 0);
  for (;;) {
    shuffle(to, dice);
    bool good = true;
    for (std::size_t i = 0; i < count; ++i) { good = good && to[i] != i; }
    if (good) { return to; }
  }
}

}  // namespace

std::vector<sim::TopologyLink> layout(const TopologyPlan& plan) {
  if (plan.kind == "fat_tree") { return sim::FatTree::layout(plan.k); }
  if (plan.kind == "bcube") { return sim::BCube::layout(plan.n, plan.levels); }
  if (plan.kind == "torus") { return sim::Torus::layout(torus_shape(plan)); }
  return sim::Vl2::layout(vl2_shape(plan));
}

TopologyNetwork::TopologyNetwork(sim::World& world, const TopologyPlan& plan, const sim::TopologySpec& spec,
                                 Generator dice)
    : network_{make(world, plan, spec)} {
  std::vector<std::size_t> links;
  std::size_t number = 0;
  for (const sim::TopologyLink& link : layout(plan)) {
    if (link.core) { links.push_back(number); }
    ++number;
  }
  shuffle(links, dice);
  links.resize(std::min<std::size_t>(links.size(), plan.degraded));
  sim::LinkSpec degraded = plan.degraded_spec;
  degraded.keep_checksums = spec.link.keep_checksums;
  for (const std::size_t link : links) {
    network_->links()[link].up->set(degraded, world.now());
    network_->links()[link].down->set(degraded, world.now());
  }
}

std::vector<sim::Pipe*> TopologyNetwork::pipes() const {
  std::vector<sim::Pipe*> out;
  for (const sim::Topology::Both& link : network_->links()) { out.insert(out.end(), {link.up, link.down}); }
  return out;
}

std::vector<InterfaceId> TopologyNetwork::interfaces(std::size_t number, std::size_t most) const {
  std::vector<InterfaceId> out;
  for (std::size_t i = 0; i < std::min(most, network_->ports_of(number)); ++i) {
    out.push_back(network_->port(number, i).interface());
  }
  return out;
}

std::size_t TopologyNetwork::number_of(const std::string& host) const {
  std::size_t number = 0;
  const char* end = host.data() + host.size();
  const bool good = host.starts_with('h') && std::from_chars(host.data() + 1, end, number).ptr == end;
  if (!good || host.size() < 2 || number >= network_->size()) {
    throw Failure(Exit::usage, fmt::format("'{}' is no host of the topology: h0 to h{}", host, network_->size() - 1));
  }
  return number;
}

std::vector<std::pair<std::size_t, std::size_t>> TopologyNetwork::pairs(const FlowPlan& flow, Generator& dice) const {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  const std::size_t count = network_->size();
  switch (flow.matrix) {
    case Matrix::permutation: {
      const auto to = derangement(count, dice);
      for (std::size_t i = 0; i < count; ++i) { out.emplace_back(i, to[i]); }
      break;
    }
    case Matrix::random:
      for (std::size_t i = 0; i < count; ++i) { out.emplace_back(i, (i + 1 + dice.below(count - 1)) % count); }
      break;
    case Matrix::all_to_all:
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = 0; j < count; ++j) {
          if (i != j) { out.emplace_back(i, j); }
        }
      }
      break;
    case Matrix::incast:
      for (std::size_t i = 1; i < count; ++i) { out.emplace_back(i, 0); }
      break;
    default: out.emplace_back(number_of(flow.from), number_of(flow.to));
  }
  return out;
}
}  // namespace anabranch::apps::experiment
