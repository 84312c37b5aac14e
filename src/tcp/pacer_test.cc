// A pace: bursts of a millisecond, and the rate on average, also with timers that come late.
#include "tcp/pacer.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
constexpr Rate kRate{12'500'000};  // 100 Mb/s: 12,500 bytes a millisecond
constexpr Bytes kPacket{1250};

/// Sends whenever it may, waking `late` after each hold; returns the bytes of `span`, and the largest burst.
struct Departures {
  std::uint64_t bytes = 0, burst = 0;
};
Departures depart(Pacer& pacer, Duration late, Duration span) {
  Departures out;
  Instant now{1'000'000'000};
  const Instant end = now + span;
  while (now < end) {
    std::uint64_t burst = 0;
    while (!pacer.holds(now)) {
      pacer.left(now, kPacket, kRate);
      burst += kPacket.n;
    }
    out.bytes += burst;
    out.burst = std::max(out.burst, burst);
    now = pacer.until() + late;
  }
  return out;
}

TEST(Pacer, KeepsTheRateWhetherTimersAreExactOrAMillisecondLate) {
  for (const Duration late : {Duration{}, Duration{300'000}, Duration{1'000'000}}) {
    Pacer pacer;
    const Departures got = depart(pacer, late, Duration{1'000'000'000});
    EXPECT_NEAR(static_cast<double>(got.bytes), 12.5e6, 0.01 * 12.5e6) << late.ns;
    EXPECT_LE(got.burst, 2 * 12'500u + 2 * kPacket.n) << late.ns;
  }
}

TEST(Pacer, DoesNotMakeUpForALongSilence) {
  Pacer pacer;
  pacer.left(Instant{}, kPacket, kRate);
  EXPECT_LE(depart(pacer, {}, Duration{1}).bytes, 2 * 12'500u + kPacket.n);
}

TEST(Pacer, TheFirstTenPacketsAfterSilenceLeaveAtOnce) {
  Pacer pacer;
  pacer.rest(kPacket);
  const Rate slow{12'500};  // a packet in 100 ms
  Instant now{1'000'000'000};
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(pacer.holds(now)) << i;
    pacer.left(now, kPacket, slow);
  }
  EXPECT_FALSE(pacer.holds(now));
  pacer.left(now, kPacket, slow);
  EXPECT_TRUE(pacer.holds(now));
  EXPECT_EQ(now + Duration{99'000'000}, pacer.until());
  EXPECT_FALSE(pacer.holds(pacer.until()));
}

TEST(Pacer, WithoutARateNothingIsHeld) {
  Pacer pacer;
  for (int i = 0; i < 1000; ++i) {
    pacer.left(Instant{1}, Bytes{65'000}, {});
    EXPECT_FALSE(pacer.holds(Instant{1}));
  }
}
}  // namespace
}  // namespace anabranch::tcp
