// Opening: what SYNs say and agree on, what happens when they are lost, refused, late, or meet.
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using Event = Endpoint::Event;

TEST(Handshake, ASynOffersWhatTheConfigurationSays) {
  Solo solo{Config{}};
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.syn && !out[0].flags.ack);
  EXPECT_EQ(1460, out[0].tcp.mss);
  EXPECT_EQ(8, out[0].tcp.window_scale);
  EXPECT_TRUE(out[0].tcp.sack_permitted && out[0].tcp.timestamps);
  EXPECT_EQ(65535, out[0].window);  // never scaled
  EXPECT_EQ("SYN-SENT", solo.endpoint->state_name());
}

TEST(Handshake, ASynAckOffersOnlyWhatTheSynDid) {
  Solo solo{Config{}};
  Segment syn = solo.syn();
  syn.tcp.sack_permitted = false;
  EXPECT_TRUE(taken(solo.endpoint->accept(syn, {Solo::kOurs}, solo.now)));
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.syn && out[0].flags.ack);
  EXPECT_EQ(1u, Solo::ack(out[0]));
  EXPECT_FALSE(out[0].tcp.sack_permitted || out[0].tcp.timestamps || out[0].tcp.window_scale);
  EXPECT_FALSE(solo.endpoint->negotiated().sack || solo.endpoint->negotiated().timestamps);
}

TEST(Handshake, AScaleOfZeroIsStillAnAgreement) {
  Config config;
  config.window_scale = 0;
  Solo solo{config};
  Segment syn = solo.syn();
  syn.tcp.window_scale = 0;
  solo.endpoint->accept(syn, {Solo::kOurs}, solo.now);
  EXPECT_EQ(0, solo.take().at(0).tcp.window_scale);
}

TEST(Handshake, AShiftBeyondFourteenCountsAsFourteen) {
  Solo solo{Config{}};
  Segment syn = solo.syn();
  syn.tcp.window_scale = 200;
  solo.endpoint->accept(syn, {Solo::kOurs}, solo.now);
  EXPECT_EQ(14, solo.endpoint->negotiated().send_scale);
}

TEST(Handshake, TheThirdSegmentIsAPureAckEvenIfDataWaits) {
  Solo solo;
  solo.source.write_pattern(100, 1);
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  Segment answer = solo.syn();
  answer.flags.ack = true;
  answer.ack = {Solo::kOurs + 1};
  EXPECT_TRUE(taken(solo.give(answer)));
  const auto out = solo.take();
  ASSERT_EQ(2u, out.size());
  EXPECT_EQ(0u, out[0].payload.size().n);
  EXPECT_EQ(100u, out[1].payload.size().n);
  EXPECT_TRUE(solo.had(Event::established));
}

TEST(Handshake, SynsAreRepeatedEverySecondAtFirstAndThenWithDoublingPauses) {  // [9293-MUST-22]
  Config config;
  config.syn_linear = 2;
  config.syn_retries = 3;
  Solo solo{config};
  const Instant start = solo.now;
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  std::vector<std::int64_t> at;
  while (!solo.endpoint->dead()) {
    solo.now = solo.endpoint->deadline();
    solo.endpoint->on_deadline(solo.now);
    for (const Segment& s : solo.take()) {
      EXPECT_TRUE(s.flags.syn);
      at.push_back((solo.now - start).ns / 1'000'000'000);
    }
  }
  EXPECT_EQ((std::vector<std::int64_t>{1, 2, 3, 5, 9}), at);
  EXPECT_TRUE(solo.had(Event::timed_out));
  EXPECT_TRUE(solo.endpoint->deadline().is_never());
}

// RFC 9293 §3.8.3 (MUST-23): a SYN is given three minutes.
TEST(Handshake, AnUnansweredSynIsGivenUpAfterThreeMinutesAndASynAckAfterOne) {
  Solo solo{Config{}};
  const Instant start = solo.now;
  const auto exhaust = [](Solo& s) {
    while (!s.endpoint->dead()) {
      s.now = s.endpoint->deadline();
      s.endpoint->on_deadline(s.now);
      s.take();
    }
  };
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  exhaust(solo);
  EXPECT_EQ(187_s, solo.now - start);

  Solo server{Config{}};
  server.endpoint->accept(server.syn(), {Solo::kOurs}, server.now);
  server.take();
  exhaust(server);
  EXPECT_EQ(63_s, server.now - start);
}

TEST(Handshake, LossOfAnyOfItsSegmentsOnlyDelaysIt) {
  for (const std::size_t lost : {0, 1, 2}) {
    Pair::Options options;
    (lost == 1 ? options.back : options.forth).lose = {lost == 2 ? 1u : 0u};
    Pair pair{options};
    pair.client().source.write_pattern(5000, 1);
    pair.connect();
    ASSERT_TRUE(pair.run_until([&] { return pair.server().sink.got().size() == 5000; }, 5_s)) << lost << pair.report();
    EXPECT_EQ(lost<2, pair.now()> Instant{} + 1900_ms);  // the world began at one second; a third segment is not missed
  }
}

TEST(Handshake, AnRstOnlyRefusesIfItAcknowledgesTheSyn) {
  Solo solo;
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  Segment rst;
  rst.flags.rst = true;
  EXPECT_TRUE(is_drop(solo.give(rst), Drop::not_for_this_state));
  rst.flags.ack = true;
  rst.ack = {Solo::kOurs + 5};
  EXPECT_TRUE(is_drop(solo.give(rst), Drop::bad_ack));
  EXPECT_TRUE(solo.take().empty());
  EXPECT_FALSE(solo.endpoint->dead());
  rst.ack = {Solo::kOurs + 1};
  EXPECT_TRUE(taken(solo.give(rst)));
  EXPECT_TRUE(solo.had(Event::refused));
}

TEST(Handshake, AnAckOfSomethingElseInSynSentIsAnsweredByAReset) {
  Solo solo;
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  EXPECT_TRUE(is_drop(solo.give(solo.segment(5, 99)), Drop::bad_ack));
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.rst && !out[0].flags.ack);
  EXPECT_EQ(99u, Solo::at(out[0]));
  EXPECT_EQ(Phase::syn_sent, solo.endpoint->phase());
}

TEST(Handshake, ABadAckInSynReceivedIsAnsweredByAResetAndTheConnectionLives) {
  Solo solo;
  solo.endpoint->accept(solo.syn(), {Solo::kOurs}, solo.now);
  solo.take();
  EXPECT_TRUE(is_drop(solo.give(solo.segment(1, 77)), Drop::bad_ack));
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.rst);
  EXPECT_EQ(77u, Solo::at(out[0]));
  EXPECT_TRUE(taken(solo.give(solo.segment(1, 1))));
  EXPECT_EQ("ESTABLISHED", solo.endpoint->state_name());
}

TEST(Handshake, ARepeatedSynIsAnsweredByTheSynAckAgain) {
  Solo solo;
  solo.endpoint->accept(solo.syn(), {Solo::kOurs}, solo.now);
  solo.take();
  solo.give(solo.syn());
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.syn && out[0].flags.ack);
}

TEST(Handshake, DataWithTheThirdSegmentOpensAndArrives) {
  Solo solo;
  solo.endpoint->accept(solo.syn(), {Solo::kOurs}, solo.now);
  solo.take();
  EXPECT_TRUE(taken(solo.give(solo.segment(1, 1, 300))));
  EXPECT_EQ(300u, solo.sink.got().size());
  EXPECT_TRUE(solo.had(Event::established));
}

TEST(Handshake, TwoSimultaneousOpensMakeOneConnection) {  // [9293-MUST-10]
  Pair pair;
  pair.client().source.write_pattern(5000, 1);
  pair.server().source.write_pattern(6000, 2);
  pair.connect_both();
  pair.client()->finish();
  ASSERT_TRUE(pair.run_until([&] { return pair.closed_and_equal(); })) << pair.report();
}

TEST(Handshake, AHardErrorEndsItOnlyIfItQuotesOurSyn) {  // [9293-MUST-54 9293-MUST-56 9293-SHLD-26]
  Solo solo;
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  solo.endpoint->on_unreachable(true, {5}, solo.now);
  solo.endpoint->on_unreachable(false, {Solo::kOurs}, solo.now);
  EXPECT_FALSE(solo.endpoint->dead());
  solo.endpoint->on_unreachable(true, {Solo::kOurs}, solo.now);
  EXPECT_TRUE(solo.had(Event::refused));

  Solo open = Solo::open();
  open.endpoint->on_unreachable(true, {Solo::kOurs}, open.now);
  EXPECT_FALSE(open.endpoint->dead());
}

TEST(Handshake, SequenceNumbersMayWrapAnywhere) {
  for (const std::uint32_t before : {0u, 1u, 2u, 1448u, 5000u, 100'000u}) {
    Pair::Options options{.client_isn = {0u - before}, .server_isn = {0u - before / 2}};
    options.forth.loss_permille = options.back.loss_permille = 30;
    Pair pair{options};
    pair.client().source.write_pattern(200'000, 1);
    pair.server().source.write_pattern(200'000, 2);
    pair.connect();
    pair.client()->finish();
    ASSERT_TRUE(pair.run_until([&] { return pair.closed_and_equal(); })) << before << pair.report();
  }
}
}  // namespace
}  // namespace anabranch::tcp
