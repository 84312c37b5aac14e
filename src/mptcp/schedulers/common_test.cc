// What holds for every scheduler, whatever it is for.
#include "mptcp/schedulers/table_test.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp::schedulers {
namespace {

class EveryScheduler : public testing::TestWithParam<std::string_view> {
 protected:
  std::unique_ptr<Scheduler> scheduler_ = make_scheduler(GetParam());
};
INSTANTIATE_TEST_SUITE_P(ByName, EveryScheduler, testing::ValuesIn(scheduler_names()),
                         [](const auto& by) { return std::string{by.param}; });

TEST_P(EveryScheduler, KnowsItsName) { EXPECT_EQ(scheduler_->name(), GetParam()); }
TEST_P(EveryScheduler, WaitsWithoutPathsAndForFullOnes) {
  EXPECT_EQ(answer(*scheduler_, {}), "wait");
  EXPECT_EQ(answer(*scheduler_, {full(kWifi), full(kLte)}), "wait");
}
TEST_P(EveryScheduler, UsesTheOnlyPath) {
  EXPECT_EQ(answer(*scheduler_, {kLte}), "2");
  EXPECT_EQ(answer(*scheduler_, {backup(kLte)}), "2");
  EXPECT_EQ(answer(*scheduler_, {stale(kLte)}), "2");
}
TEST_P(EveryScheduler, LeavesABackupAloneWhileAnotherLives) {  // [8684-3.3.8-01]
  EXPECT_EQ(answer(*scheduler_, {backup(kWifi), kLte}), "2");
  EXPECT_EQ(answer(*scheduler_, {backup(kWifi), full(kLte)}), "wait");
  EXPECT_EQ(answer(*scheduler_, {backup(kWifi), stale(kLte)}), "1");
}
TEST_P(EveryScheduler, RepeatsDataOnAnotherPathIfThereIsOne) {
  EXPECT_EQ(answer(*scheduler_, {kWifi, kLte}, again_from(1)), "2");
  EXPECT_EQ(answer(*scheduler_, {kWifi, kLte}, again_from(7)), "1");
  EXPECT_EQ(answer(*scheduler_, {kWifi, full(kLte)}, again_from(1)), "wait");
  EXPECT_EQ(answer(*scheduler_, {kWifi, backup(kLte)}, again_from(1)), "2");
  EXPECT_EQ(answer(*scheduler_, {kWifi}, again_from(1)), "1");
}

Path any_path(std::uint32_t id) {
  const Duration srtt{*rc::gen::inRange<std::int64_t>(0, 4) * 10'000'000};
  const Bytes window{*rc::gen::inRange<std::uint64_t>(1, 50) * 1428};
  const Bytes room{std::min(window.n, *rc::gen::inRange<std::uint64_t>(0, 4) * 1428)};
  const Instant opens{*rc::gen::inRange<std::int64_t>(0, 3) * 1'000'000};
  return {.id = {id},
          .room = room,
          .in_flight = window - room,
          .window = window,
          .segment = {1428},
          .burst = {*rc::gen::inRange<std::uint64_t>(0, 4) * 1428},
          .srtt = srtt,
          .rttvar = srtt / 8,
          .min_rtt = srtt / *rc::gen::inRange<std::int64_t>(1, 4),
          .rate = {*rc::gen::inRange<std::uint64_t>(0, 3) * 1'000'000},
          .opens = room ? Instant{} : opens,
          .missed = {*rc::gen::inRange<std::uint64_t>(0, 3) * 1000},
          .backup = *rc::gen::arbitrary<bool>(),
          .stale = *rc::gen::arbitrary<bool>(),
          .slow_start = *rc::gen::arbitrary<bool>(),
          .recovering = *rc::gen::arbitrary<bool>(),
          .metered = *rc::gen::arbitrary<bool>(),
          .preference = *rc::gen::inRange(0u, 3u),
          .weight = *rc::gen::inRange(0u, 5u)};
}

/// An answer is about a path that was shown, moves something that fits, and asks for a time that is still to come.
void expect_sound(const Choice& choice, const Demand& demand, const std::vector<Path>& paths, bool copies) {
  if (const Wait* wait = std::get_if<Wait>(&choice)) {
    RC_ASSERT(wait->until > demand.now);
    RC_ASSERT(!wait->why.empty());
    return;
  }
  const Send* send = std::get_if<Send>(&choice);
  const Copy* copy = std::get_if<Copy>(&choice);
  RC_ASSERT(send || copies);
  const std::uint32_t on = send ? send->on.raw : copy->on.raw;
  const Bytes amount = send ? send->at_most : copy->at_most;
  RC_ASSERT(on < paths.size());
  RC_ASSERT(amount > Bytes{0});
  RC_ASSERT(amount <= paths[on].room);
  RC_ASSERT(amount <= (send ? demand.waiting : paths[on].missed));
  for (const Path& p : paths) {
    const bool excluded = demand.reinjection && p.id == demand.last && paths.size() > 1;
    RC_ASSERT(excluded || std::tuple(p.stale, p.backup) >= std::tuple(paths[on].stale, paths[on].backup));
  }
}

RC_GTEST_PROP(Schedulers, GiveSoundAnswersToWhateverTheySee, ()) {
  const auto names = scheduler_names();
  const auto scheduler = make_scheduler(names[*rc::gen::inRange<std::size_t>(0, names.size())]);
  Instant now{};
  for (int round = 0; round < 4; ++round) {
    std::vector<Path> paths;
    const auto n = *rc::gen::inRange<std::uint32_t>(0, 5);
    for (std::uint32_t i = 0; i < n; ++i) { paths.push_back(any_path(i)); }
    const Bytes waiting{*rc::gen::inRange<std::uint64_t>(1, 4000)};
    const Demand demand{.now = now,
                        .waiting = waiting,
                        .reinjection = *rc::gen::arbitrary<bool>(),
                        .last = {*rc::gen::inRange<std::uint32_t>(0, 5)},
                        .unsent = waiting + Bytes{*rc::gen::inRange<std::uint64_t>(0, 100'000)},
                        .window = {*rc::gen::inRange<std::uint64_t>(0, 100'000)},
                        .blocked = *rc::gen::inRange<std::uint64_t>(0, 3)};
    expect_sound(scheduler->choose(demand, paths), demand, paths, scheduler->copies());
    now = now + Duration{*rc::gen::inRange<std::int64_t>(0, 100'000'000)};
  }
}

/// With one path that has room and lives, nobody may wait for ever: somebody must carry the bytes in the end.
RC_GTEST_PROP(Schedulers, NeverWaitForeverForAPathThatIsNotThere, ()) {
  const auto names = scheduler_names();
  const auto scheduler = make_scheduler(names[*rc::gen::inRange<std::size_t>(0, names.size())]);
  Path only = any_path(0);
  only.room = {1428};
  only.opens = {};
  only.missed = {};
  const Demand demand{.waiting = {1000}, .unsent = {1000}, .window = {*rc::gen::inRange<std::uint64_t>(0, 100'000)}};
  const Choice choice = scheduler->choose(demand, std::vector{only});
  RC_ASSERT(std::holds_alternative<Send>(choice));
}
}  // namespace
}  // namespace anabranch::mptcp::schedulers
