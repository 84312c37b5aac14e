#include "stream/autotune.hh"

#include <array>
#include <gtest/gtest.h>

namespace anabranch::stream {
namespace {

constexpr ReceiveAutotune::Limits kLimits{.initial = 64_KiB, .cap = 4_MiB};

/// It came and was taken at once.
bool passed(ReceiveAutotune& tune, Instant now, Bytes bytes, Duration rtt) {
  tune.arrived(bytes);
  return tune.consumed(now, bytes, rtt);
}

TEST(Autotune, KeepsUpWithASenderThatDoublesEachRoundTrip) {
  ReceiveAutotune tune{kLimits};
  Instant now;
  Bytes per_round = 14'600_B;
  for (int round = 0; round < 7; ++round) {
    for (int part = 0; part < 10; ++part) {
      now = now + 5_ms;
      passed(tune, now, per_round / 10, 50_ms);
    }
    EXPECT_GE(tune.buffer(), std::min(per_round * 2, 64_KiB)) << round;
    per_round = per_round * 2;
  }
  EXPECT_GT(tune.buffer(), 1_MiB);
}

TEST(Autotune, StopsAtTheCapAndNeverShrinks) {
  ReceiveAutotune tune{kLimits};
  passed(tune, Instant{}, 0_B, 10_ms);
  passed(tune, Instant{} + 10_ms, 100_MiB, 10_ms);
  EXPECT_EQ(tune.buffer(), 4_MiB);
  passed(tune, Instant{} + 30_ms, 1_KiB, 10_ms);
  EXPECT_EQ(tune.buffer(), 4_MiB);
}

TEST(Autotune, ASlowReaderKeepsASmallBuffer) {
  ReceiveAutotune tune{kLimits};
  for (int i = 0; i < 100; ++i) { EXPECT_FALSE(passed(tune, Instant{} + 50_ms * i, 2000_B, 50_ms)); }
  EXPECT_EQ(tune.buffer(), 64_KiB);
}

TEST(Autotune, TheBufferIsTwiceWhatWaitsOutOfOrderUpToTheCap) {
  ReceiveAutotune tune{kLimits};
  EXPECT_FALSE(tune.reordered(32_KiB));
  EXPECT_TRUE(tune.reordered(33_KiB));
  EXPECT_EQ(tune.buffer(), 66_KiB);
  for (int i = 0; i < 10; ++i) { tune.reordered(tune.buffer()); }
  EXPECT_EQ(tune.buffer(), 4_MiB);
  EXPECT_FALSE(tune.reordered(4_MiB));
}

TEST(Autotune, DoesNotGrowWhileThereIsNoMemoryToGrowInto) {
  ReceiveAutotune tune{kLimits};
  tune.hold(true);
  EXPECT_FALSE(tune.reordered(64_KiB));
  EXPECT_EQ(tune.buffer(), 64_KiB);
  EXPECT_EQ(tune.refused(), 1u);
  tune.hold(false);
  EXPECT_TRUE(tune.reordered(64_KiB));
}

TEST(Autotune, ASenderKeepsTheSumOfTheRatesForTwiceTheLongestRoundTrip) {
  const SendingPath wifi{.window = 40_KiB, .srtt = 40_ms}, mobile{.window = 40_KiB, .srtt = 200_ms};
  EXPECT_EQ(wanted_to_send({}), 0_B);
  EXPECT_EQ(wanted_to_send(std::array{wifi}), 80_KiB);
  EXPECT_EQ(wanted_to_send(std::array{wifi, mobile}), (200_KiB + 40_KiB) * 3);
  EXPECT_EQ(wanted_to_send(std::array{wifi, SendingPath{.window = 10_KiB}}), 150_KiB) << "not measured yet";
}

TEST(Autotune, WhatAHoleHeldBackDoesNotCountAsOneRound) {
  ReceiveAutotune tune{kLimits};
  Instant now;
  passed(tune, now, 10_KiB, 10_ms);
  for (int round = 0; round < 10; ++round) {  // 10 KiB a round trip come in, and nothing of it can be taken
    now = now + 10_ms;
    tune.arrived(10_KiB);
  }
  tune.consumed(now, 1_KiB, 10_ms);  // the hole is filled
  tune.consumed(now + 1_ms, 99_KiB, 10_ms);
  tune.arrived(10_KiB);
  EXPECT_FALSE(tune.consumed(now + 11_ms, 10_KiB, 10_ms));
  EXPECT_EQ(tune.buffer(), 64_KiB);
}

TEST(Autotune, WhatIsNotTakenDoesNotMakeItGrow) {
  ReceiveAutotune tune{kLimits};
  for (int i = 0; i < 10; ++i) {
    tune.arrived(1_MiB);
    EXPECT_FALSE(tune.consumed(Instant{} + 10_ms * i, 1_KiB, 10_ms));
  }
}

TEST(Autotune, ASeldomReaderIsCountedByTheRoundTripNotByTheRead) {
  ReceiveAutotune tune{kLimits};
  passed(tune, Instant{}, 0_B, 10_ms);
  passed(tune, Instant{} + 1_s, 1_MiB, 10_ms);  // about 10 KiB a round trip
  EXPECT_EQ(tune.buffer(), 64_KiB);
}

TEST(Autotune, NothingIsDecidedWithoutARoundTripTimeOrWhenFixed) {
  ReceiveAutotune tune{kLimits};
  EXPECT_FALSE(passed(tune, Instant{}, 1_MiB, {}));
  EXPECT_FALSE(passed(tune, Instant{} + 5_s, 1_MiB, {}));
  tune.fix(32_KiB);
  EXPECT_FALSE(passed(tune, Instant{} + 9_s, 8_MiB, 1_ms));
  EXPECT_EQ(tune.buffer(), 32_KiB);
}

TEST(Autotune, TheCheapBoundNeverSaysThatMoreIsNotWanted) {
  for (std::uint64_t seed = 1; seed < 2'000; ++seed) {
    std::array<SendingPath, 3> paths;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const std::uint64_t n = seed * 2654435761u >> (5 * i);
      paths[i] = {Bytes{n % 3'000'000}, Duration{static_cast<std::int64_t>(n % 7 == 0 ? 0 : n * 37 % 900'000'000)}};
    }
    const Bytes wanted = wanted_to_send(paths);
    EXPECT_TRUE(wanted == 0_B || may_want_more(paths, wanted - 1_B)) << seed;
    EXPECT_FALSE(may_want_more(paths, wanted + wanted / 100 + 10_B)) << seed;  // and is not far off
  }
}
}  // namespace
}  // namespace anabranch::stream
