// BBR's states and bounds, told what a path would tell: rounds of ten acknowledgments at a rate and a delay.
#include "cc/bbr/bbr.hh"

#include <gtest/gtest.h>

namespace anabranch::cc::bbr {
namespace {

constexpr Bytes kSegment{1000};
constexpr Rate kRate{1'000'000};           // 8 Mb/s
constexpr Duration kRtt = 100'000'000_ns;  // the product is 100 segments

class Path {
 public:
  struct Round {
    Rate rate = kRate;
    Duration rtt = kRtt;
    double pipe = 1.0;       ///< in flight, in products of rate and 100 ms
    std::uint64_t lost = 0;  ///< bytes, found with the first acknowledgment
    bool limited = false;
  };
  void round(const Round& r) {
    constexpr int kAcks = 10;
    const Bytes part = amount_in(r.rtt, r.rate) / kAcks;
    const Bytes flight{static_cast<std::uint64_t>(r.pipe * 100'000)};
    for (int i = 0; i < kAcks; ++i) {
      now = now + r.rtt / kAcks;
      total += part.n;
      Delivery d{.known = true,
                 .rate = r.rate,
                 .total = total,
                 .total_then = total - std::min(total, part.n * kAcks),
                 .flight = flight,
                 .lost_since = {r.lost},
                 .limited = r.limited};
      if (i == 0 && r.lost > 0) {
        d.newly_lost = {r.lost};
        d.lost_flight = flight;
        d.lost_since_that = {r.lost};
      }
      bbr.on_acked({.now = now,
                    .bytes = part,
                    .in_flight = flight + part,
                    .rtt = r.rtt,
                    .srtt = r.rtt,
                    .pipe = flight,
                    .delivery = d},
                   {});
    }
  }
  void round() { round(Round{}); }
  /// Until it cruises: startup has found the rate, the queue is drained.
  void settle() {
    for (std::uint64_t rate = kRate.bytes_per_second / 16; rate <= kRate.bytes_per_second; rate *= 2) {
      round({.rate = {rate}});
    }
    for (int i = 0; i < 10 && bbr.state() != State::cruise; ++i) { round({.pipe = 0.9}); }
    ASSERT_EQ(bbr.state(), State::cruise);
  }
  bool until(State wanted, const Round& r, int most = 100) {
    for (int i = 0; i < most && bbr.state() != wanted; ++i) { round(r); }
    return bbr.state() == wanted;
  }
  double pace() const { return static_cast<double>(bbr.pacing().bytes_per_second); }

  Bbr bbr{kSegment};
  Instant now;
  std::uint64_t total = 0;
};

TEST(Bbr, StartupPacesTheInitialWindowAndThenTheBandwidth) {  // §4.6.2
  Path path;
  EXPECT_EQ(path.bbr.pacing(), Rate{});
  EXPECT_EQ(path.bbr.window(), 10'000_B);
  path.round({.rate = {50'000}});
  EXPECT_NEAR(path.pace(), 2.77 * 10'000 / 0.1, 1);  // never less than it began with
  path.round({.rate = {200'000}});
  path.round({.rate = {400'000}});
  EXPECT_NEAR(path.pace(), 2.77 * 0.99 * 400'000, 1);
  EXPECT_TRUE(path.bbr.in_slow_start());
}

TEST(Bbr, StartupEndsAfterThreeRoundsWithoutGrowth) {  // §4.3.1.2
  Path path;
  for (const std::uint64_t rate : {250'000, 500'000, 1'000'000}) { path.round({.rate = {rate}, .pipe = 2}); }
  for (int i = 0; i < 2; ++i) {
    path.round({.rate = {1'100'000}, .pipe = 2});
    EXPECT_EQ(path.bbr.state(), State::startup) << i;
  }
  path.round({.rate = {1'100'000}, .pipe = 2});
  path.round({.rate = {1'100'000}, .pipe = 2});
  EXPECT_EQ(path.bbr.state(), State::drain);
  EXPECT_NEAR(path.pace(), 0.5 * 0.99 * 1'100'000, 1);
}

TEST(Bbr, RoundsWithLittleToSayDoNotEndStartup) {
  Path path;
  path.round({.rate = {500'000}});
  for (int i = 0; i < 20; ++i) { path.round({.rate = {100'000}, .limited = true}); }
  EXPECT_EQ(path.bbr.state(), State::startup);
  EXPECT_EQ(path.bbr.rate(), Rate{500'000});
}

TEST(Bbr, StartupEndsWhenLossesLast) {  // §4.3.1.3
  Path path;
  std::uint64_t rate = 250'000;
  path.round({.rate = {rate}});
  path.bbr.on_lost({.now = path.now, .bytes = 5000_B, .in_flight = 100'000_B, .pipe = 90'000_B}, {});
  int rounds = 0;
  for (; path.bbr.state() == State::startup && rounds < 10; ++rounds) {
    rate = rate * 3 / 2;
    path.round({.rate = {rate}, .pipe = 2, .lost = 10'000});
    // Three losses apart from each other: the driver tells of one a round.
    for (int i = 0; i < 3; ++i) {
      Delivery d{
          .known = true, .rate = {rate}, .total = path.total, .total_then = path.total - 1, .newly_lost = 1000_B};
      d.flight = 200'000_B;
      d.lost_since = 10'000_B;
      d.total_then = 0;
      path.bbr.on_acked({.now = path.now, .bytes = 1_B, .in_flight = {}, .rtt = kRtt, .srtt = kRtt, .delivery = d}, {});
    }
  }
  EXPECT_NE(path.bbr.state(), State::startup);
  EXPECT_LT(rounds, 5);
}

TEST(Bbr, DrainsToTheProductAndCruises) {  // §4.3.2
  Path path;
  path.settle();
  EXPECT_NEAR(path.pace(), 0.99 * 1e6, 1);
  for (int i = 0; i < 3; ++i) { path.round(); }
  // Twice the product, and what comes in clumps of ten: an acknowledgment's worth.
  EXPECT_NEAR(static_cast<double>(path.bbr.window().n), 200'000, 12'000);
  EXPECT_EQ(path.bbr.min_rtt(), kRtt);
}

TEST(Bbr, ProbesEveryTwoToThreeSecondsFirstFillingThenExceedingThePath) {  // §4.3.3
  Path path;
  path.settle();
  const Instant began = path.now;
  ASSERT_TRUE(path.until(State::refill, {.pipe = 0.95}));
  EXPECT_GE(path.now - began, 1900_ms);
  EXPECT_LE(path.now - began, 3200_ms);
  EXPECT_NEAR(path.pace(), 0.99e6, 1);
  ASSERT_TRUE(path.until(State::up, {}));
  EXPECT_NEAR(path.pace(), 1.25 * 0.99e6, 1);
  path.round({.pipe = 1.2});
  EXPECT_EQ(path.bbr.state(), State::up);
  path.round({.pipe = 1.4});
  path.round({.pipe = 1.1});
  EXPECT_EQ(path.bbr.state(), State::down);
  EXPECT_NEAR(path.pace(), 0.9 * 0.99e6, 1);
}

TEST(Bbr, OnAShortPathItProbesAsOftenAsRenoWouldLose) {  // §4.3.3.5.2
  Path path;
  for (const std::uint64_t rate : {250'000, 500'000, 1'000'000}) { path.round({.rate = {rate}, .rtt = 10_ms}); }
  ASSERT_TRUE(path.until(State::cruise, {.rtt = 10_ms, .pipe = 0.05}));
  const Instant began = path.now;
  ASSERT_TRUE(path.until(State::refill, {.rtt = 10_ms, .pipe = 0.05}));
  EXPECT_LE(path.now - began, 120_ms);  // the product is ten segments: about ten rounds
}

TEST(Bbr, FindsMoreBandwidthWhenItProbes) {
  Path path;
  path.settle();
  ASSERT_TRUE(path.until(State::up, {.pipe = 0.95}));
  path.round({.rate = {1'200'000}, .pipe = 1.2});
  EXPECT_EQ(path.bbr.rate(), Rate{1'200'000});
}

TEST(Bbr, WhatItFoundIsForgottenAfterTwoCycles) {  // §4.5.2.2
  Path path;
  path.settle();
  for (int i = 0; i < 200; ++i) { path.round({.rate = {600'000}, .pipe = i % 2 ? 0.5 : 1.5}); }
  EXPECT_EQ(path.bbr.rate(), Rate{600'000});
}

TEST(Bbr, TooManyLossesWhileProbingBoundTheFlight) {  // §4.5.6.2
  Path path;
  path.settle();
  ASSERT_TRUE(path.until(State::up, {.pipe = 0.95}));
  EXPECT_EQ(path.bbr.long_term().volume, kNone);
  path.round({.pipe = 1.2, .lost = 1000});  // below two in a hundred
  EXPECT_EQ(path.bbr.state(), State::up);
  path.round({.pipe = 1.2, .lost = 6000});
  EXPECT_NE(path.bbr.state(), State::up);
  // Losses passed two per cent within the lost packets: (0.02 * 114,000 - 0) / 0.98 behind the 114,000 before them.
  EXPECT_NEAR(path.bbr.long_term().volume, 114'000 + 2'327, 2);
  ASSERT_TRUE(path.until(State::cruise, {.pipe = 0.8}));
  path.round({.pipe = 0.8});
  EXPECT_LE(path.bbr.window(), Bytes{static_cast<std::uint64_t>(0.86 * 116'327)});
}

TEST(Bbr, LossesWhileCruisingReduceToWhatIsDelivered) {  // §4.5.6.3
  Path path;
  path.settle();
  path.round({.rate = {900'000}, .pipe = 0.9, .lost = 1000});
  path.round({.rate = {900'000}, .pipe = 0.9});
  path.round({.rate = {900'000}, .pipe = 0.9});
  EXPECT_LE(path.bbr.short_term().bandwidth, 1'000'000);
  EXPECT_GE(path.bbr.short_term().bandwidth, 900'000);
  EXPECT_LT(path.bbr.short_term().volume, 160'000);  // of a window of 210,000
  ASSERT_TRUE(path.until(State::refill, {.pipe = 0.9}));
  EXPECT_EQ(path.bbr.short_term().bandwidth, kNone);  // forgotten when it probes
}

TEST(Bbr, NeverReducesAtOnceByMoreThanSevenTenths) {
  Path path;
  path.settle();
  path.round({.rate = {100'000}, .pipe = 0.1, .lost = 1000});
  EXPECT_GE(path.bbr.short_term().bandwidth, 0.7 * 1'000'000 - 1);
}

TEST(Bbr, MeasuresTheEmptyPathWhenNothingShorterWasSeenForFiveSeconds) {  // §4.3.4
  Path path;
  path.settle();
  const Bytes before = path.bbr.window();
  ASSERT_TRUE(path.until(State::probe_rtt, {.rtt = 120_ms, .pipe = 1.0}));
  EXPECT_GE(path.now - Instant{}, 5_s);
  EXPECT_LE(path.now - Instant{}, 7_s);
  EXPECT_TRUE(path.bbr.holds_back());
  EXPECT_NEAR(static_cast<double>(path.bbr.window().n), 50'000, 1000);
  const Instant began = path.now;
  for (int i = 0; i < 10 && path.bbr.state() == State::probe_rtt; ++i) { path.round({.pipe = 0.4}); }
  EXPECT_EQ(path.bbr.state(), State::cruise);
  EXPECT_GE(path.now - began, 200_ms);
  EXPECT_LE(path.now - began, 500_ms);
  EXPECT_GE(path.bbr.window().n, before.n * 8 / 10);
}

TEST(Bbr, SilenceServesAsAMeasurement) {  // §4.3.4.2
  Path path;
  path.settle();
  path.now = path.now + 20_s;
  path.bbr.after_idle(path.now, 300_ms);
  path.round({.rtt = 150_ms});
  EXPECT_NE(path.bbr.state(), State::probe_rtt);
  EXPECT_EQ(path.bbr.min_rtt(), 150_ms);
}

TEST(Bbr, ATimeoutLeavesOneSegmentAndTheEndOfItRestoresTheWindow) {  // §4.6.4.4
  Path path;
  path.settle();
  for (int i = 0; i < 3; ++i) { path.round(); }
  const Bytes before = path.bbr.window();
  path.bbr.on_lost({.now = path.now, .bytes = 100'000_B, .in_flight = 100'000_B, .sign = Sign::timeout, .pipe = {}},
                   {});
  EXPECT_EQ(path.bbr.window(), kSegment);
  path.bbr.on_recovery_exit(path.now);
  EXPECT_EQ(path.bbr.window(), before);
}

TEST(Bbr, InTheFirstRoundOfARecoveryItSendsWhatIsDelivered) {
  Path path;
  path.settle();
  path.bbr.on_lost({.now = path.now, .bytes = 5000_B, .in_flight = 100'000_B, .pipe = 95'000_B}, {});
  EXPECT_EQ(path.bbr.window(), 96'000_B);
  const Delivery d{
      .known = true, .rate = kRate, .total = path.total + 2000, .total_then = path.total - 90'000, .flight = 100'000_B};
  path.bbr.on_acked({.now = path.now,
                     .bytes = 2000_B,
                     .in_flight = 95'000_B,
                     .rtt = kRtt,
                     .srtt = kRtt,
                     .pipe = 93'000_B,
                     .delivery = d},
                    {});
  EXPECT_EQ(path.bbr.window(), 96'000_B);
}

TEST(Bbr, NothingThatIsToldBreaksItsBounds) {
  Bbr bbr{kSegment};
  std::uint64_t x = 12345, total = 0;
  const auto draw = [&](std::uint64_t n) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (x >> 33) % n;
  };
  Instant now;
  for (int i = 0; i < 200'000; ++i) {
    now = now + Duration{static_cast<std::int64_t>(draw(100'000'000))};
    const Bytes bytes{draw(100'000) + 1};
    switch (draw(12)) {
      case 0:
        bbr.on_lost({.now = now, .bytes = bytes, .in_flight = bytes, .sign = Sign::timeout, .pipe = bytes}, {});
        break;
      case 1: bbr.on_lost({.now = now, .bytes = bytes, .in_flight = bytes, .pipe = bytes}, {}); break;
      case 2: bbr.on_recovery_exit(now); break;
      case 3: bbr.on_spurious_loss(now); break;
      case 4: bbr.after_idle(now, 1_s); break;
      case 5: bbr.set_segment({500 + draw(9000)}); break;
      case 6: bbr.on_lost({.now = now, .bytes = {}, .in_flight = bytes, .sign = Sign::ecn}, {}); break;
      default: {
        total += bytes.n;
        const Delivery d{.known = draw(4) != 0,
                         .rate = {draw(1u << 30)},
                         .total = total,
                         .total_then = draw(total + 1),
                         .flight = {draw(1'000'000)},
                         .lost_since = {draw(100'000)},
                         .limited = draw(2) == 0,
                         .newly_lost = {draw(2) * draw(10'000)},
                         .lost_flight = {draw(100'000)},
                         .lost_since_that = {draw(100'000)}};
        const Duration rtt{static_cast<std::int64_t>(draw(1'000'000'000))};
        bbr.on_acked({.now = now,
                      .bytes = bytes,
                      .in_flight = bytes,
                      .rtt = rtt,
                      .srtt = rtt,
                      .pipe = {draw(1'000'000)},
                      .delivery = d},
                     {});
      }
    }
    ASSERT_GE(bbr.window().n, 500u);
    ASSERT_LT(bbr.window().n, std::uint64_t{1} << 50);
    ASSERT_EQ(bbr.in_slow_start(), bbr.window() < bbr.threshold());
  }
}
}  // namespace
}  // namespace anabranch::cc::bbr
