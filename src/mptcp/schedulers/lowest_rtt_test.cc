#include "mptcp/schedulers/lowest_rtt.hh"

#include "mptcp/schedulers/table_test.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp::schedulers {
namespace {

std::string pick(const std::vector<Path>& paths, const Demand& demand = much()) {
  LowestRtt scheduler;
  return answer(scheduler, paths, demand);
}

TEST(LowestRtt, PicksTheQuickPathUntilItIsFullAndABackupOnlyWhenAlone) {  // [8684-3.3.8-01 8684-3.3.8-03]
  EXPECT_EQ(pick({kWifi, kLte}), "1");
  EXPECT_EQ(pick({kLte, kWifi}), "1");
  EXPECT_EQ(pick({full(kWifi), kLte}), "2");
  EXPECT_EQ(pick({backup(kWifi), kLte}), "2");
  EXPECT_EQ(pick({backup(kWifi)}), "1");
  EXPECT_EQ(pick({full(kWifi), full(kLte)}), "wait");
  EXPECT_EQ(pick({}), "wait");
}
TEST(LowestRtt, ABackupDoesNotStepInForAPathThatIsOnlyFull) { EXPECT_EQ(pick({full(kWifi), backup(kLte)}), "wait"); }
TEST(LowestRtt, ABackupStepsInForAPathThatHasGoneSilent) {
  EXPECT_EQ(pick({stale(kWifi), backup(kLte)}), "2");
  EXPECT_EQ(pick({stale(kWifi), kLte}), "2");
  EXPECT_EQ(pick({stale(kWifi)}), "1");
}
TEST(LowestRtt, APathWithoutAMeasurementIsTriedFirst) { EXPECT_EQ(pick({kWifi, unmeasured(kLte)}), "2"); }
TEST(LowestRtt, EqualPathsGoByTheirNumbers) {
  Path twin = kWifi;
  twin.id = {9};
  EXPECT_EQ(pick({twin, kWifi}), "1");
}
TEST(LowestRtt, WaitsForAPacedPathThatWillHaveDeliveredAllBeforeTheOtherDeliversAnything) {
  // 10 KiB at 2.4 MB/s take 4 ms, and 10 ms to arrive: before the other's 30 ms.
  EXPECT_EQ(pick({paced(kWifi, 2_ms), kLte}, much(10_KiB)), "wait: paced");
  LowestRtt scheduler;
  EXPECT_EQ(waits_until(scheduler, {paced(kWifi, 2_ms), kLte}, much(10_KiB)), Instant{} + 2_ms);
  EXPECT_EQ(pick({paced(kWifi, 2_ms), kLte}, much(100_KiB)), "2");
  EXPECT_EQ(pick({paced(kWifi, 25_ms), kLte}, much(10_KiB)), "2");
  EXPECT_EQ(pick({full(kWifi), kLte}, much(10_KiB)), "2");
}

RC_GTEST_PROP(LowestRtt, LeavesNoQuickerPathWithRoomBehind, ()) {
  std::vector<Path> paths;
  const int n = *rc::gen::inRange(0, 5);
  for (int i = 0; i < n; ++i) {
    paths.push_back({.id = {static_cast<std::uint32_t>(i)},
                     .room = {*rc::gen::inRange<std::uint64_t>(0, 3) * 1000},
                     .srtt = {*rc::gen::inRange<std::int64_t>(0, 4)},
                     .backup = *rc::gen::arbitrary<bool>(),
                     .stale = *rc::gen::arbitrary<bool>()});
  }
  LowestRtt scheduler;
  const Choice choice = scheduler.choose(much(), paths);
  const Send* send = std::get_if<Send>(&choice);
  if (!send) { return; }
  const Path& chosen = paths[send->on.raw];
  for (const Path& p : paths) {
    RC_ASSERT(!(p.room && p.stale == chosen.stale && p.backup == chosen.backup && p.srtt < chosen.srtt));
  }
}
}  // namespace
}  // namespace anabranch::mptcp::schedulers
