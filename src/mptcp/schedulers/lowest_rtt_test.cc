#include "mptcp/schedulers/lowest_rtt.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp {
namespace {

constexpr int kWait = -1;
const Path kWifi{.id = {1}, .room = 10_KiB, .srtt = 20_ms};
const Path kLte{.id = {2}, .room = 10_KiB, .srtt = 60_ms};

Path full(Path p) { return p.room = {}, p; }
Path backup(Path p) { return p.backup = true, p; }
Path stale(Path p) { return p.stale = true, p; }
Path unmeasured(Path p) { return p.srtt = {}, p; }

Choice choose(const std::vector<Path>& paths, Demand demand = {.waiting = 64_KiB}) {
  LowestRtt scheduler;
  return scheduler.choose(demand, paths);
}
int pick(const std::vector<Path>& paths, Demand demand = {.waiting = 64_KiB}) {
  const Choice choice = choose(paths, demand);
  const Send* send = std::get_if<Send>(&choice);
  return send ? static_cast<int>(send->on.raw) : kWait;
}
Demand again_from(std::uint32_t id) { return {.waiting = 64_KiB, .reinjection = true, .last = {id}}; }

TEST(LowestRtt, PicksTheQuickPathUntilItIsFullAndABackupOnlyWhenAlone) {  // [8684-3.3.8-01 8684-3.3.8-03]
  EXPECT_EQ(pick({kWifi, kLte}), 1);
  EXPECT_EQ(pick({kLte, kWifi}), 1);
  EXPECT_EQ(pick({full(kWifi), kLte}), 2);
  EXPECT_EQ(pick({backup(kWifi), kLte}), 2);
  EXPECT_EQ(pick({backup(kWifi)}), 1);
  EXPECT_EQ(pick({full(kWifi), full(kLte)}), kWait);
  EXPECT_EQ(pick({}), kWait);
}
TEST(LowestRtt, ABackupDoesNotStepInForAPathThatIsOnlyFull) { EXPECT_EQ(pick({full(kWifi), backup(kLte)}), kWait); }
TEST(LowestRtt, ABackupStepsInForAPathThatHasGoneSilent) {
  EXPECT_EQ(pick({stale(kWifi), backup(kLte)}), 2);
  EXPECT_EQ(pick({stale(kWifi), kLte}), 2);
  EXPECT_EQ(pick({stale(kWifi)}), 1);
}
TEST(LowestRtt, APathWithoutAMeasurementIsTriedFirst) { EXPECT_EQ(pick({kWifi, unmeasured(kLte)}), 2); }
TEST(LowestRtt, EqualPathsGoByTheirNumbers) {
  Path twin = kWifi;
  twin.id = {9};
  EXPECT_EQ(pick({twin, kWifi}), 1);
}
TEST(LowestRtt, DataIsRepeatedOnAnotherPathIfThereIsOne) {
  EXPECT_EQ(pick({kWifi, kLte}, again_from(1)), 2);
  EXPECT_EQ(pick({kWifi, kLte}, again_from(7)), 1);
  EXPECT_EQ(pick({kWifi, full(kLte)}, again_from(1)), kWait);
  EXPECT_EQ(pick({kWifi, backup(kLte)}, again_from(1)), 2);
  EXPECT_EQ(pick({kWifi}, again_from(1)), 1);
}

RC_GTEST_PROP(LowestRtt, NeverSendsMoreThanFitsOrWaits, ()) {
  std::vector<Path> paths;
  const int n = *rc::gen::inRange(0, 5);
  for (int i = 0; i < n; ++i) {
    paths.push_back({.id = {static_cast<std::uint32_t>(i)},
                     .room = {*rc::gen::inRange<std::uint64_t>(0, 3) * 1000},
                     .srtt = {*rc::gen::inRange<std::int64_t>(0, 4)},
                     .backup = *rc::gen::arbitrary<bool>(),
                     .stale = *rc::gen::arbitrary<bool>()});
  }
  const Demand demand{.waiting = {*rc::gen::inRange<std::uint64_t>(1, 4000)},
                      .reinjection = *rc::gen::arbitrary<bool>(),
                      .last = {*rc::gen::inRange<std::uint32_t>(0, 5)}};
  const Choice choice = choose(paths, demand);
  const Send* send = std::get_if<Send>(&choice);
  if (!send) { return; }
  RC_ASSERT(send->on.raw < paths.size());
  RC_ASSERT(send->at_most > Bytes{0});
  RC_ASSERT(send->at_most <= paths[send->on.raw].room);
  RC_ASSERT(send->at_most <= demand.waiting);
  for (const Path& p : paths) {  // no live regular path with room, quicker than the chosen one
    if (demand.reinjection && p.id == demand.last) { continue; }
    const Path& chosen = paths[send->on.raw];
    RC_ASSERT(!(p.room && p.stale == chosen.stale && p.backup == chosen.backup && p.srtt < chosen.srtt));
    RC_ASSERT(!(!p.stale && !p.backup && (chosen.stale || chosen.backup)));
  }
}
}  // namespace
}  // namespace anabranch::mptcp
