// Schedulers over whole stacks and simulated links: what a table of values cannot show.
#include "mptcp/scheduler.hh"
#include "packet/dissect.hh"
#include "sim/world.hh"

#include "phone_and_server.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>

namespace anabranch::sim {
namespace {

using Pair = PhoneAndServer;

mptcp::Config scheduled_by(std::string name) {
  mptcp::Config config;
  config.scheduler = std::move(name);
  return config;
}

/// Declines until an instant, asking for nothing but to be asked again then.
class Late final : public mptcp::Scheduler {
 public:
  Late(Instant from, std::string_view inside) : from_{from}, inside_{mptcp::make_scheduler(inside)} {}
  mptcp::Choice choose(const mptcp::Demand& demand, std::span<const mptcp::Path> paths) override {
    if (demand.now < from_) { return mptcp::Wait{from_, "too_early"}; }
    return inside_->choose(demand, paths);
  }
  std::string_view name() const override { return "late"; }

 private:
  Instant from_;
  std::unique_ptr<mptcp::Scheduler> inside_;
};

TEST(Schedulers, AWaitWithAnEndIsAskedAgainThoughNothingElseHappens) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  TransferOptions options;
  options.client.make_scheduler = [] { return std::make_unique<Late>(Instant{} + 5_s, "lowest_rtt"); };
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 100_KiB, options);
  ASSERT_TRUE(pair.world.run_for(5_s));
  EXPECT_EQ(transfer.server().read(), 0u);
  ASSERT_TRUE(pair.completes(transfer, 1_s));
}

/// Declines for less time than timers can keep to, for ever.
class Impatient final : public mptcp::Scheduler {
 public:
  mptcp::Choice choose(const mptcp::Demand& demand, std::span<const mptcp::Path>) override {
    return mptcp::Wait{demand.now, "now"};
  }
  std::string_view name() const override { return "impatient"; }
};

TEST(Schedulers, AWaitThatEndsAtOnceDoesNotStopTheClock) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  TransferOptions options;
  options.client.make_scheduler = [] { return std::make_unique<Impatient>(); };
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 100_KiB, options);
  ASSERT_TRUE(pair.world.run_for(1_s)) << pair.world.replay();
  EXPECT_EQ(transfer.server().read(), 0u);
}

TEST(Schedulers, RedundantDataCrossesEveryPathAndASlowOneDoesNotHoldItUp) {
  Pair pair;
  auto& fast = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  auto& slow = pair.world.link(pair.phone, pair.server, {.rate = 2_Mbps, .delay = 150_ms});
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 4_MiB, {.client = scheduled_by("redundant")});
  ASSERT_TRUE(pair.completes(transfer, 10_s));
  const double took = seconds(pair.world.now() - Instant{});
  EXPECT_GT(fast.delivered(), 4_MiB);
  EXPECT_LT(took, 4.0);  // the fast path alone: 1.8 s, and the slow path's last packets and FINs
  EXPECT_LT(slow.delivered(), 1_MiB) << "what has been acknowledged is skipped";
  EXPECT_GT(slow.delivered(), 100_KiB);
}

TEST(Schedulers, RedundantDataIsNotLateWhenAPathDies) {
  Pair pair;
  auto& first = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms, .queue = 48_KiB});
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 15_ms, .queue = 48_KiB});
  pair.world.at(1_s, [&] { first.cut(true); });
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 8_MiB, {.client = scheduled_by("redundant")});
  ASSERT_TRUE(pair.world.run_for(1_s));
  for (int i = 0; i < 10; ++i) {  // a repair takes 50 ms, a timeout 200
    const std::uint64_t before = transfer.server().read();
    ASSERT_TRUE(pair.world.run_for(100_ms));
    EXPECT_GT(transfer.server().read(), before) << i;
  }
  ASSERT_TRUE(pair.completes(transfer, 60_s));
}

// --- segments of different sizes (RFC 8041 §3.8)

struct Sizes {
  std::uint64_t packets = 0, small = 0;  ///< with data; with less than half of a full packet's
};

void count(Sizes& sizes, const Host& from, const Frame& frame) {
  if (from.name() != "phone") { return; }
  const auto dissection = dissect(frame);
  const auto* packet = dissection ? std::get_if<Dissected>(&*dissection) : nullptr;
  if (!packet || packet->segment.payload.empty()) { return; }
  ++sizes.packets;
  sizes.small += packet->segment.payload.size().n < 700;
}

struct Carried {
  double mbps = 0;  ///< over all links, of ten seconds
  std::vector<double> on;
  Sizes sizes;
};

/// Data packets of 1428 and 1420 bytes over links that are otherwise alike; `which` of them are there.
Carried carry(const std::vector<std::uint32_t>& mtus, std::string scheduler) {
  Pair pair;
  Carried out;
  std::vector<Link*> links;
  for (const std::uint32_t mtu : mtus) {
    links.push_back(&pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 20_ms}, {.mtu = mtu}));
    links.back()->set_tap([&out](const Host& from, const Frame& frame) { count(out.sizes, from, frame); });
  }
  auto& transfer =
      pair.world.transfer(pair.phone, pair.server, 128_MiB, {.client = scheduled_by(std::move(scheduler))});
  EXPECT_TRUE(pair.world.run_for(5_s)) << pair.world.replay();
  const auto delivered = [&](const Link& link) { return link.pipe_from(pair.phone).stats().delivered_bytes; };
  std::vector<std::uint64_t> before;
  for (const Link* link : links) { before.push_back(delivered(*link)); }
  out.sizes = {};  // while buffers and windows find their size, a writer waits more often
  const std::uint64_t read = transfer.server().read();
  EXPECT_TRUE(pair.world.run_for(10_s)) << pair.world.replay();
  for (std::size_t i = 0; i < links.size(); ++i) {
    out.on.push_back(static_cast<double>(delivered(*links[i]) - before[i]) * 8 / 10 / 1e6);
  }
  out.mbps = static_cast<double>(transfer.server().read() - read) * 8 / 10 / 1e6;
  return out;
}

class SegmentSizes : public testing::TestWithParam<std::string_view> {};
INSTANTIATE_TEST_SUITE_P(By, SegmentSizes, testing::Values("lowest_rtt", "ecf", "blest", "sttf", "round_robin"),
                         [](const auto& by) { return std::string{by.param}; });

TEST_P(SegmentSizes, PathsWithPacketsOf1420And1428BytesLoseNothing) {
  const Carried large = carry({1500}, "lowest_rtt"), small = carry({1492}, "lowest_rtt");
  const Carried both = carry({1500, 1492}, std::string{GetParam()});
  ASSERT_EQ(both.on.size(), 2u);
  EXPECT_GE(both.on[0], 0.98 * large.on[0]);
  EXPECT_GE(both.on[1], 0.98 * small.on[0]);
  EXPECT_GE(both.mbps, 0.98 * (large.mbps + small.mbps));
  EXPECT_LT(static_cast<double>(both.sizes.small), 0.001 * static_cast<double>(both.sizes.packets));
}
}  // namespace
}  // namespace anabranch::sim
