#include "sim/topology/bcube.hh"

#include <fmt/format.h>
#include <limits>

namespace anabranch::sim {

std::vector<TopologyLink> BCube::layout(std::size_t n, std::size_t levels) {
  std::size_t hosts = 1;
  for (std::size_t level = 0; level < levels; ++level) { hosts *= n; }
  std::vector<TopologyLink> out;
  for (std::size_t h = 0; h < hosts; ++h) {
    for (std::size_t level = 0; level < levels; ++level) {
      out.push_back({.name = fmt::format("h{}-level{}", h, level), .core = true});
    }
  }
  return out;
}

BCube::BCube(World& world, std::size_t n, std::size_t levels, const TopologySpec& spec)
    : Topology{world, spec},
      n_{n},
      levels_{levels} {
  ANABRANCH_CHECK(n >= 2 && levels >= 1);
  std::size_t hosts = 1;
  for (std::size_t level = 0; level < levels; ++level) {
    power_.push_back(hosts);
    hosts *= n;
  }
  for (std::size_t h = 0; h < hosts; ++h) { add_host(levels); }
  add_links(layout(n, levels));
  serve();
}

std::size_t BCube::distance(std::size_t a, std::size_t b) const {
  std::size_t out = 0;
  for (std::size_t level = 0; level < levels_; ++level) { out += digit(a, level) != digit(b, level) ? 1 : 0; }
  return out;
}

std::size_t BCube::level_between(std::size_t a, std::size_t b) const {
  std::size_t level = 0;
  while (digit(a, level) == digit(b, level)) { ++level; }
  return level;
}

void BCube::extend(Steps& so_far, std::size_t to, std::vector<Steps>& out) const {
  if (out.size() >= kMostWays) { return; }
  const std::size_t here = so_far.back();
  if (here == to) { return out.push_back(so_far); }
  for (std::size_t level = 0; level < levels_; ++level) {
    if (digit(here, level) == digit(to, level)) { continue; }
    so_far.push_back(with_digit(here, level, digit(to, level)));
    extend(so_far, to, out);
    so_far.pop_back();
  }
}

/// The first step is over the one level, the last over the other; in between as short as can be.
std::vector<BCube::Steps> BCube::walks(std::size_t from, std::size_t from_port, std::size_t to,
                                       std::size_t to_port) const {
  if (from_port == to_port && distance(from, to) == 1 && level_between(from, to) == from_port) { return {{from, to}}; }
  std::size_t shortest = std::numeric_limits<std::size_t>::max();
  std::vector<Steps> out;
  for (std::size_t a = 0; a < n_; ++a) {
    const std::size_t second = with_digit(from, from_port, a);
    for (std::size_t b = 0; b < n_; ++b) {
      const std::size_t last = with_digit(to, to_port, b);
      if (second == from || last == to || second == to || last == from) { continue; }
      const std::size_t between = distance(second, last);
      if (between > shortest) { continue; }
      if (between < shortest) { out.clear(); }
      shortest = between;
      Steps begun{from, second};
      const std::size_t had = out.size();
      extend(begun, last, out);
      for (std::size_t i = had; i < out.size(); ++i) { out[i].push_back(to); }
    }
  }
  return out;
}

std::vector<Alternative> BCube::ways(std::size_t from, std::size_t from_port, std::size_t to,
                                     std::size_t to_port) const {
  std::vector<Alternative> out;
  for (const Steps& steps : walks(from, from_port, to, to_port)) {
    Alternative way;
    for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
      way.forth.push_back(up(steps[i], steps[i + 1]));
      way.forth.push_back(down(steps[i], steps[i + 1]));
    }
    for (std::size_t i = steps.size() - 1; i > 0; --i) {
      way.back.push_back(up(steps[i], steps[i - 1]));
      way.back.push_back(down(steps[i], steps[i - 1]));
    }
    out.push_back(std::move(way));
  }
  return out;
}
}  // namespace anabranch::sim
