#include "sim/fabric.hh"

#include "sim/world.hh"

#include <gtest/gtest.h>
#include <set>

namespace anabranch::sim {
namespace {
const WorldOptions kJudged{.consistency_every = 64};

/// Clients left, servers right, one pipe each way in the middle.
struct Dumbbell {
  explicit Dumbbell(const LinkSpec& middle, std::size_t pairs = 2) {
    Pipe &forth = world.pipe("middle.forth", middle), &back = world.pipe("middle.back", middle);
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::string n = std::to_string(i);
      Port &a = world.port(world.host("client" + n), "eth0"), &b = world.port(world.host("server" + n), "eth0");
      Pipe &in = world.pipe("in" + n, {.rate = 1_Gbps, .delay = 1_ms}), &out = world.pipe("out" + n, {.delay = 1_ms});
      world.path(a, b).add({&in, &forth}, {&back, &out});
    }
  }
  Transfer& send(std::size_t pair, Bytes bytes) {
    const std::string n = std::to_string(pair);
    Host &from = world.host("client" + n), &to = world.host("server" + n);
    return world.transfer(from, to, bytes, {.client = {}, .server = {}, .to = world.port(to, "eth0").address()});
  }
  World world{1, kJudged};
};

TEST(Fabric, APipeInTheMiddleIsSharedByAllThatPassIt) {
  Dumbbell net{{.rate = 10_Mbps, .delay = 10_ms, .queue = 64_KiB}};
  Transfer &one = net.send(0, 20_MiB), &other = net.send(1, 20_MiB);
  ASSERT_TRUE(net.world.run_for(10_s)) << net.world.replay();
  const double carried = static_cast<double>((one.received() + other.received()).n) * 8 / 10 / 1e6;
  EXPECT_GT(carried, 9.0);
  EXPECT_LT(carried, 10.0);
  EXPECT_GT(one.received(), 3_MiB);  // neither is left out
  EXPECT_GT(other.received(), 3_MiB);
  const LinkStats& middle = net.world.find_pipe("middle.forth")->stats();
  EXPECT_GT(seconds(middle.busy), 9.8);
  EXPECT_GT(middle.dropped[LinkDrop::queue_full], 0u);
  EXPECT_LE(middle.highest_queue, (64_KiB).n);
  EXPECT_GT(middle.byte_waited / 10'000'000, (16_KiB).n);  // on average
  EXPECT_LT(middle.byte_waited / 10'000'000, (64_KiB).n);
}

TEST(Fabric, TheDelayOfAPathIsThatOfItsPipesTogether) {
  Dumbbell net{{.delay = 18_ms}, 1};
  Transfer& transfer = net.send(0, 100_B);
  ASSERT_TRUE(net.world.run_until([&] { return transfer.client().connected(); }, 1_s));
  const Duration round_trip = net.world.now() - Instant{};
  EXPECT_GE(round_trip, 38_ms);
  EXPECT_LT(round_trip, 39_ms);
}

TEST(Fabric, ACutPipeStopsAllThatNeedIt) {
  Dumbbell net{{.rate = 10_Mbps, .delay = 10_ms}};
  Transfer &one = net.send(0, 20_MiB), &other = net.send(1, 20_MiB);
  ASSERT_TRUE(net.world.run_for(2_s));
  net.world.find_pipe("in0")->cut(net.world.now(), true);
  ASSERT_TRUE(net.world.run_for(1_s));
  const Bytes before = one.received(), others = other.received();
  ASSERT_TRUE(net.world.run_for(2_s));
  EXPECT_EQ(one.received(), before);
  EXPECT_GT(other.received(), others + 1_MiB);
  net.world.find_pipe("in0")->heal(net.world.now());
  ASSERT_TRUE(net.world.run_for(5_s));
  EXPECT_GT(one.received(), before);
}

TEST(Fabric, SubflowsTakeThePathsOfTheirInterfaces) {
  World world{3, kJudged};
  Host &client = world.host("client"), &server = world.host("server");
  Port& eth = world.port(server, "eth0");
  for (const char* name : {"wifi", "lte"}) {
    Pipe &up = world.pipe(std::string{name} + ".up", {.rate = 8_Mbps, .delay = 10_ms}),
         &down = world.pipe(std::string{name} + ".down", {.rate = 8_Mbps, .delay = 10_ms});
    world.path(world.port(client, name), eth).add({&up}, {&down});
  }
  Transfer& transfer = world.transfer(client, server, 100_B, {.back = 8_MiB, .to = eth.address()});
  ASSERT_TRUE(world.run_until([&] { return transfer.complete(); }, 20_s)) << world.replay();
  EXPECT_LT(world.now(), Instant{} + 6_s);  // 4.2 s at the rate of both, 8.4 s at that of one
  EXPECT_GT(world.find_pipe("wifi.down")->stats().delivered_bytes, (3_MiB).n);
  EXPECT_GT(world.find_pipe("lte.down")->stats().delivered_bytes, (3_MiB).n);
}

FlowKey flow(std::uint16_t port) { return {Address::v4(172, 16, 0, 1), Address::v4(172, 16, 0, 2), port, 80}; }

/// Two hosts with so many ways between them.
struct ManyWays {
  explicit ManyWays(std::size_t ways, std::uint64_t seed = 1) : world{seed, kJudged} {
    for (std::size_t i = 0; i < ways; ++i) {
      path.add({&world.pipe("forth" + std::to_string(i), {.delay = 1_ms})},
               {&world.pipe("back" + std::to_string(i), {.delay = 1_ms})});
    }
  }
  World world;
  Path& path{world.path(world.port(world.host("a"), "eth0"), world.port(world.host("b"), "eth0"))};
};

TEST(Path, AFlowKeepsItsAlternativeInBothDirections) {
  for (const Spread spread : {Spread::hash, Spread::dealt}) {
    ManyWays net{7};
    net.path.set_spread(spread);
    for (std::uint16_t port = 1000; port < 1100; ++port) {
      const std::size_t way = net.path.alternative_of(flow(port));
      EXPECT_EQ(net.path.alternative_of(flow(port).reversed()), way);
      EXPECT_EQ(net.path.alternative_of(flow(port)), way);
    }
  }
}

TEST(Path, HashedFlowsSpreadOverAllAlternatives) {
  ManyWays net{8};
  std::vector<unsigned> count(8);
  for (std::uint16_t port = 1000; port < 9000; ++port) { ++count[net.path.alternative_of(flow(port))]; }
  EXPECT_GT(std::ranges::min(count), 850u);
  EXPECT_LT(std::ranges::max(count), 1150u);
}

TEST(Path, AnotherSeedSpreadsOtherwise) {
  ManyWays one{8, 1}, other{8, 2};
  unsigned same = 0;
  for (std::uint16_t port = 1000; port < 2000; ++port) {
    same += one.path.alternative_of(flow(port)) == other.path.alternative_of(flow(port)) ? 1 : 0;
  }
  EXPECT_NEAR(same, 125, 50);
}

TEST(Path, DealtFlowsAllDifferWhileThereAreEnough) {
  ManyWays net{8};
  net.path.set_spread(Spread::dealt);
  for (std::uint16_t round = 0; round < 3; ++round) {
    std::set<std::size_t> taken;
    for (std::uint16_t i = 0; i < 8; ++i) {
      taken.insert(net.path.alternative_of(flow(static_cast<std::uint16_t>(round * 8 + i))));
    }
    EXPECT_EQ(taken.size(), 8u);
  }
}

TEST(Path, ABoxInFrontOfAPathSeesWhatGoesAndComes) {
  ManyWays net{3};
  Transfer& transfer = net.world.transfer(net.world.host("a"), net.world.host("b"), 100_KiB,
                                          {.to = net.world.port(net.world.host("b"), "eth0").address()});
  ASSERT_TRUE(net.world.run_for(3_ms));
  unsigned sent = 0, seen_from_a = 0, seen_from_b = 0;
  net.path.set_tap([&](const Host&, const Frame&) { ++sent; });
  net.path.set_sieve([&](const Host& from, Frame&) {
    ++(from.name() == "a" ? seen_from_a : seen_from_b);
    return true;
  });
  ASSERT_TRUE(net.world.run_until([&] { return transfer.complete(); }, 5_s)) << net.world.replay();
  EXPECT_GT(seen_from_a, 60u);
  EXPECT_GT(seen_from_b, 2u);
  EXPECT_EQ(sent, seen_from_a + seen_from_b);
}

TEST(Routing, IsAskedWhenSomebodyWantsToGoThereAndNotBefore) {
  struct Star final : Routing {
    Star(World& w, unsigned& count) : world{w}, asked{count} {}
    void alternatives(const Port& from, const Port& to, std::vector<Alternative>& out) override {
      ++asked;
      Pipe &up = *world.find_pipe("up" + from.host().name()), &down = *world.find_pipe("down" + to.host().name());
      out.push_back(
          {{&up, &down}, {world.find_pipe("up" + to.host().name()), world.find_pipe("down" + from.host().name())}});
    }
    World& world;
    unsigned& asked;
  };
  World world{1, kJudged};
  unsigned asked = 0;
  for (const char* name : {"a", "b", "c", "d"}) {
    world.port(world.host(name), "eth0", {.reach = Reach::everywhere});
    for (const char* way : {"up", "down"}) { world.pipe(std::string{way} + name, {.rate = 50_Mbps, .delay = 1_ms}); }
  }
  world.set_routing(std::make_unique<Star>(world, asked));
  EXPECT_EQ(asked, 0u);
  for (const auto& [from, to] : {std::pair{"a", "b"}, std::pair{"b", "a"}, std::pair{"a", "d"}}) {
    world.transfer(world.host(from), world.host(to), 100_KiB, {.to = world.port(world.host(to), "eth0").address()});
  }
  const auto done = [&] { return std::ranges::all_of(world.transfers(), &Transfer::complete); };
  ASSERT_TRUE(world.run_until(done, 5_s)) << world.replay();
  EXPECT_EQ(asked, 2u);
}

TEST(Port, AnAddressThatComesLaterCanBeReached) {
  Dumbbell net{{.rate = 10_Mbps, .delay = 5_ms}, 1};
  const Address more = Address::v4(192, 0, 2, 7);
  Host& server = net.world.host("server0");
  net.world.port(server, "eth0").add_address({more, 32});
  Transfer& transfer = net.world.transfer(net.world.host("client0"), server, 10_KiB, {.to = more});
  ASSERT_TRUE(net.world.run_until([&] { return transfer.complete(); }, 5_s)) << net.world.replay();
}

TEST(CrossTraffic, FillsAPipeAtItsRateWhileItIsOn) {
  World world{1, kJudged};
  Pipe& pipe = world.pipe("p", {.rate = 10_Mbps, .overhead = 0});
  world.cross_traffic({&pipe}, {.rate = 5_Mbps, .packet = 1000_B});
  ASSERT_TRUE(world.run_for(10_s));
  EXPECT_NEAR(seconds(pipe.stats().busy), 5, 0.01);
  EXPECT_EQ(pipe.stats().dropped.total(), 0u);
}

TEST(CrossTraffic, IsOnForItsShareOfTheTime) {
  for (const Spacing spacing : {Spacing::fixed, Spacing::uniform, Spacing::exponential}) {
    World world{1, kJudged};
    Pipe& pipe = world.pipe("p", {.rate = 100_Mbps, .overhead = 0});
    const CrossTraffic traffic{.rate = 50_Mbps, .packet = 1000_B, .on = {spacing, 10_ms}, .off = {spacing, 30_ms}};
    const CrossSource& source = world.cross_traffic({&pipe}, traffic);
    ASSERT_TRUE(world.run_for(100_s));
    const double share = static_cast<double>(source.sent()) * 8000 / 50e6 / 100;
    EXPECT_NEAR(share, 0.25, spacing == Spacing::fixed ? 0.005 : 0.02) << name(spacing);
  }
}
}  // namespace
}  // namespace anabranch::sim
