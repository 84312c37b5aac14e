#include "stream/rtt.hh"

#include <deque>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::stream {
namespace {

TEST(Rtt, BeforeTheFirstSampleTheTimeoutIsOneSecond) {
  RttEstimator rtt;
  EXPECT_FALSE(rtt.has_sample());
  EXPECT_EQ(rtt.rto(), 1_s);
  rtt.syn_was_lost();  // RFC 6298 §5.7
  EXPECT_EQ(rtt.rto(), 3_s);
}

// [9293-MUST-18]
TEST(Rtt, TheFirstSampleSetsBothAndTheSecondIsSmoothed) {  // RFC 6298 §2.2, §2.3, by hand
  RttEstimator rtt;
  rtt.sample(Instant{}, 800_ms);
  EXPECT_EQ(rtt.srtt(), 800_ms);
  EXPECT_EQ(rtt.rttvar(), 400_ms);
  EXPECT_EQ(rtt.rto(), 2400_ms);
  rtt.sample(Instant{} + 1_s, 400_ms);
  EXPECT_EQ(rtt.rttvar(), 400_ms);
  EXPECT_EQ(rtt.srtt(), 750_ms);
  rtt.sample(Instant{} + 2_s, 750_ms);
  EXPECT_EQ(rtt.rttvar(), 300_ms);
  EXPECT_EQ(rtt.srtt(), 750_ms);
  EXPECT_EQ(rtt.latest(), 750_ms);
}

TEST(Rtt, OnASteadyPathTheTimeoutStaysTheMinimumAboveTheRoundTrip) {
  RttEstimator rtt;
  for (int i = 0; i < 100; ++i) { rtt.sample(Instant{} + 10_ms * i, 30_ms); }
  EXPECT_EQ(rtt.srtt(), 30_ms);
  EXPECT_EQ(rtt.rto(), 230_ms);
}

TEST(Rtt, EachExpiryDoublesTheTimeoutUpToTheMaximumAndASampleEndsIt) {  // [9293-MUST-19]
  RttEstimator rtt;
  rtt.sample(Instant{}, 100_ms);
  const Duration base = rtt.rto();
  rtt.back_off();
  EXPECT_EQ(rtt.rto(), base * 2);
  rtt.back_off();
  EXPECT_EQ(rtt.rto(), base * 4);
  EXPECT_EQ(rtt.base_rto(), base);
  for (int i = 0; i < 100; ++i) { rtt.back_off(); }
  EXPECT_EQ(rtt.rto(), 120_s);
  rtt.sample(Instant{} + 1_s, 100_ms);
  EXPECT_LE(rtt.rto(), base);
  EXPECT_EQ(rtt.backoff(), 0u);
}

TEST(Rtt, ManySamplesARoundMoveItAsMuchAsOneWould) {  // RFC 7323 §4.2
  RttEstimator one, many;
  one.sample(Instant{}, 100_ms);
  many.sample(Instant{}, 100_ms);
  one.sample(Instant{} + 1_s, 200_ms);
  for (int i = 0; i < 20; ++i) { many.sample(Instant{} + 1_s, 200_ms, 20); }
  EXPECT_NEAR(milliseconds(one.srtt()), milliseconds(many.srtt()), 1.0);
  EXPECT_LT(one.srtt(), 113_ms);
}

TEST(Rtt, AZeroSampleCountsAsTheShortestTime) {
  RttEstimator rtt;
  rtt.sample(Instant{}, Duration{0});
  EXPECT_TRUE(rtt.has_sample());
  EXPECT_EQ(rtt.min_rtt(), 1_ns);
  EXPECT_GE(rtt.rto(), 200_ms);
}

TEST(WindowedMinimum, ForgetsWhatIsTooOld) {
  WindowedMinimum m{10_s};
  m.add(Instant{}, 10_ms);
  for (int i = 1; i <= 9; ++i) { m.add(Instant{} + 1_s * i, 50_ms); }
  EXPECT_EQ(m.get(), 10_ms);
  m.add(Instant{} + 11_s, 60_ms);
  EXPECT_EQ(m.get(), 50_ms);
}

TEST(WindowedMinimum, TheRunnerUpMayBeTooOldAsWell) {
  WindowedMinimum m{10_s};
  m.add(Instant{}, 10_ms);
  m.add(Instant{} + 3_s, 20_ms);
  m.add(Instant{} + 6_s, 30_ms);
  m.add(Instant{} + 14_s, 40_ms);
  EXPECT_EQ(m.get(), 30_ms);
}

TEST(WindowedMinimum, AllIsForgottenAfterALongSilence) {
  WindowedMinimum m{10_s};
  m.add(Instant{}, 10_ms);
  m.add(Instant{} + 100_s, 90_ms);
  EXPECT_EQ(m.get(), 90_ms);
}

// Three samples cannot be exact; but never below the true minimum of the window (and a sample's gap before it), and
// never above what the latest half of the window holds.
RC_GTEST_PROP(WindowedMinimum, StaysBetweenTheMinimumOfTheWindowAndThatOfItsLaterHalf, ()) {
  WindowedMinimum m{Duration{1000}};
  std::deque<std::pair<std::int64_t, std::int64_t>> all;
  std::int64_t now = 0;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(1, 100), rc::gen::inRange(1, 50)));
  for (const auto& [gap, value] : steps) {
    now += gap;
    m.add(Instant{now}, Duration{value});
    all.emplace_back(now, value);
    std::int64_t window = 1000, half = 1000;
    for (const auto& [at, v] : all) {
      if (now - at <= 1000) { window = std::min<std::int64_t>(window, v); }
      if (now - at <= 400) { half = std::min<std::int64_t>(half, v); }
    }
    RC_ASSERT(m.get().ns >= window);
    RC_ASSERT(m.get().ns <= half);
  }
}

TEST(Rtt, ATimeoutThatWasTooShortBecomesLonger) {  // RFC 4015 §3.2
  RttEstimator rtt;
  rtt.sample({0}, 20_ms);
  rtt.was_too_short(500_ms);
  EXPECT_EQ(rtt.rto(), 500_ms + 250_ms * 4);
  rtt.was_too_short(20_ms);  // never shorter
  EXPECT_EQ(rtt.srtt(), 500_ms);
}
}  // namespace
}  // namespace anabranch::stream
