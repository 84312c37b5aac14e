#include "sim/topology/vl2.hh"

#include <fmt/format.h>

namespace anabranch::sim {

Vl2::Vl2(World& world, const Vl2Shape& shape, const TopologySpec& spec) : Topology{world, spec}, shape_{shape} {
  ANABRANCH_CHECK(shape.tors > 0 && shape.hosts > 0 && shape.aggregates > 1 && shape.cores > 0);
  for (std::size_t h = 0; h < shape.tors * shape.hosts; ++h) {
    add_host(1);
    hosts_.push_back({&pipe(fmt::format("h{}.up", h)), &pipe(fmt::format("h{}.down", h))});
  }
  for (std::size_t tor = 0; tor < shape.tors; ++tor) {
    for (std::size_t which = 0; which < 2; ++which) {
      const std::size_t agg = aggregate_of(tor, which);
      tors_.push_back({&trunk(fmt::format("tor{}>agg{}", tor, agg)), &trunk(fmt::format("agg{}>tor{}", agg, tor))});
    }
  }
  for (std::size_t agg = 0; agg < shape.aggregates; ++agg) {
    for (std::size_t core = 0; core < shape.cores; ++core) {
      cores_.push_back(
          {&trunk(fmt::format("agg{}>core{}", agg, core)), &trunk(fmt::format("core{}>agg{}", core, agg))});
      core_.push_back(cores_.back().up);
      core_.push_back(cores_.back().down);
    }
  }
  serve();
}

std::vector<Pipe*> Vl2::route(std::size_t from, std::size_t to, std::size_t first, std::size_t core,
                              std::size_t second) const {
  const std::size_t rack = from / shape_.hosts, other = to / shape_.hosts;
  std::vector<Pipe*> out{hosts_[from].up};
  if (rack != other) {
    out.push_back(tors_[rack * 2 + first].up);
    out.push_back(cores_[aggregate_of(rack, first) * shape_.cores + core].up);
    out.push_back(cores_[aggregate_of(other, second) * shape_.cores + core].down);
    out.push_back(tors_[other * 2 + second].down);
  }
  out.push_back(hosts_[to].down);
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
