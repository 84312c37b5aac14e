// Schedulers that decline a path that would be no help: blest, ecf, sttf; and the forecasts they rest on.
#include "mptcp/schedulers/blest.hh"
#include "mptcp/schedulers/ecf.hh"
#include "mptcp/schedulers/forecast.hh"
#include "mptcp/schedulers/sttf.hh"
#include "mptcp/schedulers/table_test.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp::schedulers {
namespace {

Path answering_in(Path p, Duration srtt) { return p.srtt = p.min_rtt = srtt, p; }
Demand window_of(Bytes window) { return {.waiting = 4_MiB, .unsent = 4_MiB, .window = window}; }

TEST(Blest, SendsOnTheSlowPathWhileTheWindowHasRoomForBoth) {
  Blest scheduler;
  EXPECT_EQ(answer(scheduler, {kWifi, kLte}, window_of(1_MiB)), "1");
  EXPECT_EQ(answer(scheduler, {full(kWifi), kLte}, window_of(1_MiB)), "2");
}
TEST(Blest, DeclinesTheSlowPathThatWouldBlockTheSharedWindow) {
  // In three round trips the quick path sends 35 * 3 packets of 1428 bytes: 150 kB, and a fifth as margin.
  Blest scheduler;
  const std::vector<Path> paths{full(kWifi), kLte};
  EXPECT_EQ(answer(scheduler, paths, window_of(100_KiB)), "wait: would_block_the_window");
  EXPECT_EQ(answer(scheduler, paths, window_of({150'000})), "wait: would_block_the_window");
  EXPECT_EQ(answer(scheduler, paths, window_of({190'000})), "2");
}
TEST(Blest, AWaitEndsWithARoundTripOfTheQuickPath) {
  Blest scheduler;
  EXPECT_EQ(waits_until(scheduler, {full(kWifi), kLte}, window_of(100_KiB)), Instant{} + 20_ms);
}
TEST(Blest, GrowsCarefulWhenTheWindowDidBlockAndBoldWhenItDidNot) {
  Blest careful, bold;
  const std::vector<Path> paths{full(kWifi), kLte};
  Demand blocking = window_of({190'000}), calm = blocking;
  for (int round = 1; round <= 30; ++round) {
    blocking.now = calm.now = Instant{} + 20_ms * round;
    blocking.blocked += 1;
    (void)careful.choose(blocking, paths);
    (void)bold.choose(calm, paths);
  }
  blocking.window = calm.window = {180'000};
  EXPECT_EQ(answer(careful, paths, blocking), "wait: would_block_the_window");
  EXPECT_EQ(answer(bold, paths, calm), "2");
}

TEST(Ecf, UsesBothPathsWhileMuchIsLeft) {
  Ecf scheduler;
  EXPECT_EQ(answer(scheduler, {kWifi, kLte}), "1");
  EXPECT_EQ(answer(scheduler, {full(kWifi), kLte}), "2");
}
TEST(Ecf, WaitsAtTheEndForTheQuickPathWhichCompletesFirst) {
  // 48 KiB are a window: 20 ms + 20 ms there, 60 ms + 2 ms here.
  Ecf scheduler;
  const std::vector<Path> paths{full(kWifi), kLte};
  EXPECT_EQ(answer(scheduler, paths, much(48_KiB)), "wait: quick_path_completes_first");
  EXPECT_EQ(waits_until(scheduler, paths, much(48_KiB)), Instant{} + 20_ms);
  EXPECT_EQ(answer(scheduler, paths, much(160_KiB)), "2");
}
TEST(Ecf, OnceItWaitsItGoesOnALittleLonger) {
  Ecf fresh, waiting;
  const std::vector<Path> paths{full(kWifi), kLte};
  EXPECT_EQ(answer(waiting, paths, much(60_KiB)), "wait: quick_path_completes_first");
  const Demand between = much(120_KiB);  // 20 + 50 ms: more than 62 ms, less than 77 ms
  EXPECT_EQ(answer(waiting, paths, between), "wait: quick_path_completes_first");
  EXPECT_EQ(answer(fresh, paths, between), "2");
}
TEST(Ecf, DoesNotWaitWhenTheSlowPathIsDoneAsSoon) {
  // Little is left, and the slow path's large window takes it at once.
  Ecf scheduler;
  Path wide = kLte;
  wide.window = 1_MiB;
  EXPECT_EQ(answer(scheduler, {full(kWifi), wide}, much(30_KiB)), "2");
}

TEST(Forecast, WhatQueuesIsOnTheWayThere) {
  Path p = kWifi;
  EXPECT_EQ(one_way(p), 10_ms);
  p.srtt = 100_ms;
  EXPECT_EQ(one_way(p), 90_ms);
  EXPECT_EQ(one_way(unmeasured(kWifi)), Duration{});
}
TEST(Forecast, AQueueThatGrowsIsSeenBeforeSmoothedRoundTripsTell) {
  // 40 KB at 10 KB/s are four seconds; the latest answer took 60 ms, and the smoothed round trip lags behind.
  Path p = kWifi;
  p.rate = {10'000};
  p.in_flight = {40'000};
  p.latest_rtt = 60_ms;
  EXPECT_EQ(one_way(p), 4_s - 10_ms);
  p.latest_rtt = 20_ms;  // no sign of a queue: the rate is only what was asked of the path
  EXPECT_EQ(one_way(p), 10_ms);
}
TEST(Forecast, AWindowARoundTripArrivesAndFirstWhatHasRoom) {
  EXPECT_EQ(delivered_within(kWifi, 9_ms, {}), Bytes{});
  EXPECT_EQ(delivered_within(kWifi, 10_ms, {}), 10_KiB);
  EXPECT_EQ(delivered_within(kWifi, 30_ms, {}), 58_KiB);
  EXPECT_EQ(delivered_within(full(kWifi), 20_ms, {}), 24_KiB);
  EXPECT_EQ(delivered_within(paced(kWifi, 10_ms), 20_ms, {}), Bytes{}) << "nothing leaves before its pace lets it";
}
TEST(Forecast, AWindowDoublesInSlowStartUntilAQueueBuildsUp) {
  Path p = full(kWifi);
  p.slow_start = true;
  EXPECT_EQ(delivered_within(p, 50_ms, {}), 96_KiB + 192_KiB);
  p.srtt = 40_ms;
  EXPECT_EQ(delivered_within(p, 70_ms, {}), 48_KiB);
}

TEST(Sttf, OfTwoPathsThatAreAlikeNeitherWaitsForTheOther) {
  Sttf scheduler;
  Path twin = kWifi;
  twin.id = {2};
  EXPECT_EQ(answer(scheduler, {kWifi, twin}, much(100_B)), "1");
}
TEST(Sttf, UsesASlowPathOnlyForWhatTheQuickOneWouldNotHaveDeliveredByThen) {
  Sttf scheduler;
  const std::vector<Path> paths{full(kWifi), answering_in(kLte, 200_ms)};
  // Within 100 ms the quick path delivers 90 ms' worth: 4.5 windows.
  EXPECT_EQ(answer(scheduler, paths, much(200_KiB)), "wait: others_deliver_first");
  EXPECT_EQ(waits_until(scheduler, paths, much(200_KiB)), Instant{} + 20_ms);
  EXPECT_EQ(answer(scheduler, paths, much(250_KiB)), "2");
}
TEST(Sttf, AQueueOnTheSlowPathCountsAgainstIt) {
  Sttf scheduler;
  Path bloated = answering_in(kLte, 100_ms);
  EXPECT_EQ(answer(scheduler, {full(kWifi), bloated}, much(100_KiB)), "2");
  bloated.min_rtt = 20_ms;
  EXPECT_EQ(answer(scheduler, {full(kWifi), bloated}, much(100_KiB)), "wait: others_deliver_first");
}
TEST(Sttf, ThePathThatDeliversFirstIsNotTheOneThatAnswersFirst) {
  Sttf scheduler;
  Path bloated = answering_in(kWifi, 70_ms), far = answering_in(kLte, 80_ms);
  bloated.min_rtt = 10_ms;
  EXPECT_EQ(answer(scheduler, {bloated, far}), "2");
}
}  // namespace
}  // namespace anabranch::mptcp::schedulers
