#include "sim/topology/torus.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::sim {
namespace {

/// How to get from one place of a ring to another: the shorter way round, or both if they are equal.
std::vector<std::ptrdiff_t> rounds(std::size_t from, std::size_t to, std::size_t size) {
  const auto ahead = static_cast<std::ptrdiff_t>((to + size - from) % size);
  const std::ptrdiff_t behind = static_cast<std::ptrdiff_t>(size) - ahead;
  if (ahead == 0 || ahead < behind) { return {ahead}; }
  if (ahead > behind || size == 2) { return {-behind}; }
  return {ahead, -behind};
}

std::size_t next(std::size_t from, std::ptrdiff_t step, std::size_t size) {
  return step > 0 ? (from + 1) % size : (from + size - 1) % size;
}

/// Each switch with the next in its row and in its column. In a ring of two one link is enough.
std::vector<std::pair<std::size_t, std::size_t>> neighbours(const TorusShape& shape) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t i = 0; i < shape.width * shape.height; ++i) {
    const std::size_t column = i % shape.width, row = i / shape.width;
    if (shape.width > 2 || column + 1 < shape.width) {
      out.emplace_back(i, row * shape.width + next(column, 1, shape.width));
    }
    if (shape.height > 2 || row + 1 < shape.height) {
      out.emplace_back(i, next(row, 1, shape.height) * shape.width + column);
    }
  }
  return out;
}

}  // namespace

std::vector<TopologyLink> Torus::layout(const TorusShape& shape) {
  std::vector<TopologyLink> out;
  for (std::size_t i = 0; i < shape.width * shape.height; ++i) { out.push_back({.name = fmt::format("h{}", i)}); }
  for (const auto& [a, b] : neighbours(shape)) {
    out.push_back({.name = fmt::format("s{}-s{}", a, b), .trunk = true, .core = true});
  }
  return out;
}

Torus::Torus(World& world, const TorusShape& shape, const TopologySpec& spec) : Topology{world, spec}, shape_{shape} {
  const std::size_t count = shape.width * shape.height;
  ANABRANCH_CHECK(count >= 2);
  for (std::size_t i = 0; i < count; ++i) { add_host(1); }
  add_links(layout(shape));
  std::size_t link = count;
  for (const auto& [a, b] : neighbours(shape)) {
    between_[{a, b}] = links()[link].up;
    between_[{b, a}] = links()[link].down;
    ++link;
  }
  serve();
}

/// All orders of the steps that are left.
void Torus::extend(Steps& so_far, Left left, std::vector<Steps>& out) const {
  if (out.size() >= kMostWays) { return; }
  if (left.columns == 0 && left.rows == 0) { return out.push_back(so_far); }
  const std::size_t here = so_far.back(), column = here % shape_.width, row = here / shape_.width;
  if (left.columns != 0) {
    so_far.push_back(row * shape_.width + next(column, left.columns, shape_.width));
    extend(so_far, {left.columns - (left.columns > 0 ? 1 : -1), left.rows}, out);
    so_far.pop_back();
  }
  if (left.rows != 0) {
    so_far.push_back(next(row, left.rows, shape_.height) * shape_.width + column);
    extend(so_far, {left.columns, left.rows - (left.rows > 0 ? 1 : -1)}, out);
    so_far.pop_back();
  }
}

std::vector<Pipe*> Torus::pipes_over(const Steps& steps) const {
  std::vector<Pipe*> out{links()[steps.front()].up};
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) { out.push_back(between_.at({steps[i], steps[i + 1]})); }
  out.push_back(links()[steps.back()].down);
  return out;
}

std::vector<Alternative> Torus::ways(std::size_t from, std::size_t, std::size_t to, std::size_t) const {
  std::vector<Steps> walks;
  for (const std::ptrdiff_t columns : rounds(from % shape_.width, to % shape_.width, shape_.width)) {
    for (const std::ptrdiff_t rows : rounds(from / shape_.width, to / shape_.width, shape_.height)) {
      Steps begun{from};
      extend(begun, {columns, rows}, walks);
    }
  }
  std::vector<Alternative> out;
  for (Steps& walk : walks) {
    std::vector<Pipe*> forth = pipes_over(walk);
    std::ranges::reverse(walk);
    out.push_back({std::move(forth), pipes_over(walk)});
  }
  return out;
}
}  // namespace anabranch::sim
