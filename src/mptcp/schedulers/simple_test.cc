// Schedulers that look at little: round_robin, weighted, overflow, backup, redundant.
#include "mptcp/schedulers/backup.hh"
#include "mptcp/schedulers/overflow.hh"
#include "mptcp/schedulers/redundant.hh"
#include "mptcp/schedulers/round_robin.hh"
#include "mptcp/schedulers/table_test.hh"
#include "mptcp/schedulers/weighted.hh"

#include <gtest/gtest.h>
#include <map>

namespace anabranch::mptcp::schedulers {
namespace {

TEST(RoundRobin, TakesTurnsAndSkipsWhoIsFull) {
  RoundRobin scheduler;
  Path third = kLte;
  third.id = {5};
  EXPECT_EQ(answer(scheduler, {kWifi, kLte, third}), "1");
  EXPECT_EQ(answer(scheduler, {kWifi, kLte, third}), "2");
  EXPECT_EQ(answer(scheduler, {kWifi, kLte, third}), "5");
  EXPECT_EQ(answer(scheduler, {kWifi, kLte, third}), "1");
  EXPECT_EQ(answer(scheduler, {kWifi, full(kLte), third}), "5");
  EXPECT_EQ(answer(scheduler, {full(kWifi), full(kLte), third}), "5");
}

/// Bytes that each path was given in so many turns.
std::map<std::uint32_t, std::uint64_t> shares(Scheduler& scheduler, const std::vector<Path>& paths, int turns) {
  std::map<std::uint32_t, std::uint64_t> out;
  for (int i = 0; i < turns; ++i) {
    const Choice choice = scheduler.choose(much(), paths);
    if (const Send* send = std::get_if<Send>(&choice)) { out[send->on.raw] += send->at_most.n; }
  }
  return out;
}

TEST(Weighted, DividesBytesInProportionWhateverTheBurstsAre) {
  Weighted scheduler;
  Path wifi = weighing(kWifi, 3), lte = weighing(kLte, 1);
  wifi.burst = {4 * 1428};
  lte.burst = {1428};
  auto got = shares(scheduler, {wifi, lte}, 4000);
  EXPECT_NEAR(static_cast<double>(got[1]) / static_cast<double>(got[2]), 3, 0.05);
}
TEST(Weighted, AFullPathIsNotWaitedForAndCatchesUpALittle) {
  Weighted scheduler;
  const std::vector<Path> both{kWifi, kLte}, one{full(kWifi), kLte};
  shares(scheduler, both, 10);
  auto alone = shares(scheduler, one, 10'000);
  EXPECT_EQ(alone[2], 10'000 * kLte.room.n);
  auto after = shares(scheduler, both, 1000);
  const std::uint64_t ahead = after[1] - after[2];
  EXPECT_GE(after[1], after[2]);
  EXPECT_LE(ahead, Weighted::kCatchUp + 2 * kWifi.room.n);
  EXPECT_GT(ahead, 0u);
}
TEST(Weighted, ANewPathStartsWhereTheOthersAre) {
  Weighted scheduler;
  shares(scheduler, {kWifi}, 1000);
  auto got = shares(scheduler, {kWifi, kLte}, 100);
  EXPECT_NEAR(static_cast<double>(got[1]), static_cast<double>(got[2]), 2.0 * static_cast<double>(kWifi.room.n));
}

TEST(Overflow, KeepsToThePreferredPathWhateverItsRoundTrip) {
  Overflow scheduler;
  EXPECT_EQ(answer(scheduler, {with_preference(kWifi, 1), kLte}), "2");
  EXPECT_EQ(answer(scheduler, {metered(kWifi), with_preference(kLte, 9)}), "2");
  EXPECT_EQ(answer(scheduler, {kLte, kWifi}), "1") << "the older one, when all else is equal";
}
TEST(Overflow, SpillsOnlyWhatThePreferredPathCannotSendInARoundTrip) {
  Overflow scheduler;
  EXPECT_EQ(answer(scheduler, {full(kWifi), with_preference(kLte, 1)}, much(40_KiB)), "wait: preferred_path_soon");
  EXPECT_EQ(waits_until(scheduler, {full(kWifi), with_preference(kLte, 1)}, much(40_KiB)), Instant{} + 20_ms);
  EXPECT_EQ(answer(scheduler, {full(kWifi), with_preference(kLte, 1)}, much(60_KiB)), "2");
  EXPECT_EQ(answer(scheduler, {stale(kWifi), with_preference(kLte, 1)}, much(40_KiB)), "2");
}

TEST(Backup, UsesOnePathAtATime) {
  Backup scheduler;
  EXPECT_EQ(answer(scheduler, {kWifi, kLte}), "1");
  EXPECT_EQ(answer(scheduler, {full(kWifi), kLte}), "wait");
  EXPECT_EQ(answer(scheduler, {stale(kWifi), kLte}), "2");
  EXPECT_EQ(answer(scheduler, {with_preference(kWifi, 1), kLte}), "2");
  EXPECT_EQ(answer(scheduler, {metered(kWifi), with_preference(kLte, 3)}), "2");
  EXPECT_EQ(answer(scheduler, {kWifi, kLte}), "1") << "whoever recovers takes over again";
}

TEST(Redundant, FirstCopiesWhatAPathHasMissedThenSendsAhead) {
  Redundant scheduler;
  const Demand nothing_fresh{.waiting = {}, .unsent = {}, .window = 16_MiB};
  EXPECT_EQ(answer(scheduler, {kWifi, kLte}), "1");
  EXPECT_EQ(answer(scheduler, {missing(kWifi, 2_KiB), kLte}), "copy 1");
  EXPECT_EQ(answer(scheduler, {full(kWifi), missing(kLte, 2_KiB)}), "copy 2");
  EXPECT_EQ(answer(scheduler, {kWifi, missing(kLte, 2_KiB)}, nothing_fresh), "copy 2");
  EXPECT_EQ(answer(scheduler, {kWifi, kLte}, nothing_fresh), "wait");
  EXPECT_EQ(answer(scheduler, {kWifi, backup(missing(kLte, 2_KiB))}, nothing_fresh), "wait");
}
}  // namespace
}  // namespace anabranch::mptcp::schedulers
