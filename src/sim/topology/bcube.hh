/// BCube (Guo et al., SIGCOMM 2009 §3): n^levels hosts with a port for each level, and hosts forward for each other.
///
/// Written to the base n, a host's number has a digit for each level; the switch of level i joins the n hosts that
/// differ in digit i only. A way changes one digit a step, first over the level of the port it leaves by and last over
/// that of the port it comes in by: all shortest ones of that kind, at most kMostWays. Links: `h5-level0`, ... What
/// forwarding costs a host is not modelled.
#pragma once
#include "sim/topology/topology.hh"

namespace anabranch::sim {

class BCube final : public Topology {
 public:
  static constexpr std::size_t kMostWays = 64;
  BCube(World& world, std::size_t n, std::size_t levels, const TopologySpec& spec);
  static std::vector<TopologyLink> layout(std::size_t n, std::size_t levels);
  std::vector<Alternative> ways(std::size_t from, std::size_t from_port, std::size_t to,
                                std::size_t to_port) const override;

 private:
  using Steps = std::vector<std::size_t>;  ///< hosts, from the first to the last
  std::size_t digit(std::size_t host, std::size_t level) const { return host / power_[level] % n_; }
  std::size_t with_digit(std::size_t host, std::size_t level, std::size_t value) const {
    return host + (value - digit(host, level)) * power_[level];
  }
  std::size_t distance(std::size_t a, std::size_t b) const;
  /// All shortest sequences from the last of `so_far` to `to`.
  void extend(Steps& so_far, std::size_t to, std::vector<Steps>& out) const;
  std::vector<Steps> walks(std::size_t from, std::size_t from_port, std::size_t to, std::size_t to_port) const;
  Pipe* up(std::size_t a, std::size_t b) const { return links()[a * levels_ + level_between(a, b)].up; }
  Pipe* down(std::size_t a, std::size_t b) const { return links()[b * levels_ + level_between(a, b)].down; }
  std::size_t level_between(std::size_t a, std::size_t b) const;

  std::size_t n_, levels_;
  std::vector<std::size_t> power_;  ///< of n, by level
};
}  // namespace anabranch::sim
