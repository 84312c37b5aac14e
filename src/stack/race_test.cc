#include "stack/race.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <ostream>
#include <string>

namespace anabranch::stack {
namespace {

constexpr Instant kStart{7'000'000'000};
constexpr int kNever = -1;

enum class Fate { mptcp, plain, refused, reset, unreachable, times_out, icmp_and_silence, silence };
/// What becomes of an attempt over `interface`, so many milliseconds after its SYN.
struct Way {
  unsigned interface;
  Fate fate;
  int after = 0;
};

struct Case {
  std::string name;
  std::vector<Way> ways;
  std::vector<int> starts;  ///< of the attempts, in milliseconds from the first; never: kNever
  std::string outcome;      ///< "won 1 at 270", "lost 0 at 20"
  RaceOptions options = {};
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// Plays a race to its end, a millisecond at a time.
struct Played {
  std::vector<int> starts;
  std::string outcome = "undecided";
};

void tell(Race& race, std::size_t i, Fate fate, Instant now) {
  switch (fate) {
    case Fate::mptcp: return race.answered(i, Answer::good, now);
    case Fate::plain: return race.answered(i, Answer::plain, now);
    case Fate::refused: return race.failed(i, Errc::refused, now);
    case Fate::reset: return race.failed(i, Errc::reset_by_peer, now);
    case Fate::unreachable: return race.failed(i, Errc::unreachable, now);
    case Fate::times_out: return race.failed(i, Errc::timed_out, now);
    case Fate::icmp_and_silence: return race.doubted(i, now);
    case Fate::silence: return;
  }
}

Played play(const Case& c) {
  std::vector<InterfaceId> interfaces;
  for (const Way& w : c.ways) { interfaces.push_back({w.interface}); }
  Race race{interfaces, c.options, kStart};
  Played out;
  out.starts.assign(c.ways.size(), kNever);
  for (int ms = 0; ms < 20'000; ++ms) {
    const Instant now = kStart + Duration{ms * 1'000'000LL};
    for (std::size_t i = 0; i < c.ways.size(); ++i) {
      if (out.starts[i] != kNever && ms == out.starts[i] + c.ways[i].after) { tell(race, i, c.ways[i].fate, now); }
    }
    bool asks = true;
    const bool due = race.deadline() <= now;
    bool anything = false;
    while (asks) {
      const Race::Step step = race.next(now);
      asks = false;
      if (const auto* start = std::get_if<Race::Start>(&step)) {
        EXPECT_EQ(out.starts[start->candidate], kNever) << "begun twice";
        out.starts[start->candidate] = ms;
        asks = anything = true;
      } else if (const auto* won = std::get_if<Race::Won>(&step)) {
        out.outcome = "won " + std::to_string(won->candidate) + " at " + std::to_string(ms);
        return out;
      } else if (const auto* lost = std::get_if<Race::Lost>(&step)) {
        out.outcome = "lost " + std::to_string(lost->candidate) + " at " + std::to_string(ms);
        return out;
      }
    }
    EXPECT_TRUE(!due || anything) << "a deadline at which nothing is due: " << ms;
    EXPECT_GT(race.deadline(), now) << "it would be asked again at once: " << ms;
  }
  return out;
}

class RaceTable : public testing::TestWithParam<Case> {};
TEST_P(RaceTable, GoesAsWritten) {
  const Played played = play(GetParam());
  EXPECT_EQ(played.starts, GetParam().starts);
  EXPECT_EQ(played.outcome, GetParam().outcome);
}

const Case kCases[] = {
    // RFC 8305 §5
    {"the_first_answers_in_time", {{1, Fate::mptcp, 20}, {2, Fate::mptcp, 20}}, {0, kNever}, "won 0 at 20"},
    {"a_slow_first_may_still_win", {{1, Fate::mptcp, 260}, {2, Fate::mptcp, 40}}, {0, 250}, "won 0 at 260"},
    {"a_blackhole_costs_250_ms", {{1, Fate::silence}, {2, Fate::mptcp, 40}}, {0, 250}, "won 1 at 290"},
    {"a_reset_costs_nothing_but_its_round_trip",
     {{1, Fate::refused, 20}, {2, Fate::mptcp, 40}},
     {0, 20},
     "won 1 at 60"},
    {"an_icmp_error_that_may_pass_is_a_reason_to_go_on",
     {{1, Fate::icmp_and_silence, 15}, {2, Fate::mptcp, 40}},
     {0, 15},
     "won 1 at 55"},
    {"attempts_are_never_within_10_ms",
     {{1, Fate::unreachable, 1}, {2, Fate::unreachable, 1}, {3, Fate::mptcp, 5}},
     {0, 10, 20},
     "won 2 at 25"},
    {"three_ways_one_after_the_other",
     {{1, Fate::silence}, {2, Fate::silence}, {3, Fate::mptcp, 30}},
     {0, 250, 500},
     "won 2 at 530"},
    {"another_delay", {{1, Fate::silence}, {2, Fate::mptcp, 40}}, {0, 100}, "won 1 at 140", {.between = 100_ms}},
    // All fail: one error, the most telling
    {"both_refuse", {{1, Fate::refused, 20}, {2, Fate::refused, 30}}, {0, 20}, "lost 0 at 50"},
    {"refused_says_more_than_silence",
     {{1, Fate::times_out, 1000}, {2, Fate::refused, 900}},
     {0, 250},
     "lost 1 at 1150"},
    {"unreachable_says_more_than_silence",
     {{1, Fate::times_out, 1000}, {2, Fate::unreachable, 900}},
     {0, 250},
     "lost 1 at 1150"},
    {"after_a_refusal_silence_is_not_waited_out",
     {{1, Fate::silence}, {2, Fate::refused, 50}},
     {0, 250},
     "lost 1 at 3300"},
    {"after_a_refusal_a_slow_answer_still_counts",
     {{1, Fate::mptcp, 2000}, {2, Fate::refused, 50}},
     {0, 250},
     "won 0 at 2000"},
    {"silence_alone_is_waited_out", {{1, Fate::silence}, {2, Fate::silence}}, {0, 250}, "undecided"},
    // RFC 8041 §3.10: what answers without MPTCP may be a portal
    {"a_portal_loses_to_a_path_with_mptcp", {{1, Fate::plain, 20}, {2, Fate::mptcp, 60}}, {0, 20}, "won 1 at 80"},
    {"a_portal_beside_a_dead_path_costs_300_ms", {{1, Fate::plain, 20}, {2, Fate::silence}}, {0, 20}, "won 0 at 300"},
    {"a_portal_beside_a_refusing_path_wins_at_once",
     {{1, Fate::plain, 20}, {2, Fate::refused, 30}},
     {0, 20},
     "won 0 at 50"},
    {"where_all_answer_without_mptcp_the_first_wins",
     {{1, Fate::plain, 20}, {2, Fate::plain, 70}},
     {0, 20},
     "won 0 at 90"},
    {"no_other_interface_nothing_to_wait_for",
     {{1, Fate::plain, 20}, {1, Fate::mptcp, 20}},
     {0, kNever},
     "won 0 at 20"},
    {"behind_a_portal_other_interfaces_come_first",
     {{1, Fate::plain, 20}, {1, Fate::mptcp, 5}, {2, Fate::mptcp, 50}},
     {0, kNever, 20},
     "won 2 at 70"},
    {"a_late_plain_answer_leaves_the_others_a_round_trip",
     {{1, Fate::silence}, {2, Fate::plain, 100}, {3, Fate::mptcp, 80}},
     {0, 250, 350},
     "won 2 at 430"},
    {"a_late_plain_answer_waits_100_ms_at_most",
     {{1, Fate::silence}, {2, Fate::plain, 100}, {3, Fate::silence}},
     {0, 250, 350},
     "won 1 at 450"},
    {"who_has_no_patience_takes_what_comes",
     {{1, Fate::plain, 20}, {2, Fate::mptcp, 5}},
     {0, kNever},
     "won 0 at 20",
     {.patience = Duration{}}},
    {"one_way_is_no_race", {{1, Fate::plain, 20}}, {0}, "won 0 at 20"},
    {"one_way_that_fails", {{1, Fate::refused, 20}}, {0}, "lost 0 at 20"},
};
INSTANTIATE_TEST_SUITE_P(All, RaceTable, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) { return info.param.name; });

TEST(Race, SaysWhetherThePeerOrThePathHasNoMptcp) {
  const InterfaceId two[] = {{1}, {2}};
  Race race{two, {}, kStart};
  (void)race.next(kStart);
  race.answered(0, Answer::plain, kStart + 20_ms);
  EXPECT_FALSE(race.plain_everywhere());
  (void)race.next(kStart + 20_ms);
  race.answered(1, Answer::plain, kStart + 60_ms);
  EXPECT_TRUE(race.plain_everywhere());
  EXPECT_EQ(race.begun(), 2u);
}

TEST(Race, AHeldAnswerThatIsResetIsNoAnswerAnyMore) {
  const InterfaceId two[] = {{1}, {2}};
  Race race{two, {}, kStart};
  (void)race.next(kStart);
  race.answered(0, Answer::plain, kStart + 20_ms);
  (void)race.next(kStart + 20_ms);
  race.failed(0, Errc::reset_by_peer, kStart + 30_ms);
  EXPECT_TRUE(std::holds_alternative<Race::Wait>(race.next(kStart + 300_ms)));
  race.answered(1, Answer::good, kStart + 310_ms);
  const auto step = race.next(kStart + 310_ms);
  ASSERT_TRUE(std::holds_alternative<Race::Won>(step));
  EXPECT_EQ(std::get<Race::Won>(step).candidate, 1u);
}

TEST(Race, AtMostEightAttemptsAreUnderWay) {
  std::vector<InterfaceId> many;
  for (std::uint32_t i = 1; i <= 12; ++i) { many.push_back({i}); }
  Race race{many, {}, kStart};
  for (int ms = 0; ms < 5000; ms += 10) { (void)race.next(kStart + Duration{ms * 1'000'000LL}); }
  EXPECT_EQ(race.begun(), Race::kMostAtATime);
  EXPECT_TRUE(race.deadline().is_never());
  race.failed(3, Errc::refused, kStart + 6_s);
  EXPECT_TRUE(std::holds_alternative<Race::Start>(race.next(kStart + 6_s)));
}

SocketAddress v4(std::uint8_t n) { return {Address::v4(192, 0, 2, n), 80}; }
SocketAddress v6(std::uint8_t n) {
  Address a{Family::v6, {}};
  a.raw[0] = 0xfd;
  a.raw[15] = n;
  return {a, 80};
}

TEST(Interleave, FamiliesTakeTurnsBeginningWithTheFirst) {  // RFC 8305 §4
  using List = std::vector<SocketAddress>;
  const List six_first{v6(1), v6(2), v6(3), v4(1)};
  EXPECT_EQ(interleave(six_first), (List{v6(1), v4(1), v6(2), v6(3)}));
  const List four_first{v4(1), v6(1), v6(2), v6(3)};
  EXPECT_EQ(interleave(four_first), (List{v4(1), v6(1), v6(2), v6(3)}));
  const List even{v6(1), v6(2), v4(1), v4(2)};
  EXPECT_EQ(interleave(even), (List{v6(1), v4(1), v6(2), v4(2)}));
  EXPECT_EQ(interleave(List{}), List{});
}

TEST(Spread, TheSecondAttemptHasNothingInCommonWithTheFirst) {
  const auto way = [](std::uint32_t interface, const SocketAddress& remote) {
    return Candidate{{interface}, Address::v4(10, static_cast<std::uint8_t>(interface), 0, 1), remote};
  };
  const std::vector<Candidate> given{way(1, v6(1)), way(2, v6(1)), way(1, v4(1)), way(2, v4(1))};
  const std::vector<Candidate> expected{way(1, v6(1)), way(2, v4(1)), way(2, v6(1)), way(1, v4(1))};
  EXPECT_EQ(spread(given), expected);
  const std::vector<Candidate> one_remote{way(1, v4(1)), way(2, v4(1)), way(3, v4(1))};
  EXPECT_EQ(spread(one_remote), one_remote);
}
}  // namespace
}  // namespace anabranch::stack
