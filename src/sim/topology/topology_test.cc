#include "sim/topology/bcube.hh"
#include "sim/topology/fat_tree.hh"
#include "sim/topology/torus.hh"
#include "sim/topology/vl2.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>

namespace anabranch::sim {
namespace {

const TopologySpec kSpec{.link = {.rate = 100_Mbps, .delay = 100_us}};

/// Where a pipe begins and ends, as its name tells: "a-b.forth" leads from a to b, "a-b.back" from b to a.
std::pair<std::string, std::string> ends_of(const Pipe& pipe) {
  const std::string& name = pipe.name();
  const std::size_t dash = name.find('-'), way = name.rfind('.');
  std::pair ends{name.substr(0, dash), name.substr(dash + 1, way - dash - 1)};
  if (name.substr(way) == ".back") { std::swap(ends.first, ends.second); }
  return ends;
}

/// That each pipe between switches begins where the one before it ended.
void expect_connected(const std::vector<Pipe*>& pipes) {
  for (std::size_t i = 1; i + 2 < pipes.size(); ++i) {
    EXPECT_EQ(ends_of(*pipes[i]).second, ends_of(*pipes[i + 1]).first);
  }
}

/// Every pair of hosts can talk; pipes are those of no other way at the same place.
void expect_all_talk(World& world, const Topology& topology) {
  std::vector<Transfer*> transfers;
  for (std::size_t i = 0; i < topology.size(); ++i) {
    const std::size_t to = (i * 5 + 3) % topology.size();
    if (to == i) { continue; }
    transfers.push_back(&world.transfer(topology.host(i), topology.host(to), 20_KiB,
                                        {.client = {}, .server = {}, .to = topology.port(to).address()}));
  }
  const auto done = [&] { return std::ranges::all_of(transfers, &Transfer::complete); };
  EXPECT_TRUE(world.run_until(done, 10_s)) << world.replay();
}

TEST(FatTree, HasAQuarterOfKCubedHostsAndAllShortestWays) {
  World world{1};
  const FatTree tree{world, 4, kSpec};
  EXPECT_EQ(tree.size(), 16u);
  EXPECT_EQ(world.pipes().size(), 2u * (16 + 16 + 16));
  EXPECT_EQ(tree.ways(0, 0, 1, 0).size(), 1u);   // the same edge switch
  EXPECT_EQ(tree.ways(0, 0, 2, 0).size(), 2u);   // the same pod
  EXPECT_EQ(tree.ways(0, 0, 15, 0).size(), 4u);  // another pod
  EXPECT_EQ(tree.ways(0, 0, 1, 0).front().forth.size(), 2u);
  EXPECT_EQ(tree.ways(0, 0, 2, 0).front().forth.size(), 4u);
  EXPECT_EQ(tree.ways(0, 0, 15, 0).front().forth.size(), 6u);
}

TEST(FatTree, WaysBetweenPodsCrossDifferentCores) {
  World world{1};
  const FatTree tree{world, 8, kSpec};
  std::set<const Pipe*> cores;
  const auto ways = tree.ways(3, 0, 127, 0);
  EXPECT_EQ(ways.size(), 16u);
  for (const Alternative& way : ways) {
    expect_connected(way.forth);
    expect_connected(way.back);
    cores.insert(way.forth[2]);
  }
  EXPECT_EQ(cores.size(), 16u);
}

TEST(FatTree, LinksAreThoseOfItsLayout) {
  World world{1};
  const FatTree tree{world, 4, {.link = {.rate = 100_Mbps}, .trunk = LinkSpec{.rate = 1_Gbps}}};
  const auto layout = FatTree::layout(4);
  ASSERT_EQ(tree.links().size(), layout.size());
  std::set<std::string> names;
  for (std::size_t i = 0; i < layout.size(); ++i) {
    names.insert(layout[i].name);
    EXPECT_EQ(tree.links()[i].up->name(), layout[i].name + ".forth");
    EXPECT_EQ(tree.links()[i].down->name(), layout[i].name + ".back");
    EXPECT_EQ(tree.links()[i].up->spec().rate, layout[i].trunk ? 1_Gbps : 100_Mbps);
  }
  EXPECT_EQ(names.size(), layout.size());
  EXPECT_EQ(std::ranges::count_if(layout, &TopologyLink::core), 16);
}

TEST(FatTree, AllHostsTalk) {
  World world{1, {.consistency_every = 0}};
  const FatTree tree{world, 4, kSpec};
  expect_all_talk(world, tree);
}

TEST(Vl2, WaysBetweenRacksAreFourForEachCore) {
  World world{1, {.consistency_every = 0}};
  const Vl2 vl2{world, {.tors = 6, .hosts = 3, .aggregates = 4, .cores = 3}, kSpec};
  EXPECT_EQ(vl2.size(), 18u);
  EXPECT_EQ(vl2.ways(0, 0, 2, 0).size(), 1u);
  const auto ways = vl2.ways(0, 0, 17, 0);
  EXPECT_EQ(ways.size(), 12u);
  for (const Alternative& way : ways) {
    EXPECT_EQ(way.forth.size(), 6u);
    expect_connected(way.forth);
    expect_connected(way.back);
  }
  expect_all_talk(world, vl2);
}

TEST(Torus, WaysAreTheShortestOnesInAnyOrderAndEitherWayRound) {
  World world{1};
  const Torus torus{world, {.width = 4, .height = 3}, kSpec};
  EXPECT_EQ(torus.size(), 12u);
  EXPECT_EQ(torus.links().size(), 12u + 24u);
  EXPECT_EQ(torus.ways(0, 0, 1, 0).size(), 1u);   // the next in the row
  EXPECT_EQ(torus.ways(0, 0, 3, 0).size(), 1u);   // the next the other way
  EXPECT_EQ(torus.ways(0, 0, 2, 0).size(), 2u);   // half the ring: either way
  EXPECT_EQ(torus.ways(0, 0, 5, 0).size(), 2u);   // a step along each: two orders
  EXPECT_EQ(torus.ways(0, 0, 10, 0).size(), 6u);  // half the row either way, one up the column: three places for it
  for (const Alternative& way : torus.ways(0, 0, 10, 0)) {
    EXPECT_EQ(way.forth.size(), 5u);
    expect_connected(way.forth);
    expect_connected(way.back);
    EXPECT_EQ(ends_of(*way.forth[1]).first, "s0");
    EXPECT_EQ(ends_of(*way.back[1]).first, "s10");
  }
}

TEST(Torus, ARingOfTwoHasOneLink) {
  World world{1};
  const Torus ring{world, {.width = 2, .height = 1}, kSpec};
  EXPECT_EQ(ring.links().size(), 3u);
  EXPECT_EQ(ring.ways(1, 0, 0, 0).size(), 1u);
  EXPECT_EQ(ring.ways(1, 0, 0, 0).front().forth[1]->name(), "s0-s1.back");
}

TEST(Torus, AllHostsTalk) {
  World world{1, {.consistency_every = 0}};
  const Torus torus{world, {.width = 4, .height = 4}, kSpec};
  expect_all_talk(world, torus);
}

TEST(BCube, PortsOfOneLevelReachWhoDiffersInThatDigitInOneStep) {
  World world{1};
  const BCube cube{world, 4, 2, kSpec};
  EXPECT_EQ(cube.size(), 16u);
  EXPECT_EQ(cube.ports_of(0), 2u);
  EXPECT_EQ(cube.ways(0, 0, 3, 0).front().forth.size(), 2u);  // 00 to 03
  EXPECT_EQ(cube.ways(0, 1, 12, 1).front().forth.size(), 2u);
  const auto two = cube.ways(0, 0, 5, 1);  // 00 to 11: first digit 0, then digit 1
  ASSERT_EQ(two.size(), 1u);
  EXPECT_EQ(two.front().forth.size(), 4u);
  EXPECT_EQ(two.front().forth[0]->name(), "h0-level0.forth");
  EXPECT_EQ(two.front().forth[1]->name(), "h1-level0.back");
  EXPECT_EQ(two.front().forth[2]->name(), "h1-level1.forth");
  EXPECT_EQ(two.front().forth[3]->name(), "h5-level1.back");
}

TEST(BCube, EveryPairOfPortsHasAWayThatLeavesAndComesInByThem) {
  World world{1};
  const BCube cube{world, 3, 3, kSpec};
  for (std::size_t to : {1u, 4u, 13u, 26u}) {
    for (std::size_t a = 0; a < 3; ++a) {
      for (std::size_t b = 0; b < 3; ++b) {
        const auto ways = cube.ways(0, a, to, b);
        ASSERT_FALSE(ways.empty()) << to << " " << a << " " << b;
        for (const Alternative& way : ways) {
          EXPECT_EQ(way.forth.front()->name(), fmt::format("h0-level{}.forth", a));
          EXPECT_EQ(way.forth.back()->name(), fmt::format("h{}-level{}.back", to, b));
          EXPECT_EQ(way.back.size(), way.forth.size());
        }
      }
    }
  }
}

TEST(BCube, AllHostsTalk) {
  World world{1, {.consistency_every = 0}};
  const BCube cube{world, 3, 2, kSpec};
  expect_all_talk(world, cube);
}
}  // namespace
}  // namespace anabranch::sim
