#include "sim/topology/vl2.hh"

#include <fmt/format.h>

namespace anabranch::sim {

namespace {
/// Which aggregation switch is the first or the second of a rack: neighbours, so that all carry alike.
std::size_t aggregate_of(const Vl2Shape& shape, std::size_t tor, std::size_t which) {
  return (2 * tor + which) % shape.aggregates;
}
}  // namespace

std::vector<TopologyLink> Vl2::layout(const Vl2Shape& shape) {
  std::vector<TopologyLink> out;
  for (std::size_t h = 0; h < shape.tors * shape.hosts; ++h) { out.push_back({.name = fmt::format("h{}", h)}); }
  for (std::size_t tor = 0; tor < shape.tors; ++tor) {
    for (std::size_t which = 0; which < 2; ++which) {
      out.push_back({.name = fmt::format("tor{}-agg{}", tor, aggregate_of(shape, tor, which)), .trunk = true});
    }
  }
  for (std::size_t agg = 0; agg < shape.aggregates; ++agg) {
    for (std::size_t core = 0; core < shape.cores; ++core) {
      out.push_back({.name = fmt::format("agg{}-core{}", agg, core), .trunk = true, .core = true});
    }
  }
  return out;
}

Vl2::Vl2(World& world, const Vl2Shape& shape, const TopologySpec& spec) : Topology{world, spec}, shape_{shape} {
  ANABRANCH_CHECK(shape.tors > 0 && shape.hosts > 0 && shape.aggregates > 1 && shape.cores > 0);
  for (std::size_t h = 0; h < shape.tors * shape.hosts; ++h) { add_host(1); }
  add_links(layout(shape));
  serve();
}

/// Of one of a rack's aggregation switches.
const Topology::Both& Vl2::core_link(std::size_t tor, std::size_t which, std::size_t core) const {
  return links()[size() + 2 * shape_.tors + aggregate_of(shape_, tor, which) * shape_.cores + core];
}

std::vector<Pipe*> Vl2::route(std::size_t from, std::size_t to, std::size_t first, std::size_t core,
                              std::size_t second) const {
  const std::size_t rack = from / shape_.hosts, other = to / shape_.hosts;
  std::vector<Pipe*> out{host_link(from).up};
  if (rack != other) {
    out.push_back(tor_link(rack, first).up);
    out.push_back(core_link(rack, first, core).up);
    out.push_back(core_link(other, second, core).down);
    out.push_back(tor_link(other, second).down);
  }
  out.push_back(host_link(to).down);
  return out;
}

std::vector<Alternative> Vl2::ways(std::size_t from, std::size_t, std::size_t to, std::size_t) const {
  if (from / shape_.hosts == to / shape_.hosts) { return {{route(from, to, 0, 0, 0), route(to, from, 0, 0, 0)}}; }
  std::vector<Alternative> out;
  for (std::size_t core = 0; core < shape_.cores; ++core) {
    for (std::size_t first = 0; first < 2; ++first) {
      for (std::size_t second = 0; second < 2; ++second) {
        out.push_back({route(from, to, first, core, second), route(to, from, second, core, first)});
      }
    }
  }
  return out;
}
}  // namespace anabranch::sim
