#include "base/units.hh"

#include <gtest/gtest.h>

namespace anabranch {
namespace {

TEST(Bytes, SubtractionStopsAtZero) {
  EXPECT_EQ(5_B - 7_B, 0_B);
  EXPECT_EQ(7_B - 5_B, 2_B);
  Bytes b = 3_B;
  b -= 4_B;
  EXPECT_EQ(b, 0_B);
  EXPECT_FALSE(b);
}

TEST(Bytes, LiteralsAreBinaryAndRatesAreDecimal) {
  EXPECT_EQ(1_KiB, 1024_B);
  EXPECT_EQ(1_MiB, 1024_KiB);
  EXPECT_EQ(8_Mbps, (Rate{1'000'000}));
  EXPECT_EQ(1_Gbps, 1000_Mbps);
}

TEST(Instant, NeverStaysNeverWhateverIsAdded) {
  EXPECT_TRUE((Instant::never() + 5_s).is_never());
  EXPECT_TRUE((Instant::never() - 5_s).is_never());
  EXPECT_GT(Instant::never(), Instant{} + Duration{std::int64_t{1} << 62});
  EXPECT_EQ((Instant{10} + 5_ns) - Instant{10}, 5_ns);
}

TEST(Rate, TimeIsRoundedUpAndAmountDown) {
  EXPECT_EQ(time_for(1_B, Rate{3}), Duration{333'333'334});
  EXPECT_EQ(time_for(1500_B, 12_Mbps), 1_ms);
  EXPECT_EQ(amount_in(333'333'333_ns, Rate{3}), 0_B);
  EXPECT_EQ(amount_in(1_s, Rate{3}), 3_B);
  EXPECT_EQ(amount_in(Duration{-5}, 1_Gbps), 0_B);
}

TEST(Rate, NeitherDirectionOverflows) {
  const Bytes huge{std::uint64_t{1} << 60};
  EXPECT_GT(time_for(huge, Rate{1}), 1_s);
  EXPECT_EQ(amount_in(Duration{std::int64_t{1} << 62}, Rate{1'000'000'000}).n, std::uint64_t{1} << 62);
}

TEST(Rate, WhatPassesInTheTimeForAnAmountIsAtLeastTheAmount) {
  for (std::uint64_t bytes : {1u, 40u, 1448u, 65'535u, 1'000'000u}) {
    for (std::uint64_t rate : {1u, 7u, 1'000u, 999'999'937u}) {
      EXPECT_GE(amount_in(time_for(Bytes{bytes}, Rate{rate}), Rate{rate}), Bytes{bytes}) << bytes << " at " << rate;
    }
  }
}
}  // namespace
}  // namespace anabranch
