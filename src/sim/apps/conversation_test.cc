#include "sim/apps/conversation.hh"
#include "sim/apps/arrivals.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

using namespace anabranch::literals;

/// Two hosts and one path of 8 Mb/s and 20 ms.
struct Ground {
  explicit Ground(std::uint64_t seed = 1) : world{seed, WorldOptions::figures()} {
    const LinkSpec spec{.rate = 8_Mbps, .delay = 10_ms, .queue = 50'000_B, .overhead = 0};
    pipe = &world.pipe("forth", spec);
    world.path(a_port, b_port).add({pipe}, {&world.pipe("back", spec)});
  }
  ConversationOptions options(std::uint16_t port = 1000) {
    ConversationOptions out;
    out.from = &a;
    out.to = &b;
    out.remote = {*b_port.address(), port};
    return out;
  }
  Conversation& converse(ConversationOptions options, const auto& wish) {
    return world.add(std::make_unique<Conversation>(world, std::move(options), make_program(wish)));
  }
  World world;
  Host &a = world.host("a"), &b = world.host("b");
  Port &a_port = world.port(a, "eth"), &b_port = world.port(b, "eth");
  Pipe* pipe = nullptr;
};

TEST(Conversation, MovesItsBytesAndIsOver) {
  Ground ground;
  Conversation& c = ground.converse(ground.options(), BulkWish{.up = 1'000'000, .down = 5000});
  EXPECT_TRUE(ground.world.run_until([&] { return c.over(); }, 5_s));
  EXPECT_EQ(c.figures(Side::server).read, 1'000'000u);
  EXPECT_EQ(c.figures(Side::client).read, 5000u);
  EXPECT_FALSE(c.figures(Side::client).error || c.figures(Side::server).error);
  EXPECT_GT(c.finished_at(), Instant{} + 1_s);  // a megabyte takes a second
  ASSERT_TRUE(c.info(Side::client, ground.world.now()));
  EXPECT_EQ(c.info(Side::client, ground.world.now())->bytes_written, 1'000'000u);
}

TEST(Conversation, BeginsAndStopsWhenItIsTold) {
  Ground ground;
  ConversationOptions options = ground.options();
  options.start = Instant{} + 1_s;
  options.stop = Instant{} + 2_s;
  Conversation& c = ground.converse(std::move(options), BulkWish{});
  ground.world.run_for(999_ms);
  EXPECT_FALSE(c.id(Side::client));
  EXPECT_TRUE(ground.world.run_until([&] { return c.over(); }, 30_s));
  EXPECT_EQ(c.figures(Side::server).read, c.figures(Side::client).written);
  EXPECT_GE(c.figures(Side::server).read, 500'000u);
}

TEST(Conversation, ASilentPathShowsAsAGap) {
  Ground ground;
  Conversation& c = ground.converse(ground.options(), BulkWish{});
  ground.world.run_for(1_s);
  ground.pipe->cut(ground.world.now(), true);
  ground.world.run_for(500_ms);
  ground.pipe->heal(ground.world.now());
  ground.world.run_for(3_s);
  EXPECT_GE(c.figures(Side::server).longest.length, 480_ms);
  EXPECT_GE(c.figures(Side::server).longest.at, Instant{} + 980_ms);
  EXPECT_FALSE(c.figures(Side::server).gaps.empty());
}

TEST(Conversation, AnErrorEndsItAndIsKept) {
  Ground ground;
  ConversationOptions options = ground.options();
  options.client.multipath = false;  // MPTCP would wait for another path
  options.client.tcp.give_up_after = 2_s;
  Conversation& c = ground.converse(std::move(options), BulkWish{});
  ground.world.run_for(1_s);
  ground.pipe->cut(ground.world.now(), true);
  ground.world.run_for(60_s);
  EXPECT_TRUE(c.finished());
  EXPECT_TRUE(c.figures(Side::client).error);
}

TEST(Conversation, ArrivalsComeAtTheirRateAndAreForgotten) {
  Ground ground;
  std::uint16_t port = 1000;
  const auto make = [&](std::uint64_t, Instant now) {
    ConversationOptions options = ground.options(port++);
    options.start = now;
    return std::make_unique<Conversation>(ground.world, std::move(options), make_program(BulkWish{.up = 1000}));
  };
  ArrivalOptions options{.rates = {20, 60}, .period = 1_s, .stop = Instant{} + 10_s};
  Arrivals& arrivals = ground.world.add(std::make_unique<Arrivals>(ground.world, options, Generator{3}, make));
  ground.world.run_for(15_s);
  arrivals.sweep();
  EXPECT_NEAR(static_cast<double>(arrivals.past().size()), 400, 80);  // a Poisson process: four sigma
  EXPECT_TRUE(arrivals.alive().empty());
  EXPECT_EQ(arrivals.refused(), 0u);
  unsigned in_fast_turns = 0;
  for (const Past& past : arrivals.past()) {
    EXPECT_FALSE(past.failed);
    EXPECT_EQ(past.bytes, 1000u);
    in_fast_turns += past.start.ns / 1'000'000'000 % 2 == 1 ? 1 : 0;
  }
  EXPECT_GT(in_fast_turns, arrivals.past().size() * 6 / 10);
}

TEST(Conversation, TheSameSeedGivesTheSameRun) {
  const auto digest = [](std::uint64_t seed) {
    Ground ground{seed};
    ground.converse(ground.options(), RequestsWish{.request = 10'000_B, .response = 500_B, .count = 20});
    ground.world.run_for(3_s);
    return ground.world.trace_digest();
  };
  EXPECT_EQ(digest(5), digest(5));
  EXPECT_NE(digest(5), digest(6));
}

}  // namespace
}  // namespace anabranch::sim
