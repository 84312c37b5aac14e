// Closing: every order in which two sides may finish, FINs that are lost or come early, lingering, resets.
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using Event = Endpoint::Event;

Segment fin(Solo& solo, std::uint64_t at, std::uint64_t ack, std::size_t payload = 0) {
  Segment s = solo.segment(at, ack, payload);
  s.flags.fin = true;
  return s;
}

TEST(Closing, TheSideThatFinishedFirstLingersTheOtherDoesNot) {  // [9293-MUST-13]
  Pair pair;
  pair.connect();
  pair.run_for(100_ms);
  pair.client()->finish();
  pair.pump();
  pair.run_for(1_s);
  EXPECT_EQ("TIME-WAIT", pair.client()->state_name());
  EXPECT_TRUE(pair.server()->dead());
  EXPECT_TRUE(pair.server().had(Event::closed));
  pair.run_for(61_s);
  EXPECT_TRUE(pair.client().had(Event::closed));
}

TEST(Closing, AHalfClosedSideStillReceives) {
  Pair::Options options;
  options.answers_fin = false;
  Pair pair{options};
  pair.connect();
  pair.client()->finish();
  pair.run_for(1_s);
  EXPECT_EQ("FIN-WAIT-2", pair.client()->state_name());
  EXPECT_EQ("CLOSE-WAIT", pair.server()->state_name());
  pair.server().source.write_pattern(100'000, 1);
  pair.pump();
  pair.server()->finish();
  pair.pump();
  ASSERT_TRUE(pair.run_until([&] { return pair.closed_and_equal(); })) << pair.report();
}

TEST(Closing, WalksThroughTheNamesOfRfc9293) {
  Solo solo = Solo::open();
  solo.endpoint->finish();
  EXPECT_EQ("FIN-WAIT-1", solo.endpoint->state_name());
  auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.fin);
  solo.give(solo.segment(1, 2));
  EXPECT_EQ("FIN-WAIT-2", solo.endpoint->state_name());
  solo.give(fin(solo, 1, 2));
  EXPECT_EQ("TIME-WAIT", solo.endpoint->state_name());
  out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(2u, Solo::ack(out[0]));
  EXPECT_EQ(2u, Solo::at(out[0]));
}

TEST(Closing, FinsThatCrossMakeBothLinger) {
  Solo solo = Solo::open();
  solo.endpoint->finish();
  solo.take();
  solo.give(fin(solo, 1, 1));
  EXPECT_EQ("CLOSING", solo.endpoint->state_name());
  EXPECT_EQ(1u, solo.take().size());
  solo.give(solo.segment(2, 2));
  EXPECT_EQ("TIME-WAIT", solo.endpoint->state_name());
}

TEST(Closing, PassiveCloseGoesThroughCloseWaitAndLastAck) {
  Solo solo = Solo::open();
  solo.give(fin(solo, 1, 1));
  EXPECT_EQ("CLOSE-WAIT", solo.endpoint->state_name());
  EXPECT_EQ(1u, solo.take().size());
  EXPECT_TRUE(solo.sink.finished());
  solo.endpoint->finish();
  EXPECT_TRUE(solo.take().at(0).flags.fin);
  EXPECT_EQ("LAST-ACK", solo.endpoint->state_name());
  solo.give(solo.segment(2, 2));
  EXPECT_TRUE(solo.endpoint->dead());
  EXPECT_TRUE(solo.had(Event::closed));
}

TEST(Closing, TheFinRidesOnTheLastDataAndIsRepeatedWithIt) {
  Solo solo = Solo::open();
  solo.source.write_pattern(2000, 1);
  solo.endpoint->finish();
  auto out = solo.take();
  ASSERT_EQ(2u, out.size());
  EXPECT_TRUE(!out[0].flags.fin && out[1].flags.fin);
  EXPECT_EQ(540u, out[1].payload.size().n);
  solo.give(solo.segment(1, 1461));
  out = solo.wait(2_s);
  ASSERT_FALSE(out.empty());
  EXPECT_TRUE(out[0].flags.fin);
  EXPECT_EQ(540u, out[0].payload.size().n);
  solo.give(solo.segment(1, 2001));  // all but the FIN
  out = solo.wait(2_s);
  ASSERT_FALSE(out.empty());
  EXPECT_TRUE(out.back().flags.fin);
  EXPECT_EQ(2001u, Solo::at(out.back()));
  EXPECT_EQ(0u, out.back().payload.size().n);
  solo.give(solo.segment(1, 2002));
  EXPECT_EQ("FIN-WAIT-2", solo.endpoint->state_name());
}

TEST(Closing, AFinAheadOfAGapWaitsForTheGap) {
  Solo solo = Solo::open();
  solo.give(fin(solo, 101, 1, 100));
  EXPECT_FALSE(solo.sink.finished());
  solo.give(solo.segment(1, 1, 100));
  EXPECT_TRUE(solo.sink.finished());
  EXPECT_EQ(200u, solo.sink.got().size());
  EXPECT_EQ(202u, Solo::ack(solo.take().back()));
}

TEST(Closing, DataAfterTheFinIsIgnored) {
  Solo solo = Solo::open();
  solo.give(fin(solo, 101, 1, 0));
  solo.give(solo.segment(1, 1, 300));
  EXPECT_EQ(100u, solo.sink.got().size());
  EXPECT_TRUE(solo.sink.finished());
}

TEST(Closing, ARepeatedFinRestartsTheLingering) {  // [9293-MUST-13]
  Solo solo = Solo::open();
  solo.endpoint->finish();
  solo.take();
  solo.give(fin(solo, 1, 2));
  solo.take();
  EXPECT_EQ(Phase::time_wait, solo.endpoint->phase());
  solo.wait(50_s);
  solo.give(fin(solo, 1, 2));
  EXPECT_EQ(1u, solo.take().size());
  solo.wait(50_s);
  EXPECT_EQ(Phase::time_wait, solo.endpoint->phase());
  solo.wait(11_s);
  EXPECT_TRUE(solo.had(Event::closed));
}

TEST(Closing, AResetDoesNotEndTheLingering) {  // RFC 1337
  Solo solo = Solo::open();
  solo.endpoint->finish();
  solo.take();
  solo.give(fin(solo, 1, 2));
  solo.take();
  Segment rst = solo.segment(2, 2);
  rst.flags = {.rst = true};
  EXPECT_TRUE(is_drop(solo.give(rst), Drop::not_for_this_state));
  EXPECT_EQ(Phase::time_wait, solo.endpoint->phase());
}

TEST(Closing, AFinLeavesEvenIntoAClosedWindow) {
  Solo solo = Solo::open(Solo::plain(), 0);
  solo.endpoint->finish();
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.fin);
  solo.give(solo.segment(1, 2, 0, 0));
  EXPECT_EQ("FIN-WAIT-2", solo.endpoint->state_name());
}

TEST(Closing, AbortSendsOneResetAndDies) {
  Solo solo = Solo::open();
  solo.source.write_pattern(5000, 1);
  solo.take();
  solo.endpoint->abort(wire::ResetReason::unspecified);
  EXPECT_TRUE(solo.endpoint->dead());
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.rst && out[0].flags.ack);
  EXPECT_EQ(5001u, Solo::at(out[0]));
  EXPECT_TRUE(solo.take().empty());
  EXPECT_TRUE(solo.endpoint->deadline().is_never());
}

TEST(Closing, EveryPermutationOfFinishingLossAndDataEndsClosed) {
  for (int client_first = 0; client_first < 3; ++client_first) {
    for (const std::size_t bytes : {0u, 1u, 3000u}) {
      for (std::size_t lost = 0; lost < 8; ++lost) {
        for (const bool forth : {true, false}) {
          Pair::Options options;
          (forth ? options.forth : options.back).lose = {lost, lost + 1};
          options.answers_fin = client_first != 2;
          Pair pair{options};
          pair.client().source.write_pattern(bytes, 1);
          pair.server().source.write_pattern(bytes, 2);
          pair.connect();
          if (client_first == 1) { pair.client()->finish(); }
          ASSERT_TRUE(pair.run_until([&] { return pair.server().endpoint && pair.server().had(Event::established); }));
          if (client_first != 1) { pair.server()->finish(); }
          if (client_first == 2) { pair.client()->finish(); }
          pair.pump();
          ASSERT_TRUE(pair.run_until([&] { return pair.closed_and_equal(); }, 300_s))
              << client_first << bytes << " " << lost << forth << "\n"
              << pair.report();
        }
      }
    }
  }
}
}  // namespace
}  // namespace anabranch::tcp
