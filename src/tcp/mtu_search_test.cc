// How large packets may be: what routers say, what they do not say, and the way up again.
#include "tcp/mtu_search.hh"

#include "base/random.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
constexpr Instant kNow{1'000'000'000};

/// Searches on a path that takes packets up to `passes`; returns how many probes were lost.
unsigned search(MtuSearch& mtu, std::uint32_t passes, Instant now = kNow) {
  unsigned lost = 0;
  while (const auto size = mtu.wanted(now)) {
    mtu.probe_left(*size);
    EXPECT_FALSE(mtu.wanted(now).has_value());  // one at a time
    *size <= passes ? mtu.probe_arrived(now) : mtu.probe_lost(now);
    lost += *size > passes ? 1 : 0;
    if (lost > 100) { break; }
  }
  return lost;
}

TEST(MtuSearch, WantsNothingWhileNothingSpeaksAgainstTheInterface) {
  MtuSearch mtu{1500, 20};
  EXPECT_EQ(1500u, mtu.size());
  EXPECT_FALSE(mtu.wanted(kNow + Duration{1'000'000'000'000}).has_value());
}

TEST(MtuSearch, BelievesARouterDownwardsAndNeverBelowTheFloor) {
  MtuSearch mtu{1500, 20};
  EXPECT_FALSE(mtu.told(9000, kNow));
  EXPECT_TRUE(mtu.told(1400, kNow));
  EXPECT_EQ(1400u, mtu.size());
  EXPECT_FALSE(mtu.told(1400, kNow));
  EXPECT_FALSE(mtu.wanted(kNow).has_value());  // it knows
  EXPECT_TRUE(mtu.told(68, kNow));
  EXPECT_EQ(552u, mtu.size());
  MtuSearch v6{1500, 40};
  EXPECT_TRUE(v6.told(600, kNow));
  EXPECT_EQ(1280u, v6.size());
}

TEST(MtuSearch, GuessesForARouterThatDoesNotSay) {  // RFC 1191 §7.1
  MtuSearch mtu{9000, 20};
  for (const std::uint32_t expected : {8166u, 4352u, 2002u, 1492u, 1006u, 552u}) {
    EXPECT_TRUE(mtu.told(0, kNow));
    EXPECT_EQ(expected, mtu.size());
  }
  EXPECT_FALSE(mtu.told(0, kNow));
}

TEST(MtuSearch, DoubtsWhatContradictsDeliveriesUntilALoss) {  // RFC 5927 §7
  MtuSearch mtu{1500, 20};
  mtu.on_delivered(1500);
  EXPECT_FALSE(mtu.told(1000, kNow));
  EXPECT_EQ(1500u, mtu.size());
  EXPECT_FALSE(mtu.on_again(900, kNow));
  EXPECT_TRUE(mtu.on_again(1500, kNow));
  EXPECT_EQ(1000u, mtu.size());
}

TEST(MtuSearch, ForgetsAForgeryWhenLargePacketsGoOnArriving) {
  MtuSearch mtu{1500, 20};
  mtu.on_delivered(1500);
  EXPECT_FALSE(mtu.told(1000, kNow));
  mtu.on_delivered(600);  // proves nothing
  mtu.on_delivered(1500);
  EXPECT_FALSE(mtu.on_again(1500, kNow));
  EXPECT_EQ(1500u, mtu.size());
}

TEST(MtuSearch, TwoTimeoutsOfLargePacketsInARowAreABlackHole) {  // RFC 4821 §7.7
  MtuSearch mtu{1500, 20};
  EXPECT_FALSE(mtu.on_timeout(1500, kNow));
  mtu.on_delivered(1500);
  EXPECT_FALSE(mtu.on_timeout(1500, kNow));
  EXPECT_TRUE(mtu.on_timeout(1500, kNow));
  EXPECT_EQ(1064u, mtu.size());
  for (unsigned i = 1; i < MtuSearch::kTimeoutsBelowBase; ++i) { EXPECT_FALSE(mtu.on_timeout(1064, kNow)); }
  EXPECT_TRUE(mtu.on_timeout(1064, kNow));
  EXPECT_EQ(552u, mtu.size());
  for (int i = 0; i < 9; ++i) { EXPECT_FALSE(mtu.on_timeout(552, kNow)); }
}

TEST(MtuSearch, TimeoutsOfSmallPacketsSayNothingOfLargeOnes) {
  MtuSearch mtu{1500, 20};
  for (int i = 0; i < 9; ++i) { EXPECT_FALSE(mtu.on_timeout(500, kNow)); }
  MtuSearch v6{1280, 40};
  for (int i = 0; i < 9; ++i) { EXPECT_FALSE(v6.on_timeout(1280, kNow)); }
}

TEST(MtuSearch, FindsWhatABlackHolePassesWithinEightBytes) {
  Generator random{7};
  for (int i = 0; i < 200; ++i) {
    const std::uint32_t header = i % 2 == 0 ? 20 : 40;
    const auto interface = static_cast<std::uint32_t>(random.between(1281, 9000));
    const auto passes = static_cast<std::uint32_t>(random.between(1280, interface));
    MtuSearch mtu{interface, header};
    mtu.on_timeout(interface, kNow);
    ASSERT_TRUE(mtu.on_timeout(interface, kNow));
    EXPECT_LE(search(mtu, passes), 3 * 14u);
    EXPECT_LE(mtu.size(), passes);
    EXPECT_GT(mtu.size() + MtuSearch::kNearEnough, std::min(passes, interface - 1)) << passes;
  }
}

TEST(MtuSearch, OneLostProbeIsNoProof) {
  MtuSearch mtu{1500, 20};
  mtu.on_timeout(1500, kNow);
  mtu.on_timeout(1500, kNow);
  const std::uint32_t first = *mtu.wanted(kNow);
  for (unsigned i = 1; i < MtuSearch::kMostLosses; ++i) {
    mtu.probe_left(first);
    mtu.probe_lost(kNow);
    EXPECT_EQ(first, mtu.wanted(kNow));
  }
  mtu.probe_left(first);
  mtu.probe_lost(kNow);
  EXPECT_LT(*mtu.wanted(kNow), first);
}

TEST(MtuSearch, NeverProbesBeyondWhatThePeerTakes) {
  MtuSearch mtu{1500, 20};
  mtu.limit(1300);
  mtu.on_timeout(1300, kNow);
  mtu.on_timeout(1300, kNow);
  search(mtu, 1500);
  EXPECT_LE(mtu.size(), 1300u);
  EXPECT_GT(mtu.size() + MtuSearch::kNearEnough, 1299u);
}

TEST(MtuSearch, TriesAgainAfterTenMinutes) {  // RFC 1191 §6.3, RFC 8899 §5.1.1
  MtuSearch mtu{1500, 20};
  mtu.told(1400, kNow);
  const Instant later = kNow + MtuSearch::kRaiseAfter;
  EXPECT_FALSE(mtu.wanted(later - Duration{1}).has_value());
  EXPECT_EQ(1450u, mtu.wanted(later));
  search(mtu, 1500, later);
  EXPECT_GT(mtu.size() + MtuSearch::kNearEnough, 1500u);
}
}  // namespace
}  // namespace anabranch::tcp
