#include "cc/loss_based.hh"

#include "cc/flow_driver_test.hh"
#include "cc/new_reno.hh"
#include "cc/registry.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::cc {
namespace {

constexpr Bytes kSegment = FlowDriver::kSegment;
constexpr LossBasedOptions kPlain{.hystart = false};
using Reno = LossBased<NewReno>;

TEST(InitialWindow, IsTenSegmentsOrWhatRfc6928Says) {
  EXPECT_EQ(initial_window(1460_B), 14'600_B);
  EXPECT_EQ(initial_window(536_B), 5360_B);
  EXPECT_EQ(initial_window(8960_B), 17'920_B);
  EXPECT_EQ(initial_window(1500_B), 14'600_B);
}

TEST(SlowStart, DoublesEachRoundTrip) {  // [9293-MUST-19]
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  for (const double want : {10, 20, 40, 80, 160}) {
    EXPECT_EQ(path.segments(), want);
    EXPECT_TRUE(reno.in_slow_start());
    path.round();
  }
}

TEST(SlowStart, OneAcknowledgmentForAWholeBurstCountsInFull) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  for (int i = 0; i < 3; ++i) { path.round(64'000_B); }
  EXPECT_EQ(path.segments(), 80);
}

TEST(SlowStart, OneAcknowledgmentForMoreThanABurstCountsAsABurst) {  // RFC 3465 §2.3
  Reno reno{kSegment, {}, kPlain};
  reno.on_acked({.now = {}, .bytes = 1_MiB, .in_flight = 1_MiB, .rtt = {}, .srtt = {}}, {});
  EXPECT_EQ(reno.window(), 10'000_B + 64_KiB);
}

TEST(SlowStart, EndsAtTheThreshold) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(3);
  path.lose_and_recover(Sign::timeout);
  EXPECT_EQ(reno.threshold(), 40'000_B);
  while (reno.in_slow_start()) {
    reno.on_acked({.now = path.now(), .bytes = 3000_B, .in_flight = 9000_B, .rtt = {}, .srtt = 50_ms}, {});
  }
  EXPECT_EQ(reno.window(), 40'000_B);
  path.round();
  EXPECT_NEAR(path.segments(), 41, 0.1);
}

TEST(Recovery, ReducesOnceAnEpisodeAndGrowsNotUntilItsEnd) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(3);
  path.lose(Sign::duplicate);
  EXPECT_EQ(reno.window(), 40'000_B);
  path.lose(Sign::duplicate);
  path.lose(Sign::ecn);
  path.round();
  EXPECT_EQ(reno.window(), 40'000_B);
  EXPECT_FALSE(reno.in_slow_start());
  reno.on_recovery_exit(path.now());
  path.lose(Sign::ecn);
  EXPECT_EQ(reno.window(), 20'000_B);
}

TEST(Recovery, TheThresholdIsTwoSegmentsAtLeast) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  for (int i = 0; i < 10; ++i) { path.lose_and_recover(); }
  EXPECT_EQ(reno.window(), kSegment * 2);
  EXPECT_EQ(reno.threshold(), kSegment * 2);
}

TEST(Timeout, CollapsesToOneSegmentAndKeepsTheThresholdWhenRepeated) {  // RFC 5681 §3.1
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(3);
  path.lose(Sign::timeout);
  EXPECT_EQ(reno.window(), kSegment);
  EXPECT_EQ(reno.threshold(), 40'000_B);
  path.lose(Sign::timeout);
  path.lose(Sign::timeout);
  EXPECT_EQ(reno.threshold(), 40'000_B);
}

TEST(Timeout, AfterItOneAcknowledgmentAddsOneSegmentUntilAllIsRepaired) {  // RFC 3465 §2.3
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(3);
  path.lose(Sign::timeout);
  reno.on_acked({.now = path.now(), .bytes = 30'000_B, .in_flight = 80'000_B, .rtt = {}, .srtt = 50_ms}, {});
  EXPECT_EQ(reno.window(), kSegment * 2);
  reno.on_recovery_exit(path.now());
  reno.on_acked({.now = path.now(), .bytes = 5000_B, .in_flight = 5000_B, .rtt = {}, .srtt = 50_ms}, {});
  EXPECT_EQ(reno.window(), kSegment * 7);
}

TEST(Timeout, WithinARecoveryItDoesNotHalveAgain) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(3);
  path.lose(Sign::duplicate);
  path.lose(Sign::timeout);
  EXPECT_EQ(reno.threshold(), 40'000_B);
  EXPECT_EQ(reno.window(), kSegment);
  reno.on_spurious_loss(path.now());  // only the timeout was spurious
  EXPECT_EQ(reno.window(), 40'000_B);
  EXPECT_EQ(reno.threshold(), 40'000_B);
}

TEST(Undo, RestoresWindowAndThreshold) {
  for (const Sign sign : {Sign::duplicate, Sign::timeout}) {
    Reno reno{kSegment, {}, kPlain};
    FlowDriver path{reno, 50_ms};
    path.rounds(2);
    path.lose(sign);
    EXPECT_LT(reno.window(), 40'000_B);
    reno.on_spurious_loss(path.now());
    EXPECT_EQ(reno.window(), 40'000_B) << name(sign);
    EXPECT_EQ(reno.threshold(), kNoThreshold) << name(sign);
    path.round();
    EXPECT_EQ(reno.window(), 80'000_B) << name(sign);
  }
}

TEST(Undo, RepeatedTimeoutsAreUndoneToBeforeTheFirst) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(2);
  path.lose(Sign::timeout);
  path.lose(Sign::timeout);
  reno.on_spurious_loss(path.now());
  EXPECT_EQ(reno.window(), 40'000_B);
}

TEST(Undo, HappensOnceAndNeverTakesAway) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.lose_and_recover();
  path.rounds(20);
  const Bytes reached = reno.window();
  ASSERT_GT(reached, 10'000_B);
  reno.on_spurious_loss(path.now());  // late news
  EXPECT_EQ(reno.window(), reached);
  reno.on_spurious_loss(path.now());
  EXPECT_EQ(reno.window(), reached);
}

/// All but those that do not live by slow start and a threshold.
std::vector<std::string_view> loss_based_names() {
  std::vector<std::string_view> out(controller_names().begin(), controller_names().end());
  std::erase(out, "bbr");
  return out;
}

TEST(AppLimited, TheWindowDoesNotGrow) {  // RFC 7661
  for (const std::string_view name : loss_based_names()) {
    const auto controller = make_controller(name, kSegment);
    FlowDriver path{*controller, 50_ms};
    for (int i = 0; i < 10; ++i) { path.round(2000_B, {}, true); }
    EXPECT_EQ(controller->window(), 10'000_B) << name;
    path.lose_and_recover();
    const Bytes reduced = controller->window();
    for (int i = 0; i < 10; ++i) { path.round(2000_B, {}, true); }
    EXPECT_EQ(controller->window(), reduced) << name;
  }
}

TEST(Idle, HalvesForEachTimeoutDownToTheInitialWindow) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(4);
  const Instant last = path.now() - 50_ms;  // when the driver last sent
  reno.after_idle(last + 200_ms, 200_ms);
  EXPECT_EQ(reno.window(), 160'000_B);
  reno.after_idle(last + 450_ms, 200_ms);
  EXPECT_EQ(reno.window(), 40'000_B);
  reno.after_idle(last + 450_ms, 200_ms);  // asked twice, decayed once
  EXPECT_EQ(reno.window(), 40'000_B);
  reno.after_idle(last + 100_s, 200_ms);
  EXPECT_EQ(reno.window(), 10'000_B);
}

TEST(Idle, AWindowBelowTheInitialOneIsLeftAlone) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.round();
  for (int i = 0; i < 3; ++i) { path.lose_and_recover(); }
  const Bytes small = reno.window();
  ASSERT_LT(small, 10'000_B);
  reno.after_idle(path.now() + 100_s, 200_ms);
  EXPECT_EQ(reno.window(), small);
}

TEST(Handshake, ALossyOneStartsWithOneSegment) {  // RFC 5681 §3.1
  Reno reno{kSegment, {}, kPlain};
  reno.on_lossy_handshake();
  EXPECT_EQ(reno.window(), kSegment);
  EXPECT_TRUE(reno.in_slow_start());
}

TEST(Segment, ItsSizeSetsTheInitialWindowBeforeDataAndAFloorAfter) {
  Reno reno{kSegment, {}, kPlain};
  reno.set_segment(1400_B);
  EXPECT_EQ(reno.window(), 14'000_B);
  reno.on_sent({}, 1400_B, 1400_B);
  reno.set_segment(500_B);
  EXPECT_EQ(reno.window(), 14'000_B);
}

TEST(Pacing, IsNeverBelowTheWindowsRate) {
  Reno reno{kSegment, {}, kPlain};
  EXPECT_EQ(reno.pacing(), Rate{});  // no round-trip time yet
  FlowDriver path{reno, 100_ms};
  path.round();
  EXPECT_EQ(reno.pacing(), Rate{400'000});  // 20 segments, twice, each 100 ms
  path.lose_and_recover();
  EXPECT_EQ(reno.pacing(), Rate{120'000});  // 10 segments and a fifth
}

TEST(Underused, AWindowThatIsNotNeededGoesHalfWayToWhatIs) {  // RFC 2861, as Linux
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 100_ms};
  path.rounds(3);  // 80 segments
  reno.on_underused(path.now(), 40'000_B);
  EXPECT_EQ(path.segments(), 60);
  reno.on_underused(path.now(), 2000_B);
  EXPECT_EQ(path.segments(), 35);  // never below the initial window of ten
  for (int i = 0; i < 20; ++i) { reno.on_underused(path.now(), 2000_B); }
  EXPECT_EQ(path.segments(), 10);
  EXPECT_EQ(reno.threshold(), kNoThreshold);
}

TEST(Underused, RemembersThreeQuartersAsThreshold) {
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 100_ms};
  path.rounds(3);
  path.lose_and_recover();  // 40 segments
  reno.on_underused(path.now(), 2000_B);
  EXPECT_EQ(path.segments(), 25);
  EXPECT_EQ(reno.threshold(), 40'000_B);
  path.lose(Sign::duplicate);
  const Bytes window = reno.window();
  reno.on_underused(path.now(), 2000_B);  // not while recovering
  EXPECT_EQ(reno.window(), window);
}

TEST(BetweenLosses, IsTheLargerOfTheLastTwoDistances) {  // OLIA's estimate
  Reno reno{kSegment, {}, kPlain};
  FlowDriver path{reno, 50_ms};
  path.rounds(2);
  EXPECT_EQ(reno.between_losses(), 30'000_B);
  path.lose_and_recover();
  path.round();
  EXPECT_EQ(reno.between_losses(), 30'000_B);
  path.lose_and_recover();
  EXPECT_EQ(reno.between_losses(), 20'000_B);
}

TEST(Registry, KnowsNineRules) {
  const std::vector<std::string_view> wanted = {"balia", "bbr",      "cubic", "ewtcp", "fully_coupled",
                                                "lia",   "new_reno", "olia",  "wvegas"};
  EXPECT_EQ(std::vector<std::string_view>(controller_names().begin(), controller_names().end()), wanted);
}

TEST(Registry, MakesWhatItNamesAndNothingElse) {
  EXPECT_TRUE(std::is_sorted(controller_names().begin(), controller_names().end()));
  for (const std::string_view name : controller_names()) {
    const auto controller = make_controller(name, kSegment);
    ASSERT_NE(controller, nullptr);
    EXPECT_EQ(controller->name(), name);
  }
  EXPECT_EQ(make_controller("vegas_of_1994", kSegment), nullptr);
  EXPECT_NE(make_controller(kDefaultController, kSegment), nullptr);
}

RC_GTEST_PROP(LossBased, NothingTakesTheWindowBelowASegmentOrTheThresholdBelowTwo, ()) {
  const auto names = loss_based_names();
  const auto controller = make_controller(names[*rc::gen::inRange<std::size_t>(0, names.size())], kSegment);
  Instant now;
  for (const auto& [what, n] : *rc::gen::container<std::vector<std::pair<int, int>>>(
           rc::gen::pair(rc::gen::inRange(0, 10), rc::gen::inRange(1, 200'000)))) {
    const Bytes bytes{static_cast<std::uint64_t>(n)};
    now = now + Duration{std::int64_t{n} * 1000};
    const Duration rtt{std::int64_t{n} * 500};
    switch (what) {
      case 0: controller->on_lost({now, bytes, bytes, Sign::duplicate}, {}); break;
      case 1: controller->on_lost({now, bytes, bytes, Sign::timeout}, {}); break;
      case 2: controller->on_recovery_exit(now); break;
      case 3: controller->on_spurious_loss(now); break;
      case 4: controller->after_idle(now, rtt); break;
      case 5: controller->on_sent(now, bytes, bytes); break;
      default: controller->on_acked({now, bytes, bytes, rtt, rtt, what == 9}, {});
    }
    RC_ASSERT(controller->window() >= kSegment);
    RC_ASSERT(controller->threshold() >= kSegment * 2);
    RC_ASSERT(controller->in_slow_start() == (controller->window() < controller->threshold()));
  }
}
}  // namespace
}  // namespace anabranch::cc
