#include "cc/slow_start.hh"

#include "cc/cubic.hh"
#include "cc/loss_based.hh"

#include <algorithm>
#include <gtest/gtest.h>

namespace anabranch::cc {
namespace {

using Phase = HyStart::Phase;

/// A round of `acks` acknowledgments with this round-trip time, of a window of 100 segments.
void round(HyStart& hystart, Duration rtt, int acks = 10) {
  for (int i = 0; i < acks; ++i) {
    const Bytes part = 100'000_B / static_cast<std::uint64_t>(acks);
    hystart.on_acked({.now = {}, .bytes = part, .in_flight = 100'000_B + part, .rtt = rtt, .srtt = rtt});
  }
}

TEST(HyStart, ASteadyRoundTripTimeGoesOnAtFullSpeed) {
  HyStart hystart;
  for (int i = 0; i < 50; ++i) { round(hystart, 40_ms); }
  EXPECT_EQ(hystart.phase(), Phase::standard);
  EXPECT_EQ(hystart.growth_divisor(), 1u);
}

TEST(HyStart, ARiseByAnEighthSlowsItDown) {
  HyStart hystart;
  round(hystart, 40_ms);
  round(hystart, 40_ms);
  round(hystart, 44_ms);  // below the threshold of 5 ms
  EXPECT_EQ(hystart.phase(), Phase::standard);
  round(hystart, 50_ms);
  EXPECT_EQ(hystart.phase(), Phase::conservative);
  EXPECT_EQ(hystart.growth_divisor(), 4u);
}

TEST(HyStart, TheThresholdIsFourMillisecondsAtLeastAndSixteenAtMost) {
  HyStart small, large;
  for (int i = 0; i < 2; ++i) {
    round(small, 1_ms);
    round(large, 400_ms);
  }
  round(small, 4_ms);
  EXPECT_EQ(small.phase(), Phase::standard);
  round(large, 417_ms);  // an eighth would be 50
  EXPECT_EQ(large.phase(), Phase::conservative);
}

TEST(HyStart, AFewSamplesAreNotEnough) {
  HyStart hystart;
  for (int i = 0; i < 3; ++i) { round(hystart, 40_ms, 5); }
  for (int i = 0; i < 3; ++i) { round(hystart, 90_ms * (i + 1), 5); }
  EXPECT_EQ(hystart.phase(), Phase::standard);
}

TEST(HyStart, WhenTheRiseLastsItFinishesAfterFiveRounds) {
  HyStart hystart;
  round(hystart, 40_ms);
  round(hystart, 40_ms);
  int rounds = 0;
  while (hystart.phase() != Phase::finished && rounds < 20) {
    round(hystart, 60_ms);
    ++rounds;
  }
  EXPECT_TRUE(rounds == 5 || rounds == 6) << rounds;
}

TEST(HyStart, WhenTheRiseWasNoiseItGoesOnAtFullSpeed) {
  HyStart hystart;
  round(hystart, 40_ms);
  round(hystart, 40_ms);
  round(hystart, 60_ms);
  ASSERT_EQ(hystart.phase(), Phase::conservative);
  round(hystart, 41_ms);
  round(hystart, 41_ms);
  EXPECT_EQ(hystart.phase(), Phase::standard);
}

/// Acknowledgments of two packets each, a millisecond apart from each other.
struct Acks {
  Instant now{};
  Duration rtt = 40_ms, growth = 500_us;  ///< of the first one; from one to the next: packets left twice as fast
  bool app_limited = false;

  void go(HyStart& hystart, int count, Bytes in_flight) {
    for (int i = 0; i < count; ++i) {
      now = now + 1_ms;
      const Acked acked{
          .now = now, .bytes = 2000_B, .in_flight = in_flight, .rtt = rtt, .srtt = rtt, .app_limited = app_limited};
      hystart.on_acked(acked);
      rtt = rtt + growth;
    }
  }
};

// 2000 bytes in each millisecond, for 40 ms: the pipe holds 80,000 bytes.
TEST(HyStart, IsOverWhenTheWindowIsMoreThanTheTrainOfAcknowledgmentsLetsThePipeHold) {
  HyStart hystart;
  Acks acks;
  acks.go(hystart, 30, 90'000_B);
  EXPECT_EQ(hystart.phase(), Phase::standard);
  acks.go(hystart, 1, 104'000_B);
  EXPECT_EQ(hystart.phase(), Phase::finished);
}

TEST(HyStart, ShortTrainsAndThoseWithPausesTellNothing) {
  HyStart hystart;
  Acks acks;
  for (int i = 0; i < 20; ++i) {
    acks.now = acks.now + 11_ms;
    acks.rtt = 40_ms;
    acks.go(hystart, 15, 104'000_B);
  }
  EXPECT_EQ(hystart.phase(), Phase::standard);
}

TEST(HyStart, ATrainThatIsASmallPartOfTheWindowTellsNothing) {
  HyStart hystart;
  Acks{}.go(hystart, 30, 400'000_B);
  EXPECT_EQ(hystart.phase(), Phase::standard);
}

TEST(HyStart, AnApplicationThatSendsSlowlyDoesNotEndIt) {
  HyStart hystart;
  Acks{.app_limited = true}.go(hystart, 30, 104'000_B);
  EXPECT_EQ(hystart.phase(), Phase::standard);
}

// A sender that paces itself has twice as much in flight as came back in the last round trip, at any rate.
TEST(HyStart, ATrainThatCameAsSlowlyAsItWasSentTellsNothingOfTheBottleneck) {
  HyStart hystart;
  Acks{.growth = 0_ms}.go(hystart, 60, 160'000_B);
  EXPECT_EQ(hystart.phase(), Phase::standard);
}

/// A bottleneck with an endless queue: the window beyond the pipe only adds delay. Returns the window at which the
/// first slow start ended, or at which it was stopped.
Bytes end_of_slow_start(bool hystart) {
  LossBased<Cubic> cubic{1000_B, {}, {.hystart = hystart}};
  constexpr Rate kRate{10'000'000};          // 80 Mb/s
  constexpr Duration kBase = 40'000'000_ns;  // the pipe holds 400 segments
  Instant now;
  while (cubic.in_slow_start() && cubic.window() < 4_MiB) {
    const Bytes window = cubic.window();
    const Duration rtt = std::max(kBase, time_for(window, kRate));  // what the pipe does not hold queues
    for (std::uint64_t i = 2; i <= window.n / 1000; i += 2) {
      cubic.on_acked({.now = now + rtt, .bytes = 2000_B, .in_flight = window, .rtt = rtt, .srtt = rtt}, {});
    }
    now = now + rtt;
  }
  return cubic.window();
}

TEST(HyStart, LeavesSlowStartBeforeADeepQueueFills) {
  EXPECT_GE(end_of_slow_start(false), 4_MiB);
  const Bytes end = end_of_slow_start(true);
  EXPECT_GE(end, 300'000_B);
  EXPECT_LT(end, 2'500'000_B);
}
}  // namespace
}  // namespace anabranch::cc
