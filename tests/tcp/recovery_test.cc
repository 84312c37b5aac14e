// Loss: what is sent again and when, with SACK, without, after a timeout, and when there was none.
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using Event = Endpoint::Event;

constexpr std::uint64_t kSegment = 1460;

/// The first positions of data segments among `out`.
std::vector<std::uint64_t> data(const std::vector<Segment>& out) {
  std::vector<std::uint64_t> at;
  for (const Segment& s : out) {
    if (!s.payload.empty()) { at.push_back(Solo::at(s)); }
  }
  return at;
}
std::uint64_t nth(std::uint64_t n) { return 1 + n * kSegment; }

Segment sack(Solo& solo, std::uint64_t ack, std::uint64_t left, std::uint64_t right) {
  Segment s = solo.segment(1, ack);
  s.tcp.sack.push_back(Solo::block(left, right));
  return s;
}

TEST(Recovery, SackSendsOnlyTheHoleAgain) {
  Solo solo = Solo::open();
  solo.source.write_pattern(10 * kSegment, 1);
  EXPECT_EQ(10u, data(solo.take()).size());
  solo.now = solo.now + 10_ms;
  solo.give(sack(solo, nth(1), nth(2), nth(3)));
  solo.give(sack(solo, nth(1), nth(2), nth(4)));
  EXPECT_TRUE(data(solo.take()).empty());
  solo.give(sack(solo, nth(1), nth(2), nth(5)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(1)}), data(solo.take()));
  EXPECT_TRUE(solo.endpoint->info().in_recovery);
  for (std::uint64_t i = 6; i <= 10; ++i) {
    solo.give(sack(solo, nth(1), nth(2), nth(i)));
    EXPECT_TRUE(data(solo.take()).empty());
  }
  solo.give(solo.segment(1, nth(10)));
  EXPECT_FALSE(solo.endpoint->info().in_recovery);
  EXPECT_EQ(1u, solo.endpoint->info().retransmits);
}

TEST(Recovery, OneAckThatShowsThreeSegmentsBeyondTheHoleIsEnough) {
  Solo solo = Solo::open();
  solo.source.write_pattern(10 * kSegment, 1);
  solo.take();
  solo.give(sack(solo, nth(0), nth(1), nth(4)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), data(solo.take()));
}

TEST(Recovery, TwoDuplicatesSendFreshDataInstead) {  // RFC 3042
  Solo solo = Solo::open();
  solo.source.write_pattern(20 * kSegment, 1);
  EXPECT_EQ(10u, data(solo.take()).size());
  solo.now = solo.now + 10_ms;
  solo.give(sack(solo, nth(0), nth(1), nth(2)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(10)}), data(solo.take()));
  solo.give(sack(solo, nth(0), nth(1), nth(3)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(11)}), data(solo.take()));
}

Config no_sack() {
  Config config = Solo::plain();
  config.sack = false;
  return config;
}

TEST(Recovery, WithoutSackThreeDuplicatesSendTheFirstSegmentAndPartialAcksTheNextHoles) {
  Solo solo = Solo::open(no_sack());
  solo.source.write_pattern(10 * kSegment, 1);
  solo.take();
  for (int i = 0; i < 2; ++i) { solo.give(solo.segment(1, 1)); }
  EXPECT_TRUE(data(solo.take()).empty());
  solo.give(solo.segment(1, 1));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), data(solo.take()));
  for (int i = 0; i < 4; ++i) { solo.give(solo.segment(1, 1)); }
  EXPECT_TRUE(data(solo.take()).empty());
  solo.give(solo.segment(1, nth(3)));  // partial: the fourth is missing too
  EXPECT_EQ((std::vector<std::uint64_t>{nth(3)}), data(solo.take()));
  solo.give(solo.segment(1, nth(10)));
  EXPECT_FALSE(solo.endpoint->info().in_recovery);
  EXPECT_EQ(2u, solo.endpoint->info().retransmits);
}

TEST(Recovery, DuplicatesThatChangeTheWindowOrCarryDataAreNone) {
  Solo solo = Solo::open(no_sack());
  solo.source.write_pattern(5 * kSegment, 1);
  solo.take();
  for (std::uint16_t i = 0; i < 6; ++i) { solo.give(solo.segment(1, 1, 0, static_cast<std::uint16_t>(60000 + i))); }
  for (std::uint64_t i = 0; i < 6; ++i) { solo.give(solo.segment(1 + i * 10, 1, 10, 60005)); }
  EXPECT_TRUE(data(solo.take()).empty());
}

TEST(Recovery, ATimeoutSendsOneSegmentDoublesAndReportsOnce) {
  Config config = no_sack();
  config.mtu_search = false;
  Solo solo = Solo::open(config);
  solo.source.write_pattern(4 * kSegment, 1);
  EXPECT_EQ(4u, data(solo.take()).size());
  const Duration rto = solo.endpoint->info().rto;
  EXPECT_TRUE(data(solo.wait(rto - 1_ms)).empty());
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), data(solo.wait(2_ms)));
  EXPECT_TRUE(solo.had(Event::stalled));
  EXPECT_EQ(kSegment, solo.endpoint->info().window.n);
  EXPECT_TRUE(data(solo.wait(rto * 2 - 3_ms)).empty());
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), data(solo.wait(3_ms)));
  EXPECT_EQ(2u, solo.endpoint->info().timeouts_in_a_row);
  EXPECT_EQ(1, std::count(solo.events.begin(), solo.events.end(), Event::stalled));
  solo.give(solo.segment(1, nth(1)));
  EXPECT_TRUE(solo.had(Event::recovered));
  // Slow start, going back: there is nothing fresh that F-RTO could send instead.
  EXPECT_EQ((std::vector<std::uint64_t>{nth(1), nth(2)}), data(solo.wait({})));
}

TEST(Recovery, AfterATimeoutWhatWasSackedIsNotSentAgain) {
  Config config = Solo::plain();
  config.mtu_search = false;
  Solo solo = Solo::open(config);
  solo.source.write_pattern(4 * kSegment, 1);
  solo.take();
  solo.give(sack(solo, nth(0), nth(1), nth(3)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}),
            data(solo.wait(2_s)).size() > 0 ? std::vector{nth(0)} : std::vector<std::uint64_t>{});
  solo.give(sack(solo, nth(0), nth(1), nth(3)));
  solo.give(sack(solo, nth(3), nth(3), nth(3)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(3)}), data(solo.take()));
}

TEST(Recovery, APeerThatForgetsWhatItSackedGetsItAgain) {  // RFC 2018 §8
  Solo solo = Solo::open();
  solo.source.write_pattern(4 * kSegment, 1);
  solo.take();
  solo.give(sack(solo, nth(0), nth(1), nth(4)));
  solo.take();
  solo.give(solo.segment(1, nth(1)));  // the hole is filled, yet what lay beyond is not acknowledged
  std::vector<std::uint64_t> again;
  for (int i = 0; i < 8 && again.empty(); ++i) { again = data(solo.wait(1_s)); }
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(nth(1), again.front());
}

TEST(Recovery, ALostRetransmissionIsNoticedBeforeTheTimeout) {
  Solo solo = Solo::open();
  solo.source.write_pattern(40 * kSegment, 1);
  solo.take();
  solo.now = solo.now + 10_ms;
  solo.give(sack(solo, nth(0), nth(1), nth(10)));
  auto out = data(solo.take());
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(nth(0), out.front());
  EXPECT_EQ(nth(10), out.size() > 1 ? out[1] : nth(10));
  std::uint64_t got = 10;
  for (int i = 0; i < 12; ++i) {  // segments sent after the retransmission arrive, it does not
    solo.now = solo.now + 10_ms;
    solo.give(sack(solo, nth(0), nth(1), nth(++got)));
    out = data(solo.take());
    if (std::count(out.begin(), out.end(), nth(0)) > 0) { break; }
  }
  EXPECT_EQ(1, std::count(out.begin(), out.end(), nth(0)));
  EXPECT_EQ(0u, solo.endpoint->info().timeouts_in_a_row);
}

TEST(Recovery, AProbeBringsALostTailToLightBeforeTheTimeout) {  // RFC 8985 §7
  for (std::size_t lost = 2; lost <= 8; ++lost) {  // a lone segment may only be acknowledged late: left to the timeout
    Pair pair;
    pair.client().source.write_pattern(10 * 1448, 1);
    pair.hook = [&, left = lost](Segment& s, bool forth, std::size_t) mutable {
      const bool tail = forth && s.seq.raw - 1001 >= (10 - lost) * 1448 && !s.payload.empty();
      return !tail || left == 0 || left-- == 0;
    };
    pair.connect();
    ASSERT_TRUE(pair.run_until([&] { return pair.server().sink.got().size() == 14'480; })) << lost << pair.report();
    // Handshake 20 ms, data 10, probe after two round trips, and two more to mend: the timeout would be at 240 ms.
    EXPECT_LT(pair.now() - Instant{1'000'000'000}, 200_ms) << lost;
    EXPECT_FALSE(pair.client().had(Event::stalled));
  }
}

TEST(Recovery, WhatAProbeMendedAloneStillShrinksTheWindow) {
  Pair pair;
  pair.client().source.write_pattern(10 * 1448, 1);
  bool lost = false;
  pair.hook = [&](Segment& s, bool forth, std::size_t) {
    if (!forth) { return pair.now() < Instant{} + 1015_ms || pair.now() > Instant{} + 1065_ms; }  // as if all were lost
    const bool last = s.seq.raw == 1001 + 9 * 1448 && !lost;
    lost |= last;
    return !last;
  };
  pair.connect();
  pair.run_for(150_ms);
  EXPECT_EQ(14'480u, pair.server().sink.got().size());
  EXPECT_EQ(cc::kNoThreshold, pair.client()->info().threshold);  // a D-SACK could still follow
  pair.client().source.write_pattern(1448, 2);
  pair.pump();
  pair.run_for(50_ms);
  EXPECT_NE(cc::kNoThreshold, pair.client()->info().threshold);
  EXPECT_EQ(1u, pair.client()->info().retransmits);
}

TEST(Recovery, AProbeOfATailThatWasOnlyLateCostsNothing) {
  Pair pair;
  pair.client().source.write_pattern(10 * 1448, 1);
  pair.connect();
  pair.run_for(25_ms);
  pair.back().delay = 90_ms;  // acknowledgments come late, once
  pair.run_for(20_ms);
  pair.back().delay = 10_ms;
  pair.run_until([&] { return pair.client()->acknowledged().n == 14'481; });
  EXPECT_EQ(1u, pair.client()->info().retransmits);
  EXPECT_EQ(cc::kNoThreshold, pair.client()->info().threshold) << pair.report();
}

TEST(Recovery, OneSegmentThatLeftMuchLaterAndArrivedIsProofEnough) {  // RFC 8985 §6.2
  Solo solo = Solo::open();
  solo.source.write_pattern(2 * kSegment, 1);
  solo.take();
  solo.now = solo.now + 8_ms;
  solo.source.write_pattern(kSegment, 2);
  solo.take();
  solo.now = solo.now + 10_ms;
  solo.give(sack(solo, nth(1), nth(2), nth(3)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(1)}), data(solo.take()));
}

TEST(Recovery, ANeedlessTimeoutIsUndoneByTheTimestampOfTheFirstAnswer) {
  Solo solo = Solo::open(Config{});
  solo.source.write_pattern(30 * 1448, 1);
  solo.take();
  const std::uint32_t first = solo.stamp;
  const Bytes window = solo.endpoint->info().window;
  solo.wait(1500_ms);
  EXPECT_LT(solo.endpoint->info().window, window);
  Segment late = solo.segment(1, 1 + 5 * 1448);
  late.tcp.timestamps = {.value = 101, .echo = first};
  solo.give(late);
  EXPECT_GE(solo.endpoint->info().window, window);
  EXPECT_FALSE(solo.endpoint->info().in_recovery);
  for (const Segment& s : solo.take()) { EXPECT_GE(Solo::at(s), 1u + 10 * 1448); }  // nothing again, only fresh
}

/// Ten segments out, an acknowledgment each a round trip of 10 ms later.
void warm_up(Solo& solo, std::uint64_t segments) {
  solo.source.write_pattern(segments * kSegment, 1);
  solo.take();
  solo.now = solo.now + 10_ms;
}

TEST(Recovery, ALossThatTheReceiverReportsAsDuplicatedIsUndone) {  // RFC 2883, RFC 3708
  Solo solo = Solo::open();
  warm_up(solo, 10);
  const Bytes window = solo.endpoint->info().window;
  solo.give(sack(solo, nth(0), nth(1), nth(5)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), data(solo.take()));
  EXPECT_LT(solo.endpoint->info().window, window);
  solo.now = solo.now + 3_ms;
  solo.give(solo.segment(1, nth(10)));  // all was only late: the episode ends
  EXPECT_FALSE(solo.endpoint->info().in_recovery);
  EXPECT_LT(solo.endpoint->info().window, window);
  solo.now = solo.now + 7_ms;
  solo.give(sack(solo, nth(10), nth(0), nth(1)));
  EXPECT_GE(solo.endpoint->info().window, window);
  EXPECT_EQ(1u, solo.endpoint->info().undone);
  EXPECT_EQ(1u, solo.endpoint->info().needless_retransmits);
}

TEST(Recovery, OneOfTwoRetransmissionsReportedDuplicatedUndoesNothing) {
  Solo solo = Solo::open();
  warm_up(solo, 10);
  Segment two_holes = sack(solo, nth(0), nth(3), nth(8));
  two_holes.tcp.sack.push_back(Solo::block(nth(1), nth(2)));
  solo.give(two_holes);
  solo.give(sack(solo, nth(0), nth(3), nth(10)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0), nth(2)}), data(solo.take()));
  solo.now = solo.now + 10_ms;
  solo.give(solo.segment(1, nth(10)));
  solo.give(sack(solo, nth(10), nth(2), nth(3)));
  EXPECT_EQ(0u, solo.endpoint->info().undone);
  solo.give(sack(solo, nth(10), nth(0), nth(1)));
  EXPECT_EQ(1u, solo.endpoint->info().undone);
}

TEST(Recovery, ADuplicateReportWithinASackedBlockCountsAsWell) {  // RFC 2883 §4.2
  Solo solo = Solo::open();
  warm_up(solo, 10);
  solo.give(sack(solo, nth(0), nth(1), nth(4)));
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), data(solo.take()));
  Segment report = sack(solo, nth(1), nth(5), nth(6));
  report.tcp.sack.push_back(Solo::block(nth(5), nth(7)));
  solo.give(report);
  EXPECT_EQ(1u, solo.endpoint->info().needless_retransmits);
}

TEST(Recovery, AGapThatIsOnlyAQuarterRoundTripLateIsNotSentAgainOnAPathThatReorders) {  // RFC 8985 §6.2
  Solo solo = Solo::open();
  warm_up(solo, 8);
  solo.give(sack(solo, nth(0), nth(1), nth(2)));
  EXPECT_TRUE(data(solo.take()).empty());
  solo.give(solo.segment(1, nth(2)));  // late, not lost: the path reorders
  solo.give(sack(solo, nth(2), nth(3), nth(8)));
  EXPECT_TRUE(data(solo.take()).empty());  // five segments beyond the gap
  EXPECT_TRUE(data(solo.wait(2_ms)).empty());
  EXPECT_EQ((std::vector<std::uint64_t>{nth(2)}), data(solo.wait(1_ms)));  // the timer, without a further answer
  EXPECT_TRUE(solo.endpoint->info().in_recovery);
}

/// Until the retransmission timer has expired; then the first segment has left again.
void time_out(Solo& solo) {
  std::vector<std::uint64_t> out;
  while (solo.endpoint->info().timeouts_in_a_row == 0) { out = data(solo.wait(10_ms)); }
  EXPECT_EQ((std::vector<std::uint64_t>{nth(0)}), out);
}
Config with_sack(bool on) {
  Config config = Solo::plain();
  config.sack = on;
  return config;
}

TEST(Recovery, ATimeoutIsFoundNeedlessWithoutTimestamps) {  // RFC 5682
  for (const bool sack : {true, false}) {
    Solo solo = Solo::open(with_sack(sack));
    warm_up(solo, 30);
    const Bytes window = solo.endpoint->info().window;
    time_out(solo);
    solo.give(solo.segment(1, nth(1)));
    const auto fresh = data(solo.take());
    EXPECT_EQ(2u, fresh.size()) << sack;
    for (const std::uint64_t at : fresh) { EXPECT_GE(at, nth(10)) << sack; }
    solo.give(solo.segment(1, nth(2)));
    EXPECT_EQ(1u, solo.endpoint->info().undone) << sack;
    EXPECT_GE(solo.endpoint->info().window, window);
    EXPECT_FALSE(solo.endpoint->info().in_recovery);
    for (const std::uint64_t at : data(solo.take())) { EXPECT_GE(at, nth(12)); }
    EXPECT_GT(solo.endpoint->info().rto, 600_ms);  // RFC 4015: it was too short
  }
}

TEST(Recovery, ATimeoutWithRealLossGoesBackAfterTwoFreshSegments) {  // RFC 5682 §3.1, 3a
  for (const bool with : {true, false}) {
    Solo solo = Solo::open(with_sack(with));
    warm_up(solo, 30);
    time_out(solo);
    solo.give(solo.segment(1, nth(1)));
    const auto fresh = data(solo.take());
    ASSERT_EQ(2u, fresh.size());
    solo.now = solo.now + 10_ms;
    solo.give(with ? sack(solo, nth(1), fresh[0], fresh[1]) : solo.segment(1, nth(1)));
    const auto out = data(solo.take());
    ASSERT_FALSE(out.empty());
    EXPECT_EQ(nth(1), out.front());
    EXPECT_EQ(0u, solo.endpoint->info().undone);
  }
}

TEST(Recovery, AfterALongSilenceTheConnectionIsGivenUp) {  // [9293-MUST-20 9293-MUST-21]
  Config config = Solo::plain();
  config.give_up_after = 20_s;
  Solo solo = Solo::open(config);
  solo.source.write_pattern(1000, 1);
  solo.take();
  solo.wait(60_s);
  EXPECT_TRUE(solo.had(Event::timed_out));
  EXPECT_TRUE(solo.endpoint->dead());
}

TEST(Recovery, RetransmissionsRespectTheBordersOfTheSource) {
  Config config = Solo::plain();
  config.super_segment = 65'000;
  Solo solo = Solo::open(config);
  solo.source.piece = 2000;
  solo.source.write_pattern(10'000, 1);
  for (const Segment& s : solo.take()) { EXPECT_EQ(2000u, s.payload.size().n); }
  const auto out = solo.wait(1500_ms);
  ASSERT_FALSE(out.empty());
  for (const Segment& s : out) {
    const std::uint64_t from = Solo::at(s) - 1;
    EXPECT_EQ(from / 2000, (from + s.payload.size().n - 1) / 2000);
  }
}

TEST(Recovery, RoundTripTimesComeFromSegmentsSentOnce) {  // [9293-MUST-18]
  Solo solo = Solo::open();
  solo.source.write_pattern(kSegment, 1);
  solo.take();
  solo.now = solo.now + 30_ms;
  solo.give(solo.segment(1, nth(1)));
  const Duration before = solo.endpoint->info().srtt;
  EXPECT_GT(before, 10_ms);
  EXPECT_LT(before, 31_ms);
  solo.source.write_pattern(kSegment, 2);
  solo.take();
  solo.wait(700_ms);
  solo.give(solo.segment(1, nth(2)));  // which of the two? no sample
  EXPECT_EQ(before, solo.endpoint->info().srtt);
}

TEST(Recovery, ShufflingTheOrderEndsNoWorseThanLate) {
  Pair::Options options;
  options.forth = {.rate = 100_Mbps, .reorder_permille = 300, .reorder_delay = 8_ms};
  Pair pair{options};
  pair.client().source.write_pattern(5'000'000, 1);
  pair.connect();
  pair.client()->finish();
  ASSERT_TRUE(pair.run_until([&] { return pair.server().sink.finished(); }, 20_s)) << pair.report();
}
}  // namespace
}  // namespace anabranch::tcp
