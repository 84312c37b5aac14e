// Windows, acknowledgments and probes: how much may leave, when answers leave, and what asks a silent peer.
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using Event = Endpoint::Event;

std::uint64_t payload(const std::vector<Segment>& out) {
  std::uint64_t sum = 0;
  for (const Segment& s : out) { sum += s.payload.size().n; }
  return sum;
}

TEST(Window, NoMoreLeavesThanThePeerAllows) {
  Solo solo = Solo::open(Solo::plain(), 5000);
  solo.source.write_pattern(20'000, 1);
  auto out = solo.take();
  EXPECT_EQ(3u * 1460, payload(out));  // a fourth of 620 bytes would be silly
  solo.give(solo.segment(1, 1 + 1460, 0, 5000 - 1460));
  EXPECT_EQ(0u, payload(solo.take()));
  solo.give(solo.segment(1, 1 + 2 * 1460, 0, 5000));
  EXPECT_EQ(2u * 1460, payload(solo.take()));
}

TEST(Window, ASmallerWindowThanASegmentIsUsedWhenNothingIsInFlight) {
  Solo solo = Solo::open(Solo::plain(), 500);
  solo.source.write_pattern(20'000, 1);
  EXPECT_EQ(500u, payload(solo.take()));
}

TEST(Window, AnOldSegmentDoesNotTakeTheWindowBack) {
  Solo solo = Solo::open();
  solo.source.write_pattern(1000, 1);
  solo.take();
  solo.give(solo.segment(1, 1001, 0, 3000));
  solo.give(solo.segment(1, 501, 0, 100));  // overtaken on the way
  EXPECT_EQ(3000u, std::min<std::uint64_t>(3000, solo.endpoint->room(solo.now).n));
}

TEST(Window, AScaledWindowIsShiftedExceptOnTheSyn) {
  Config config = Solo::plain();
  config.window_scaling = true;
  Solo solo = Solo::open(config, 1000);  // the peer's shift is 2
  solo.source.write_pattern(20'000, 1);
  EXPECT_EQ(1000u, payload(solo.take()));
  solo.give(solo.segment(1, 1001, 0, 1000));
  EXPECT_EQ(2u * 1460, payload(solo.take()));
}

TEST(Window, TheOfferIsScaledDownAndRoundedDown) {
  Config config = Solo::plain();
  config.window_scaling = true;
  Solo solo = Solo::open(config);
  solo.sink.reads = false;
  solo.give(solo.segment(1, 1, 100));
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(((1u << 20) - 100) >> 8, out[0].window);
}

TEST(Window, AClosedWindowIsProbedWithGrowingPausesAndOpensAgain) {  // [9293-MUST-36 9293-SHLD-30]
  Solo solo = Solo::open(Solo::plain(), 0);
  solo.source.write_pattern(3000, 1);
  EXPECT_TRUE(solo.take().empty());
  std::vector<std::int64_t> at;
  const Instant start = solo.now;
  for (int i = 0; i < 4; ++i) {
    ASSERT_FALSE(solo.endpoint->deadline().is_never());
    solo.now = solo.endpoint->deadline();
    solo.endpoint->on_deadline(solo.now);
    const auto out = solo.take();
    ASSERT_EQ(1u, out.size());
    EXPECT_EQ(0u, Solo::at(out[0]));  // SND.UNA - 1, no payload
    EXPECT_EQ(0u, out[0].payload.size().n);
    at.push_back((solo.now - start).ns);
    solo.give(solo.segment(1, 1, 0, 0));
  }
  EXPECT_NEAR(2.0, static_cast<double>(at[1] - at[0]) / static_cast<double>(at[0]), 0.1);
  EXPECT_NEAR(4.0, static_cast<double>(at[2] - at[1]) / static_cast<double>(at[0]), 0.1);
  solo.give(solo.segment(1, 1, 0, 65535));
  EXPECT_EQ(3000u, payload(solo.take()));
  EXPECT_FALSE(solo.had(Event::timed_out));
}

TEST(Window, ALostWindowUpdateDoesNotHangTheConnection) {
  Pair::Options options{.server_buffer = {20'000}};
  Pair pair{options};
  pair.server().sink.reads = false;
  pair.client().source.write_pattern(100'000, 1);
  pair.connect();
  pair.run_for(3_s);
  EXPECT_LE(pair.server().sink.got().size(), 20'000u);
  EXPECT_GE(pair.server().sink.got().size(), 15'000u);
  pair.hook = [](Segment&, bool forth, std::size_t) { return forth; };  // the update is lost
  pair.server().sink.reads = true;
  pair.server().sink.read(20'000);
  pair.server()->send_ack();
  pair.pump();
  pair.hook = nullptr;
  EXPECT_TRUE(pair.run_until([&] { return pair.server().sink.got().size() == 100'000; }, 30_s)) << pair.report();
}

TEST(Window, APeerThatAnswersProbesIsNeverGivenUp) {  // [9293-MUST-37]
  Config config = Solo::plain();
  config.give_up_after = 10_s;
  Solo solo = Solo::open(config, 0);
  solo.source.write_pattern(3000, 1);
  solo.take();
  for (int i = 0; i < 300; ++i) {
    if (!solo.wait(1_s).empty()) { solo.give(solo.segment(1, 1, 0, 0)); }
  }
  EXPECT_FALSE(solo.endpoint->dead());
  solo.wait(200_s);
  EXPECT_TRUE(solo.had(Event::timed_out));
}

// [9293-MUST-40 9293-MUST-58 9293-SHLD-18 9293-SHLD-19]
TEST(Acknowledgments, TheFirstSegmentsAreAnsweredAtOnceLaterOnesEverySecondOrAfterTheDelay) {
  Solo solo = Solo::open();
  std::uint64_t at = 1;
  for (int i = 0; i < 16; ++i, at += 1000) {
    solo.give(solo.segment(at, 1, 1000));
    EXPECT_EQ(1u, solo.take().size()) << i;
  }
  solo.give(solo.segment(at, 1, 1000));
  EXPECT_TRUE(solo.take().empty());
  EXPECT_TRUE(solo.wait(39_ms).empty());
  EXPECT_EQ(1u, solo.wait(2_ms).size());
  at += 1000;
  solo.give(solo.segment(at, 1, 1000));
  EXPECT_TRUE(solo.take().empty());
  solo.give(solo.segment(at + 1000, 1, 1000));
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(at + 2000, Solo::ack(out[0]));
}

TEST(Acknowledgments, ASuperSegmentCountsByItsBytes) {
  Solo solo = Solo::open();
  Segment big = solo.segment(1, 1, 20'000);
  big.cut = 1460;
  solo.give(big);
  solo.take();
  solo.give(solo.segment(20'001, 1, 10 * 1460));  // merged on the way, without saying so
  solo.take();
  solo.give(solo.segment(20'001 + 14'600, 1, 1460));
  EXPECT_TRUE(solo.take().empty());
  big = solo.segment(20'001 + 14'600 + 1460, 1, 2920);
  big.cut = 1460;
  solo.give(big);
  EXPECT_EQ(1u, solo.take().size());
}

TEST(Acknowledgments, GapsAreAnsweredAtOnceAndTheLatestBlockComesFirst) {
  Solo solo = Solo::open();
  for (std::uint64_t i = 0; i < 20; ++i) { solo.give(solo.segment(1 + i * 100, 1, 100)); }
  solo.take();
  for (const std::uint64_t at : {2201u, 2401u, 2301u, 2801u}) {
    solo.give(solo.segment(at, 1, 100));
    const auto out = solo.take();
    ASSERT_EQ(1u, out.size());
    EXPECT_EQ(2001u, Solo::ack(out[0]));
    ASSERT_FALSE(out[0].tcp.sack.empty());
    const auto first = out[0].tcp.sack.front();
    EXPECT_LE(first.left.raw - Solo::kTheirs, at);
    EXPECT_GE(first.right.raw - Solo::kTheirs, at + 100);
  }
  solo.give(solo.segment(2001, 1, 200));  // fills the first gap
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(2501u, Solo::ack(out[0]));
  ASSERT_EQ(1u, out[0].tcp.sack.size());
  EXPECT_EQ(2801u, out[0].tcp.sack[0].left.raw - Solo::kTheirs);
}

TEST(Acknowledgments, ADuplicateIsReportedFirst) {  // RFC 2883
  Solo solo = Solo::open();
  solo.give(solo.segment(1, 1, 1000));
  solo.take();
  solo.give(solo.segment(1, 1, 500));
  auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  ASSERT_EQ(1u, out[0].tcp.sack.size());
  EXPECT_EQ(1u, out[0].tcp.sack[0].left.raw - Solo::kTheirs);
  EXPECT_EQ(501u, out[0].tcp.sack[0].right.raw - Solo::kTheirs);
  solo.give(solo.segment(1001, 1, 10));
  EXPECT_TRUE(solo.take().at(0).tcp.sack.empty());
}

TEST(Acknowledgments, DataTakesThemAlong) {  // [9293-MUST-58]
  Solo solo = Solo::open();
  solo.give(solo.segment(1, 1, 1000));
  solo.source.write_pattern(100, 1);
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(1001u, Solo::ack(out[0]));
}

TEST(Acknowledgments, WithoutSackEachSegmentBeyondAGapGetsItsOwn) {
  Config config = Solo::plain();
  config.sack = false;
  Solo solo = Solo::open(config);
  for (std::uint64_t i = 1; i <= 3; ++i) { solo.give(solo.segment(1 + i * 100, 1, 100)); }
  EXPECT_EQ(3u, solo.take().size());
}

// [9293-MUST-24 9293-MUST-26 9293-MUST-27 9293-MUST-29 9293-SHLD-12]
TEST(Probes, AnIdleConnectionIsProbedAndGivenUpWhenNobodyAnswers) {
  Config config = Solo::plain();
  config.keepalive_idle = 100_s;
  config.keepalive_interval = 10_s;
  config.keepalive_probes = 3;
  Solo solo = Solo::open(config);
  solo.give(solo.segment(1, 1, 10));
  solo.take();
  EXPECT_TRUE(solo.wait(99_s).empty());
  const auto out = solo.wait(2_s);
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(0u, Solo::at(out[0]));
  solo.give(solo.segment(11, 1));
  EXPECT_TRUE(solo.wait(99_s).empty());
  EXPECT_EQ(3u + 1, solo.wait(60_s).size());  // three probes and the reset
  EXPECT_TRUE(solo.had(Event::timed_out));
}

TEST(Probes, TheOwnerMayAskForOne) {
  Solo solo = Solo::open();
  solo.endpoint->send_probe();
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(0u, Solo::at(out[0]));
  Pair pair;
  pair.connect();
  pair.run_for(1_s);
  const auto before = pair.server().left.size();
  pair.client()->send_probe();
  pair.pump();
  pair.run_for(100_ms);
  EXPECT_EQ(before + 1, pair.server().left.size());
}

TEST(PathMtu, ASmallerHopMakesSmallerPacketsWithoutShrinkingTheWindow) {  // [9293-MUST-16 9293-MUST-54]
  Pair pair;
  pair.client().source.write_pattern(300'000, 1);
  pair.connect();
  pair.run_for(60_ms);
  pair.forth().mtu = 1000;
  pair.client()->finish();
  ASSERT_TRUE(pair.run_until([&] { return pair.closed_and_equal(); }, 100_s)) << pair.report();
  EXPECT_EQ(1000u - 40 - 12, pair.client()->info().segment);
  EXPECT_FALSE(pair.client().had(Event::stalled)) << pair.report();
  EXPECT_EQ(cc::kNoThreshold, pair.client()->info().threshold);
}

TEST(PathMtu, ARouterThatDoesNotSayIsGuessedAndAForgerIsIgnored) {
  Solo solo = Solo::open();
  solo.source.write_pattern(3 * 1460, 1);
  solo.take();
  solo.endpoint->on_packet_too_big(600, {Solo::kOurs + 50'000}, solo.now);  // quotes what is not in flight
  EXPECT_EQ(1460u, solo.endpoint->info().segment);
  solo.endpoint->on_packet_too_big(0, {Solo::kOurs + 1}, solo.now);
  EXPECT_EQ(1492u - 40, solo.endpoint->info().segment);
  solo.endpoint->on_packet_too_big(68, {Solo::kOurs + 1}, solo.now);
  EXPECT_EQ(552u - 40, solo.endpoint->info().segment);
  const auto out = solo.take();
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(1u, Solo::at(out[0]));
  for (const Segment& s : out) { EXPECT_LE(s.payload.size().n, 512u); }
}
}  // namespace
}  // namespace anabranch::tcp
