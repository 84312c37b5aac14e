#include "mptcp/reinjection.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp {
namespace {

using Control = ReinjectionControl;
using Idle = Control::Idle;

constexpr Bytes kPacket{1000};

/// A quick path with room and a slow one that holds the data, some of it bound some time ago.
class ReinjectionTest : public ::testing::Test {
 protected:
  ~ReinjectionTest() override { quick_rides_ = slow_rides_ = {}; }

  static Instant at(Duration d) { return Instant{} + 100_s + d; }
  void on_slow(std::uint64_t from, std::uint64_t length, Duration ago) {
    slow_rides_.bind(DataPos{from}, bytes(length), {}, at({}) - ago);
  }
  void on_quick(std::uint64_t from, std::uint64_t length, Duration ago) {
    quick_rides_.bind(DataPos{from}, bytes(length), {}, at({}) - ago);
  }
  Chain bytes(std::uint64_t n) { return packer_.copy(std::vector<std::uint8_t>(n)); }
  /// 20 ms and 10 packets of room; 200 ms.
  std::vector<Control::Carrier> paths() {
    return {{.id = {1},
             .room = kPacket * 10,
             .window = kPacket * 20,
             .packet = kPacket,
             .srtt = 20_ms,
             .rttvar = 2_ms,
             .min_rtt = 20_ms,
             .rto = 220_ms,
             .heard = at(0_ms),
             .rides = &quick_rides_,
             .sent_up_to = quick_rides_.end()},
            {.id = {2},
             .window = kPacket * 40,
             .in_flight = Bytes{slow_rides_.end() - SubPos{1}},
             .packet = kPacket,
             .srtt = 200_ms,
             .rttvar = 10_ms,
             .min_rtt = 200_ms,
             .rto = 400_ms,
             .heard = at(0_ms),
             .rides = &slow_rides_,
             .sent_up_to = slow_rides_.end()}};
  }
  Control::Orders look(Control& c, Idle idle, Duration now = 0_ms, std::uint64_t una = 1) {
    return c.look({.now = at(now), .una = DataPos{una}, .idle = idle}, paths());
  }
  static std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges(const Control::Orders& o) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    for (const auto& c : o.copies) { out.emplace_back(c.begin.n, c.end.n); }
    return out;
  }
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  SlabPool pool_;
  Packer packer_{pool_};
  MappingTx quick_rides_, slow_rides_;
};

TEST_F(ReinjectionTest, TheQuickPathSendsWhatTheSlowOneWouldDeliverLater) {
  Control control{{}};
  on_slow(1, 1000, 150_ms);    // arrives in time by itself: 50 ms are left of its way, no: it is nearly there
  on_slow(2001, 1000, 20_ms);  // 80 ms to go, 10 ms on the other
  EXPECT_EQ(ranges(look(control, Idle::all_sent)), (Ranges{{2001, 3001}}));
  EXPECT_EQ(ranges(look(control, Idle::all_sent)), Ranges{}) << "once is enough";
}

TEST_F(ReinjectionTest, WhatTheSlowPathHasNotEvenSentGoesToo) {
  Control control{{}};
  on_slow(1, 1000, 5_ms);
  on_slow(1001, 1000, 5_ms);
  auto carriers = paths();
  carriers[1].sent_up_to = SubPos{1001};
  const auto orders = control.look({.now = at(0_ms), .una = DataPos{1}, .idle = Idle::all_sent}, carriers);
  EXPECT_EQ(ranges(orders), (Ranges{{1, 2001}}));
}

TEST_F(ReinjectionTest, WhatWaitsInAQueueThatGrewIsCopiedThoughTheSmoothedRoundTripIsShort) {
  // Forty packets at 10 KB/s are four seconds, and the smoothed round trip has not heard of it.
  Control control{{}};
  for (std::uint64_t i = 0; i < 40; ++i) { on_slow(1 + i * 1000, 1000, 150_ms); }
  auto carriers = paths();
  carriers[1].srtt = carriers[1].min_rtt = 100_ms;
  const Control::Situation end{.now = at(0_ms), .una = DataPos{1}, .idle = Idle::all_sent};
  EXPECT_EQ(ranges(control.look(end, carriers)), Ranges{}) << "all of it should be there any moment";
  carriers[1].latest_rtt = 160_ms;
  carriers[1].throughput = {10'000};
  const auto copied = ranges(control.look(end, carriers));
  EXPECT_EQ(copied, (Ranges{{1, 10'001}})) << "as much as there is room for";
}

TEST_F(ReinjectionTest, WhatArrivedBehindAGapIsNotCopiedAndWhatIsLostIsAtOnce) {
  Control control{{}};
  for (std::uint64_t i = 0; i < 6; ++i) { on_slow(1 + i * 1000, 1000, 150_ms); }
  tcp::Sent sent;
  for (std::uint64_t i = 1; i <= 6; ++i) { sent.add(SubPos{1 + i * 1000}, 1000, false, at({}) - 150_ms); }
  sent.mark_sacked(SubPos{2001}, SubPos{5001}, at(0_ms));
  sent.mark_lost(SubPos{1}, SubPos{1001});
  auto carriers = paths();
  carriers[1].sent = &sent;
  const Control::Situation blocked{.now = at(0_ms), .una = DataPos{1}, .idle = Idle::window_full};
  EXPECT_EQ(ranges(control.look(blocked, carriers)), (Ranges{{1, 1001}})) << "the rest should be there any moment";
  const Control::Situation later{.now = at(300_ms), .una = DataPos{1}, .idle = Idle::all_sent};
  EXPECT_EQ(ranges(control.look(later, carriers)), (Ranges{{1001, 2001}, {5001, 6001}}));
}

TEST_F(ReinjectionTest, TheLastPacketsOfAQueueThatAreLostAreNotExpectedForEver) {
  // A tenth of a second for what is under way, by the rate at which answers came. They no longer do.
  Control control{{}};
  on_slow(1, 1000, 700_ms);
  auto carriers = paths();
  carriers[1].srtt = carriers[1].rto = 2_s;
  carriers[1].latest_rtt = 600_ms;
  carriers[1].throughput = {10'000};
  const auto at_end = [&](Duration now) {
    const auto orders = control.look({.now = at(now), .una = DataPos{1}, .idle = Idle::all_sent}, carriers);
    return ranges(orders).empty() ? orders.again : Instant::never();
  };
  EXPECT_EQ(at_end(0_ms), at(240_ms));
  EXPECT_EQ(at_end(239_ms), at(240_ms));
  EXPECT_EQ(at_end(240_ms), Instant::never());
}

TEST_F(ReinjectionTest, APathWhoseRoundTripIsLongerHelpsTooIfItDeliversSooner) {
  Control control{{}};
  for (std::uint64_t i = 0; i < 20; ++i) { on_quick(1 + i * 1000, 1000, 20_ms); }
  auto carriers = paths();
  carriers[0].in_flight = kPacket * 20;
  carriers[0].latest_rtt = 40_ms;
  carriers[0].throughput = {20'000};  // a second for all
  carriers[1].room = kPacket * 40;
  const auto copied = ranges(control.look({.now = at(0_ms), .una = DataPos{1}, .idle = Idle::all_sent}, carriers));
  ASSERT_EQ(copied.size(), 1u);
  EXPECT_GE(copied[0].first, 2001u) << "not the first ones";
  EXPECT_EQ(copied[0].second, 20'001u);
}

TEST_F(ReinjectionTest, NothingIsCopiedToASlowerPathOrWithoutRoom) {
  Control control{{}};
  on_quick(1, 5000, 1_ms);
  EXPECT_EQ(ranges(look(control, Idle::all_sent)), Ranges{});
  on_slow(5001, 1000, 0_ms);
  auto carriers = paths();
  carriers[0].room = {};
  carriers[1].room = kPacket * 10;
  const auto orders = control.look({.now = at(0_ms), .una = DataPos{1}, .idle = Idle::window_full}, carriers);
  EXPECT_EQ(ranges(orders), Ranges{});
}

TEST_F(ReinjectionTest, CopiesFitInTheRoomAndAreWholePacketsWhileThereIsMore) {
  Control control{{}};
  on_slow(1, 64'000, 5_ms);
  EXPECT_EQ(ranges(look(control, Idle::window_full)), (Ranges{{1, 10'001}}));
  EXPECT_EQ(ranges(look(control, Idle::window_full)), (Ranges{{10'001, 20'001}}));
}

TEST_F(ReinjectionTest, WhatIsOverdueIsCopiedFirstAndTheNextLookIsWhenMoreWillBe) {
  Control control{{}};
  on_slow(1, 1000, 500_ms);     // the answer should have come
  on_slow(1001, 1000, 160_ms);  // it will be there soon
  const auto orders = look(control, Idle::window_full);
  EXPECT_EQ(ranges(orders), (Ranges{{1, 1001}}));
  EXPECT_EQ(orders.again, at(240_ms)) << "not later than its retransmission timer";
}

TEST_F(ReinjectionTest, WhoHoldsUpTheOthersIsPenalisedOnceInARoundTrip) {
  Control control{{.penalise = Penalty::halve_window}};
  on_slow(1, 30'000, 90_ms);
  EXPECT_EQ(look(control, Idle::window_full).penalised, SubflowId{2});
  EXPECT_FALSE(look(control, Idle::window_full, 199_ms).penalised);
  EXPECT_EQ(look(control, Idle::buffer_full, 200_ms).penalised, SubflowId{2});
  EXPECT_EQ(control.penalties(), 2u);
}

TEST_F(ReinjectionTest, NobodyIsPenalisedAtTheEndOrForWhatSomebodyElseHolds) {
  Control control{{.penalise = Penalty::halve_window}};
  on_slow(5001, 1000, 90_ms);
  on_quick(1, 5000, 5_ms);
  EXPECT_FALSE(look(control, Idle::window_full).penalised) << "the quick one itself holds the oldest byte";
  EXPECT_FALSE(look(control, Idle::all_sent, 0_ms, 5001).penalised);
  EXPECT_TRUE(look(control, Idle::window_full, 0_ms, 5001).penalised);
}

TEST_F(ReinjectionTest, ALongerRoundTripIsNoReasonWhileThatPathMendsALoss) {
  Control control{{}};
  on_slow(1, 1000, 90_ms);
  auto carriers = paths();
  carriers[1].recovering = true;
  EXPECT_FALSE(control.look({.now = at(0_ms), .una = DataPos{1}, .idle = Idle::window_full}, carriers).penalised);
}

TEST_F(ReinjectionTest, HoldingBackHalvesWhatIsCarriedAndLetsItGrowAgainFasterAndFaster) {
  Control control{{.penalise = Penalty::hold_back}};
  on_slow(1, 32'000, 90_ms);
  look(control, Idle::window_full);
  const auto most = [&](Duration now) { return control.most_on(paths()[1], paths(), at(now)); };
  EXPECT_EQ(most(0_ms), kPacket * 16);
  EXPECT_EQ(most(199_ms), kPacket * 16);
  EXPECT_EQ(most(200_ms), kPacket * 17);
  EXPECT_EQ(most(600_ms), kPacket * 22);
  EXPECT_EQ(most(5_s), Control::kNoLimit) << "beyond the congestion window there is nothing to hold back";
}

TEST_F(ReinjectionTest, HoldingBackLeavesEnoughForAcknowledgmentsToComeAtOnce) {
  Control control{{.penalise = Penalty::hold_back}};
  on_slow(1, 2000, 90_ms);
  look(control, Idle::window_full);
  EXPECT_EQ(control.most_on(paths()[1], paths(), at(0_ms)), kPacket * Control::kLeastPackets);
}

TEST_F(ReinjectionTest, AQueueOfSecondsIsCappedUnlessItIsOnTheQuickestPath) {
  Control control{{.cap_bufferbloat = true}};
  auto carriers = paths();
  const auto most = [&](std::size_t i, Duration now) { return control.most_on(carriers[i], carriers, at(now)); };
  carriers[1].srtt = 1200_ms;  // six times the shortest
  EXPECT_EQ(most(1, 0_ms), Control::kNoLimit) << "nothing is measured yet";
  carriers[1].acknowledged = SubPos{0} + 120'000;
  EXPECT_EQ(most(1, 1200_ms), kPacket * 60) << "100 KB a second, 20 KB without a queue";
  carriers[1].acknowledged = SubPos{0} + 130'000;
  EXPECT_EQ(most(1, 2400_ms), Bytes{52'500}) << "a pause counts little";
  carriers[0].srtt = 120_ms;
  most(0, 0_ms);
  EXPECT_EQ(most(0, 2400_ms), Control::kNoLimit);
  carriers[1].srtt = 370_ms;
  EXPECT_EQ(most(1, 2401_ms), Control::kNoLimit) << "there is no queue to speak of";
  carriers[1].rttvar = 50_ms;
  EXPECT_EQ(most(1, 2402_ms), Bytes{52'500}) << "one grows, and the smoothed round trip lags behind";
}

TEST_F(ReinjectionTest, WhatMayLeaveAtOnceAnywhereIsNotCapped) {
  Control control{{.cap_bufferbloat = true}};
  auto carriers = paths();
  carriers[1].srtt = 1200_ms;
  control.most_on(carriers[1], carriers, at(0_ms));
  carriers[1].acknowledged = SubPos{0} + 1200;
  EXPECT_EQ(control.most_on(carriers[1], carriers, at(1200_ms)), kPacket * Control::kUncappedPackets);
}

TEST_F(ReinjectionTest, APathThatDoesNotAnswerWhileOthersAreHeardIsSilent) {
  Control control{{}};
  on_slow(1, 1000, 0_ms);
  auto carriers = paths();
  EXPECT_FALSE(control.silent(carriers[1], carriers, at(399_ms)));
  EXPECT_FALSE(control.silent(carriers[1], carriers, at(401_ms))) << "nobody else was heard";
  carriers[0].heard = at(300_ms);
  EXPECT_TRUE(control.silent(carriers[1], carriers, at(401_ms)));
  carriers[1].heard = at(350_ms);
  EXPECT_FALSE(control.silent(carriers[1], carriers, at(401_ms)));
  EXPECT_EQ(Control::silent_at(carriers[1]), at(350_ms) + 400_ms);
}

TEST_F(ReinjectionTest, ABackupCopiesNothingWhileARegularPathLives) {
  Control control{{}};
  on_slow(1, 1000, 5_ms);
  auto carriers = paths();
  carriers[0].backup = true;
  EXPECT_EQ(ranges(control.look({.now = at(0_ms), .una = DataPos{1}, .idle = Idle::all_sent}, carriers)), Ranges{});
  carriers[1].backup = true;
  EXPECT_EQ(ranges(control.look({.now = at(0_ms), .una = DataPos{1}, .idle = Idle::all_sent}, carriers)),
            (Ranges{{1, 1001}}));
}

TEST_F(ReinjectionTest, EachPartCanBeSwitchedOff) {
  Control control{{.opportunistic = false, .penalise = Penalty::off, .trailing = false, .avoid_silent = false}};
  on_slow(1, 30'000, 500_ms);
  for (const Idle idle : {Idle::window_full, Idle::buffer_full, Idle::all_sent}) {
    const auto orders = look(control, idle);
    EXPECT_EQ(ranges(orders), Ranges{});
    EXPECT_FALSE(orders.penalised);
  }
  auto carriers = paths();
  carriers[0].heard = at(300_ms);
  EXPECT_FALSE(control.silent(carriers[1], carriers, at(10_s)));
}

/// However often it is asked: no storms.
RC_GTEST_PROP(ReinjectionControl, CopiesEachByteOnceAtMostAndOnlyWhatIsOutstanding, ()) {
  SlabPool pool;
  Packer packer{pool};
  MappingTx rides[3];
  DataPos next{1};
  Instant now = Instant{} + 10_s;
  for (int i = *rc::gen::inRange(1, 30); i > 0; --i) {
    const auto n = *rc::gen::inRange<std::uint64_t>(1, 5000);
    rides[*rc::gen::inRange(0, 3)].bind(next, packer.copy(std::vector<std::uint8_t>(n)), {}, now);
    next = next + n;
    now = now + Duration{*rc::gen::inRange<std::int64_t>(0, 50'000'000)};
  }
  ReinjectionControl control{{}};
  IntervalSet<DataPos> copied;
  DataPos una{1};
  for (int i = 0; i < 20; ++i) {
    std::vector<ReinjectionControl::Carrier> carriers;
    for (std::uint32_t k = 0; k < 3; ++k) {
      carriers.push_back({.id = {k},
                          .room = {*rc::gen::inRange<std::uint64_t>(0, 9000)},
                          .window = 10_KiB,
                          .in_flight = 5_KiB,
                          .packet = kPacket,
                          .srtt = Duration{*rc::gen::inRange<std::int64_t>(1, 300'000'000)},
                          .rto = 500_ms,
                          .heard = now,
                          .rides = &rides[k],
                          .sent_up_to = rides[k].end()});
    }
    const auto idle = static_cast<Idle>(*rc::gen::inRange(0, 3));
    Bytes total, room;
    for (const auto& c : carriers) { room += c.room; }
    for (const auto& copy : control.look({.now = now, .una = una, .idle = idle}, carriers).copies) {
      RC_ASSERT(copy.begin < copy.end);
      RC_ASSERT(copy.begin >= una && copy.end <= next);
      RC_ASSERT(!copied.intersects(copy.begin, copy.end));
      RC_ASSERT(copied.add(copy.begin, copy.end));
      total += Bytes{copy.end - copy.begin};
    }
    RC_ASSERT(total <= room);
    una = std::min(next, una + *rc::gen::inRange<std::uint64_t>(0, 3000));
    control.acknowledged(una);
    now = now + Duration{*rc::gen::inRange<std::int64_t>(0, 100'000'000)};
  }
}
}  // namespace
}  // namespace anabranch::mptcp
