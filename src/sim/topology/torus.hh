/// A torus: switches in a grid whose rows and columns close to rings, each joined to its four neighbours, with one host.
///
/// Height 1 is a ring. Ways are the shortest ones: as many steps along the row and the column as need be, the shorter way
/// round (both where they are equal), in any order; the first kMostWays of them. Links: `h3`, `s3-s4` (to the next in the
/// row), `s3-s8` (to the next in the column), ... Host i is in row i / width.
#pragma once
#include "sim/topology/topology.hh"

#include <map>

namespace anabranch::sim {

struct TorusShape {
  std::size_t width = 4, height = 4;  ///< at least two switches
};

class Torus final : public Topology {
 public:
  static constexpr std::size_t kMostWays = 64;
  Torus(World& world, const TorusShape& shape, const TopologySpec& spec);
  static std::vector<TopologyLink> layout(const TorusShape& shape);
  std::vector<Alternative> ways(std::size_t from, std::size_t from_port, std::size_t to,
                                std::size_t to_port) const override;

 private:
  using Steps = std::vector<std::size_t>;  ///< switches, from the first to the last
  /// Steps that are left to go, with signs.
  struct Left {
    std::ptrdiff_t columns = 0, rows = 0;
  };
  void extend(Steps& so_far, Left left, std::vector<Steps>& out) const;
  std::vector<Pipe*> pipes_over(const Steps& steps) const;

  TorusShape shape_;
  std::map<std::pair<std::size_t, std::size_t>, Pipe*> between_;  ///< neighbours
};
}  // namespace anabranch::sim
