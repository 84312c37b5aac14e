// What a sender finds out about its path: how large packets may be, how fast it should send, whether its window is used.
#include "solo.hh"
#include "tcp/mtu_search.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using Event = Endpoint::Event;

/// 4 MB over a path that swallows packets above `mtu`. Returns the time it takes, or nothing.
std::optional<Duration> through(std::uint32_t mtu, bool tells, const Config& client, std::uint32_t* segment = nullptr) {
  Pair::Options options;
  options.client = client;
  options.forth = {.delay = 10_ms, .rate = 20_Mbps, .queue = Bytes{100'000}, .mtu = mtu, .tells = tells};
  Pair pair{options};
  pair.client().source.piece = 30'000;  // as mappings end
  pair.client().source.write_pattern(4'000'000, 1);
  pair.connect();
  pair.client()->finish();
  const Instant start = pair.now();
  const bool done = pair.run_until([&] { return pair.server().sink.finished(); }, 60_s);
  if (segment != nullptr) { *segment = pair.client()->info().segment; }
  return done ? std::optional{pair.now() - start} : std::nullopt;
}

TEST(BlackHole, IsPassedNearlyAsFastAsAPathThatTellsItsMtu) {  // RFC 4821
  for (const std::uint32_t super_segment : {0u, 65'000u}) {
    for (const std::uint32_t mtu : {1100u, 1300u, 1492u}) {
      Config config;
      config.super_segment = super_segment;
      const auto told = through(mtu, true, config);
      std::uint32_t segment = 0;
      const auto found = through(mtu, false, config, &segment);
      ASSERT_TRUE(told && found) << mtu;
      EXPECT_LE(*found, *told + 1500_ms) << mtu;  // two timeouts, then small packets for a while
      EXPECT_LE(segment, mtu - 52);
      EXPECT_GT(segment + MtuSearch::kNearEnough, mtu - 52) << mtu;
    }
  }
}

TEST(BlackHole, WithoutSackTheBaseSizeRemains) {
  Config config;
  config.sack = false;
  std::uint32_t segment = 0;
  ASSERT_TRUE(through(1300, false, config, &segment));
  EXPECT_EQ(1012u, segment);
}

TEST(BlackHole, IsFatalWhenNobodyMayLookForIt) {
  Config config;
  config.mtu_search = false;
  EXPECT_FALSE(through(1300, false, config));
}

TEST(BlackHole, ALostProbeIsNoCongestion) {
  Pair::Options options;
  options.forth = {.delay = 10_ms, .rate = 20_Mbps, .queue = Bytes{4'000'000}, .mtu = 1300, .tells = false};
  Pair pair{options};
  pair.client().source.write_pattern(1'000'000, 1);
  pair.connect();
  ASSERT_TRUE(pair.run_until([&] { return pair.client()->acknowledged().n > 100'000; }, 20_s)) << pair.report();
  const Bytes threshold = pair.client()->info().threshold;
  ASSERT_TRUE(pair.run_until([&] { return pair.client()->acknowledged().n > 1'000'000; }, 20_s)) << pair.report();
  EXPECT_EQ(threshold, pair.client()->info().threshold);
  EXPECT_GT(pair.client()->info().segment, 1200u);
}

TEST(BlackHole, WhatIsDroppedByAMuchTooSmallPathIsSentInSmallPiecesThatRespectBorders) {
  Config config = Solo::plain();
  config.super_segment = 65'000;
  Solo solo = Solo::open(config);
  solo.source.piece = 5000;
  solo.source.write_pattern(20'000, 1);
  solo.take();
  std::vector<Segment> out;
  while (solo.endpoint->info().timeouts_in_a_row < 2) { out = solo.wait(50_ms); }
  EXPECT_EQ(1024u, solo.endpoint->info().segment);
  ASSERT_FALSE(out.empty());
  for (const Segment& s : out) {
    const std::uint64_t from = Solo::at(s) - 1;
    EXPECT_LE(s.cut == 0 ? s.payload.size().n : s.cut, 1024u);
    EXPECT_EQ(from / 5000, (from + s.payload.size().n - 1) / 5000);
  }
}

// --- pace

/// The largest number of bytes that left within any `span`, once `from` has passed.
std::uint64_t largest_burst(const std::vector<support::Left>& left, Instant from, Duration span) {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].at < from) { continue; }
    std::uint64_t sum = 0;
    for (std::size_t j = i; j < left.size() && left[j].at < left[i].at + span; ++j) { sum += left[j].payload; }
    most = std::max(most, sum);
  }
  return most;
}

Pair::Options long_path(bool paced) {
  Pair::Options options;
  options.client.pacing = paced;
  options.client.super_segment = 65'000;
  options.forth = {.delay = 50_ms, .rate = 100_Mbps, .queue = Bytes{1u << 20}};
  options.back = {.delay = 50_ms};
  options.server_buffer = Bytes{8u << 20};
  options.server.window_scale = 10;
  return options;
}

TEST(Pacing, SpreadsAWindowInsteadOfSendingItAtOnce) {
  Pair paced{long_path(true)}, bursty{long_path(false)};
  for (Pair* pair : {&paced, &bursty}) {
    pair->client().source.write_pattern(4'000'000, 1);
    pair->connect();
    pair->run_for(250_ms);
  }
  const Instant from = Instant{} + 1150_ms;               // the first answers to data are here
  const Rate rate{paced.client()->info().window.n * 20};  // twice the window in a round trip of 100 ms
  EXPECT_LE(largest_burst(paced.client().left, from, 1_ms), 3 * amount_in(1_ms, rate).n + 3 * 1460);
  EXPECT_GT(largest_burst(bursty.client().left, from, 1_ms), 2 * largest_burst(paced.client().left, from, 1_ms));
}

TEST(Pacing, CostsNoThroughput) {
  Duration took[2];
  for (const bool on : {false, true}) {
    Pair pair{long_path(on)};
    pair.client().source.write_pattern(20'000'000, 1);
    pair.connect();
    const Instant start = pair.now();
    ASSERT_TRUE(pair.run_until([&] { return pair.server().sink.got().size() == 20'000'000; }, 60_s)) << pair.report();
    took[on] = pair.now() - start;
  }
  EXPECT_LE(took[true], took[false] + 200_ms);
}

TEST(Pacing, AShortAnswerLeavesAtOnce) {
  Pair pair{long_path(true)};
  pair.connect();
  pair.run_for(300_ms);
  pair.client().source.write_pattern(14'000, 1);
  pair.pump();
  std::uint64_t sent = 0;
  for (const auto& left : pair.client().left) { sent += left.payload; }
  EXPECT_EQ(14'000u, sent);
}

// --- use of the window

TEST(WindowUse, AnApplicationThatSaysLittleLosesAWindowItDoesNotNeed) {  // decision 0009
  Pair pair;
  pair.client().source.write_pattern(500'000, 1);
  pair.connect();
  pair.run_for(500_ms);
  const Bytes grown = pair.client()->info().window;
  for (int i = 0; i < 40; ++i) {  // a little, never silent for a timeout
    pair.client().source.write_pattern(2000, 2);
    pair.pump();
    pair.run_for(100_ms);
  }
  EXPECT_LT(pair.client()->info().window, grown / 4);
  EXPECT_GE(pair.client()->info().window, Bytes{10 * 1448});
}
}  // namespace
}  // namespace anabranch::tcp
