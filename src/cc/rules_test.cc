#include "cc/cubic.hh"
#include "cc/flow_driver_test.hh"
#include "cc/lia.hh"
#include "cc/loss_based.hh"
#include "cc/new_reno.hh"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace anabranch::cc {
namespace {

constexpr Bytes kSegment = FlowDriver::kSegment;
constexpr LossBasedOptions kPlain{.hystart = false};

Flow flow(std::uint64_t segments, Duration rtt, Bytes segment = {1460}) {
  return {.window = segment * segments, .in_flight = {}, .srtt = rtt, .segment = segment, .between_losses = {}};
}
Acked ack_of(Bytes bytes, Duration rtt = 50_ms, Instant now = {}) {
  return {.now = now, .bytes = bytes, .in_flight = bytes, .rtt = rtt, .srtt = rtt};
}

// --- Reno

TEST(NewReno, GrowsByOneSegmentARoundTrip) {  // [9293-MUST-19]
  LossBased<NewReno> reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(3);
  path.lose_and_recover();
  for (int i = 0; i <= 50; ++i) {
    EXPECT_NEAR(path.segments(), 40 + i, 0.02 * i + 0.01);
    path.round();
  }
}

TEST(NewReno, HowAcknowledgmentsAreSplitMakesNoDifference) {
  std::vector<double> ends;
  for (const Bytes per_ack : {200_B, 1000_B, 40'000_B}) {
    LossBased<NewReno> reno{kSegment, {}, kPlain};
    FlowDriver path{reno, 50_ms};
    path.rounds(3);
    path.lose_and_recover();
    for (int i = 0; i < 20; ++i) { path.round(per_ack); }
    ends.push_back(path.segments());
  }
  EXPECT_NEAR(ends[0], ends[1], 0.2);
  EXPECT_NEAR(ends[1], ends[2], 0.5);
}

TEST(NewReno, ASawtoothHasTheKnownMean) {  // loss at W and W/2 between: mean 3/4 W
  LossBased<NewReno> reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 20_ms};
  path.rounds(3);
  path.lose_and_recover();
  double sum = 0;
  int rounds = 0;
  for (int cycle = 0; cycle < 20; ++cycle) {
    while (path.segments() < 80) {
      sum += path.segments();
      ++rounds;
      path.round();
    }
    path.lose_and_recover();
  }
  EXPECT_NEAR(sum / rounds, 60, 1.5);
}

// --- CUBIC

/// Slow start to `segments` and a loss there: the window is 0.7 of it, the plateau all of it.
void reach_and_lose(FlowDriver& path, const Controller& controller, double segments) {
  while (path.segments() < segments) { path.round(); }
  path.lose_and_recover();
  ASSERT_NEAR(static_cast<double>(controller.window().n), segments * 1000 * Cubic::kBeta, segments * 10);
}

TEST(Cubic, FollowsItsClosedFormThroughBothRegions) {
  LossBased<Cubic> cubic{kSegment, {}, kPlain};
  FlowDriver path{cubic, 100_ms};
  reach_and_lose(path, cubic, 1280);
  const double k = std::cbrt(1280 * 0.3 / 0.4);  // 9.87 s until the plateau
  const Instant epoch = path.now();
  double at_plateau = 0;
  while (path.now() - epoch < 15_s) {
    path.round();
    const double t = seconds(path.now() - epoch);
    // The target is one round trip ahead, and reached a round trip later: the curve itself.
    EXPECT_NEAR(path.segments(), Cubic::window_at(t, k, 1280), 12) << "at " << t;
    if (t <= k) { at_plateau = path.segments(); }
  }
  EXPECT_NEAR(cubic.rule().k(), k, 0.05);
  EXPECT_NEAR(at_plateau, 1280, 5);
  EXPECT_GT(path.segments(), 1300);  // convex by then
}

TEST(Cubic, IsAtLeastAsFastAsRenoOnShortPaths) {
  LossBased<Cubic> cubic{kSegment, {}, kPlain};
  LossBased<NewReno> reno{kSegment, {}, kPlain};
  FlowDriver a{cubic, 5_ms}, b{reno, 5_ms};
  const auto mean = [](FlowDriver& path) {  // a path that drops at 40 segments
    double sum = 0;
    for (int i = 0; i < 2000; ++i) {
      path.round();
      if (path.segments() >= 40) { path.lose_and_recover(); }
      sum += path.segments();
    }
    return sum / 2000;
  };
  EXPECT_GE(mean(a), mean(b) * 0.98);
}

TEST(Cubic, BeyondTheOldWindowAShortPathGrowsAsRenoDoes) {  // §4.3: alpha becomes 1
  LossBased<Cubic> cubic{kSegment, {}, kPlain};
  FlowDriver path{cubic, 1_ms};
  reach_and_lose(path, cubic, 40);
  path.round();
  const double below = path.segments();
  path.rounds(10);
  EXPECT_NEAR(path.segments() - below, 10 * Cubic::kAlpha, 0.2);
  while (path.segments() < 41) { path.round(); }
  const double above = path.segments();
  path.rounds(10);
  EXPECT_NEAR(path.segments() - above, 10, 0.3);
}

TEST(Cubic, FastConvergenceLowersThePlateauWhenTheWindowShrinks) {
  LossBased<Cubic> cubic{kSegment, {}, kPlain};
  FlowDriver path{cubic, 100_ms};
  reach_and_lose(path, cubic, 1280);
  path.round();
  const double window = path.segments();
  path.lose_and_recover();
  EXPECT_NEAR(cubic.rule().plateau(), window * 0.85, 2);
}

TEST(Cubic, AfterATimeoutTheCurveBeginsOnItsPlateau) {
  LossBased<Cubic> cubic{kSegment, {}, kPlain};
  FlowDriver path{cubic, 100_ms};
  while (path.segments() < 640) { path.round(); }
  path.lose_and_recover(Sign::timeout);
  EXPECT_EQ(cubic.window(), kSegment);
  while (cubic.in_slow_start()) { path.round(); }
  path.round();
  EXPECT_EQ(cubic.rule().k(), 0);
  EXPECT_NEAR(cubic.rule().plateau(), 640 * 0.7, 5);
}

TEST(Cubic, TimeWithoutGrowthDoesNotCount) {
  LossBased<Cubic> steady{kSegment, {}, kPlain}, pausing{kSegment, {}, kPlain};
  FlowDriver a{steady, 100_ms}, b{pausing, 100_ms};
  reach_and_lose(a, steady, 640);
  reach_and_lose(b, pausing, 640);
  a.rounds(20);
  b.rounds(20);
  for (int i = 0; i < 300; ++i) { b.round(2000_B, {}, true); }
  EXPECT_EQ(steady.window(), pausing.window());
  a.rounds(20);
  b.rounds(20);
  EXPECT_NEAR(a.segments(), b.segments(), 1);
}

TEST(Cubic, UndoRestoresTheCurve) {
  LossBased<Cubic> undone{kSegment, {}, kPlain}, steady{kSegment, {}, kPlain};
  FlowDriver a{undone, 100_ms}, b{steady, 100_ms};
  for (FlowDriver* path : {&a, &b}) {
    while (path->segments() < 640) { path->round(); }
    path->lose_and_recover();
    path->rounds(30);
  }
  a.lose(Sign::duplicate);
  undone.on_spurious_loss(a.now());
  EXPECT_EQ(undone.window(), steady.window());
  a.rounds(30);
  b.rounds(30);
  EXPECT_EQ(undone.window(), steady.window());
}

TEST(Cubic, GrowsByHalfARoundTripAtMost) {
  LossBased<Cubic> cubic{kSegment, {}, kPlain};
  FlowDriver path{cubic, 2_s};
  reach_and_lose(path, cubic, 320);
  for (int i = 0; i < 20; ++i) {
    const double before = path.segments();
    path.round();
    EXPECT_LE(path.segments(), before * std::exp(0.5) + 2);
  }
}

// --- LIA

TEST(Lia, AloneItIsReno) {
  const Flow self = flow(20, 50_ms);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), self, {}), 73.0, 1e-9);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), self, std::span{&self, 1}), 73.0, 1e-9);
  EXPECT_NEAR(Lia::alpha(std::span{&self, 1}), 1.0, 1e-12);
  EXPECT_EQ(Lia{}.after_loss({}, self, {}), 14'600_B);
}

TEST(Lia, TwoEqualFlowsTogetherTakeOneFlowsShare) {
  const std::vector<Flow> flows(2, flow(10, 100_ms));
  EXPECT_NEAR(Lia::alpha(flows), 0.5, 1e-12);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), flows[0], flows), 36.5, 1e-9);
}

TEST(Lia, KnownCasesComeOutAsComputed) {  // by hand from RFC 6356 §3
  const std::vector<Flow> b = {flow(20, 50_ms), flow(10, 100_ms)};
  EXPECT_NEAR(Lia::alpha(b), 0.96, 1e-9);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), b[0], b), 46.72, 1e-9);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), b[1], b), 46.72, 1e-9);
  const std::vector<Flow> e = {flow(40, 20_ms), flow(10, 200_ms), flow(10, 200_ms)};
  EXPECT_NEAR(Lia::alpha(e), 1.360544, 1e-6);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), e[0], e), 33.1066, 1e-4);
}

TEST(Lia, AFlowIsNeverFasterThanATcpOfItsOwn) {
  const std::vector<Flow> flows = {flow(2, 10_ms), flow(200, 10_ms)};
  EXPECT_LE(Lia{}.growth(ack_of(1460_B), flows[1], flows), 1460.0 / 200 + 1e-9);
}

TEST(Lia, FlowsWithoutARoundTripTimeAreLeftOut) {
  const std::vector<Flow> flows = {flow(20, 50_ms), flow(10, {})};
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), flows[0], flows), 73.0, 1e-9);
  EXPECT_NEAR(Lia{}.growth(ack_of(1460_B), flows[1], flows), 146.0, 1e-9);  // knows nothing yet: Reno
}

TEST(Lia, TwoFlowsOnAnEqualPathGrowTogetherAsOne) {
  LossBased<Lia> one{kSegment, {}, kPlain}, two{kSegment, {}, kPlain};
  FlowDriver a{one, 50_ms}, b{two, 50_ms};
  for (FlowDriver* path : {&a, &b}) {
    path->rounds(3);
    path->lose_and_recover();
  }
  const auto seen = [](const Controller& c) { return Flow{c.window(), c.window(), 50_ms, kSegment, {}}; };
  for (int i = 0; i < 40; ++i) {
    const std::vector<Flow> flows = {seen(one), seen(two)};
    a.round(2000_B, flows);
    b.round(2000_B, flows);
  }
  // Each of two equal flows grows by alpha/2 = 1/4 segment a round trip: together half a segment, as RFC 6356's
  // alpha makes it when both see the same loss rate.
  EXPECT_NEAR(a.segments() - 40, 10, 0.5);
  EXPECT_NEAR(b.segments() - 40, 10, 0.5);
}
}  // namespace
}  // namespace anabranch::cc
