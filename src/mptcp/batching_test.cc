#include "mptcp/batching.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {
constexpr Instant kNow{5'000'000'000};

TEST(Batching, ByDefaultNothingWaits) {
  Batching b{true, false};
  b.bound({11}, true);
  EXPECT_FALSE(b.holds({11}, {1}, kNow));
}

TEST(Batching, NagleHoldsASmallPacketWhileAnEarlierSmallOneIsOut) {
  Batching b{false, false};
  EXPECT_FALSE(b.holds({1}, {1}, kNow));  // nothing is out
  b.bound({11}, true);
  EXPECT_TRUE(b.holds({11}, {1}, kNow));
  EXPECT_TRUE(b.holds({11}, {10}, kNow));
  EXPECT_FALSE(b.holds({11}, {11}, kNow));
  EXPECT_TRUE(b.deadline().is_never());  // an acknowledgment ends it, not a clock
}

TEST(Batching, FullPacketsHoldNothingBack) {
  Batching b{false, false};
  b.bound({3001}, false);
  EXPECT_FALSE(b.holds({3001}, {1}, kNow));  // Minshall: only small ones count
}

TEST(Batching, LiftingARulePushesWhatWaitsAndNoMore) {
  Batching b{false, false};
  b.bound({11}, true);
  b.set_no_delay(true, {21});
  b.set_no_delay(false, {21});
  EXPECT_FALSE(b.holds({11}, {1}, kNow));
  EXPECT_TRUE(b.holds({21}, {1}, kNow));
}

TEST(Batching, ACorkHoldsForTwoHundredMilliseconds) {
  Batching b{true, true};
  EXPECT_TRUE(b.deadline().is_never());
  EXPECT_TRUE(b.holds({1}, {1}, kNow));
  EXPECT_TRUE(b.holds({1}, {1}, kNow + 100_ms));
  EXPECT_EQ(b.deadline(), kNow + 200_ms);
  b.push({11});
  EXPECT_FALSE(b.holds({1}, {1}, kNow + 200_ms));
  b.bound({11}, true);
  EXPECT_TRUE(b.deadline().is_never());
  EXPECT_TRUE(b.holds({11}, {11}, kNow + 300_ms));  // the next write waits anew
  EXPECT_EQ(b.deadline(), kNow + 500_ms);
  b.set_cork(false, {21});
  EXPECT_FALSE(b.holds({11}, {11}, kNow + 300_ms));
  EXPECT_FALSE(b.holds({21}, {11}, kNow + 300_ms));
}
}  // namespace
}  // namespace anabranch::mptcp
