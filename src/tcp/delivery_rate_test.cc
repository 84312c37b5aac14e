// Delivery rates: what is measured, over what time, and what is left out.
#include "tcp/delivery_rate.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
constexpr Instant at(std::int64_t ms) { return Instant{1'000'000'000 + ms * 1'000'000}; }

struct DeliveryRateTest : testing::Test {
  DeliveryRate rate;
  cc::Delivery heard(std::int64_t now, std::int64_t left, std::uint64_t bytes, std::uint64_t in_flight = 0) {
    return rate.on_acked({.now = at(now),
                          .delivered = {bytes},
                          .lost = {},
                          .newest_left = at(left),
                          .lost_left = {},
                          .in_flight = {in_flight},
                          .min_rtt = 10_ms});
  }
};

TEST_F(DeliveryRateTest, IsWhatArrivedSinceThePacketLeftOverTheTimeThatTook) {
  rate.on_sent(at(0), 0_B, 1000_B);
  rate.on_sent(at(1), 1000_B, 1000_B);
  rate.on_sent(at(2), 2000_B, 1000_B);
  EXPECT_EQ(heard(20, 0, 1000).rate, Rate{50'000});  // 1000 bytes in 20 ms
  const cc::Delivery d = heard(22, 2, 2000);         // the newest left when nothing was delivered
  EXPECT_TRUE(d.known);
  EXPECT_EQ(d.total, 3000u);
  EXPECT_EQ(d.total_then, 0u);
  EXPECT_EQ(d.flight, 3000_B);
  EXPECT_EQ(d.rate, Rate{136'363});  // 3000 bytes in 22 ms
  EXPECT_EQ(rate.latest(), d.rate);
}

TEST_F(DeliveryRateTest, SendingSlowerThanAcknowledgmentsComeCountsToo) {  // §2.2: acknowledgments bunched on their way
  rate.on_sent(at(0), 0_B, 1000_B);
  heard(20, 0, 1000);
  for (int i = 0; i < 5; ++i) { rate.on_sent(at(100 + 20 * i), {1000u * static_cast<unsigned>(i)}, 1000_B); }
  heard(190, 100, 1000);
  const cc::Delivery d = heard(191, 180, 4000);
  EXPECT_EQ(d.rate, Rate{54'945});  // 5000 bytes since 100, when the flight began: in 91 ms
}

TEST_F(DeliveryRateTest, AnAnswerThatIsFasterThanAnyRoundTripIsNoSample) {
  rate.on_sent(at(0), 0_B, 1000_B);
  const cc::Delivery d = heard(5, 0, 1000);
  EXPECT_TRUE(d.known);
  EXPECT_EQ(d.rate, Rate{});
}

TEST_F(DeliveryRateTest, WhatLeftAfterAGapSaysLessUntilAllOfItIsAcknowledged) {  // §2.3
  rate.on_sent(at(0), 0_B, 1000_B);
  rate.on_starved(at(0));
  rate.on_starved(at(1));
  rate.on_sent(at(5), 1000_B, 1000_B);
  EXPECT_TRUE(rate.limited());
  EXPECT_FALSE(heard(20, 0, 1000).limited);
  EXPECT_TRUE(heard(25, 5, 1000).limited);
  rate.on_sent(at(25), 0_B, 1000_B);
  rate.on_sent(at(25), 1000_B, 1000_B);
  heard(45, 25, 2000);
  rate.on_sent(at(45), 0_B, 1000_B);
  EXPECT_FALSE(rate.limited());
}

TEST_F(DeliveryRateTest, AskedAndSilentInTheInstantInWhichDataComesIsNoGap) {
  rate.on_sent(at(0), 0_B, 1000_B);
  rate.on_starved(at(3));
  rate.on_sent(at(3), 1000_B, 1000_B);
  EXPECT_FALSE(rate.limited());
}

TEST_F(DeliveryRateTest, LossesAreCountedFromTheDepartureOfWhatWasAcknowledged) {
  for (int i = 0; i < 4; ++i) { rate.on_sent(at(i), {1000u * static_cast<unsigned>(i)}, 1000_B); }
  const cc::Delivery d = rate.on_acked({.now = at(23),
                                        .delivered = 1000_B,
                                        .lost = 2000_B,
                                        .newest_left = at(3),
                                        .lost_left = at(2),
                                        .in_flight = 1000_B,
                                        .min_rtt = 10_ms});
  EXPECT_EQ(d.newly_lost, 2000_B);
  EXPECT_EQ(d.lost_since, 2000_B);
  EXPECT_EQ(d.flight, 4000_B);
  EXPECT_EQ(d.lost_flight, 3000_B);
  EXPECT_EQ(d.lost_since_that, 2000_B);
}

TEST_F(DeliveryRateTest, AnAnswerThatCannotBeToldApartGivesOnlyTotals) {
  rate.on_sent(at(0), 0_B, 1000_B);
  const cc::Delivery d = rate.on_acked({.now = at(20),
                                        .delivered = 1000_B,
                                        .lost = {},
                                        .newest_left = {},
                                        .lost_left = {},
                                        .in_flight = {},
                                        .min_rtt = 10_ms});
  EXPECT_FALSE(d.known);
  EXPECT_EQ(d.total, 1000u);
}

TEST_F(DeliveryRateTest, ManyFlightsWithoutAnAnswerAreBounded) {
  for (std::size_t i = 0; i < 3 * DeliveryRate::kMostSnapshots; ++i) {
    rate.on_sent(at(static_cast<std::int64_t>(i)), {i}, 1_B);
  }
  EXPECT_FALSE(heard(20'000, 0, 1).known);
  EXPECT_TRUE(heard(20'000, 3 * DeliveryRate::kMostSnapshots - 1, 1).known);
}
}  // namespace
}  // namespace anabranch::tcp
