#include "tcp/throughput.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
constexpr Bytes kSegment{1000};

/// An acknowledgment of `bytes` every `pause`, so many times.
void answers(Throughput& t, Instant& now, Duration pause, Bytes bytes, int times) {
  for (int i = 0; i < times; ++i) {
    now = now + pause;
    t.on_acked(now, bytes, kSegment, 20_ms);
  }
}

TEST(Throughput, IsWhatArrivesInATimeLongEnoughToTell) {
  Throughput t;
  Instant now{};
  t.rest(now);
  answers(t, now, 1_ms, {2000}, 6);
  EXPECT_EQ(t.rate(), Rate{}) << "five milliseconds are too short";
  answers(t, now, 1_ms, {2000}, 5);
  EXPECT_EQ(t.rate(), Rate{2'000'000});
}
TEST(Throughput, TheRoundTripBeforeTheFirstAnswerDoesNotCount) {
  Throughput t;
  Instant now{};
  t.rest(now);
  now = now + 5_s;
  answers(t, now, 10_ms, {1000}, 5);
  EXPECT_EQ(t.rate(), Rate{100'000});
}
TEST(Throughput, APathThatIsSlowerThanFourPacketsInARoundTripIsKnownAfterOne) {
  Throughput t;
  Instant now{};
  t.rest(now);
  answers(t, now, 15_ms, {1000}, 2);
  EXPECT_EQ(t.rate(), Rate{}) << "less than a round trip after the first answer";
  answers(t, now, 15_ms, {1000}, 1);
  EXPECT_EQ(t.rate(), Rate{66'666});
}
TEST(Throughput, SilenceDoesNotCount) {
  Throughput t;
  Instant now{};
  t.rest(now);
  answers(t, now, 10_ms, {1000}, 5);
  now = now + 60_s;
  t.rest(now);
  answers(t, now, 10_ms, {2000}, 5);
  EXPECT_EQ(t.rate(), Rate{200'000});
}
TEST(Throughput, AClumpOfAnswersIsNotSpeed) {
  Throughput t;
  Instant now{};
  t.rest(now);
  answers(t, now, 10_ms, {1000}, 5);
  now = now + 40_ms;
  for (int i = 0; i < 4; ++i) { t.on_acked(now, {1000}, kSegment, 20_ms); }
  EXPECT_LE(t.rate(), Rate{100'000});
}
}  // namespace
}  // namespace anabranch::tcp
