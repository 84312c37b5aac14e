#include "cc/cubic.hh"
#include "cc/flow_driver_test.hh"
#include "cc/loss_based.hh"
#include "cc/new_reno.hh"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace anabranch::cc {
namespace {

constexpr Bytes kSegment = FlowDriver::kSegment;
constexpr LossBasedOptions kPlain{.hystart = false};

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
}  // namespace
}  // namespace anabranch::cc
