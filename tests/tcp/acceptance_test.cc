// Which segments are believed: windows, resets, SYNs, acknowledgments, timestamps (RFC 9293 §3.10.7.4, 5961, 7323).
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using Event = Endpoint::Event;

struct Case {
  const char* what;
  void (*change)(Segment&);
  std::optional<Drop> drop;
  bool answered;
  bool dies = false;
};
class Stranger : public testing::TestWithParam<Case> {};

TEST_P(Stranger, IsJudgedAsTheTableSays) {
  Solo solo = Solo::open();
  solo.source.write_pattern(1000, 1);
  solo.take();  // 1..1001 is in flight
  solo.give(solo.segment(1, 1, 100));
  solo.take();  // we expect 101
  Segment segment = solo.segment(101, 1);
  GetParam().change(segment);
  const Verdict verdict = solo.give(segment);
  if (GetParam().drop) {
    EXPECT_TRUE(is_drop(verdict, *GetParam().drop));
    EXPECT_EQ(1u, solo.endpoint->drops()[*GetParam().drop]);
  } else {
    EXPECT_TRUE(taken(verdict));
  }
  const auto out = solo.take();
  EXPECT_EQ(GetParam().answered ? 1u : 0u, out.size());
  if (GetParam().answered && !out.empty()) {
    EXPECT_TRUE(out[0].flags.ack && !out[0].flags.rst);
    EXPECT_EQ(101u, Solo::ack(out[0]));
    EXPECT_EQ(1001u, Solo::at(out[0]));
  }
  EXPECT_EQ(GetParam().dies, solo.endpoint->dead());
}
constexpr std::uint32_t kNext = Solo::kTheirs + 101;
const Case kCases[] = {
    {"exact_rst_kills", [](Segment& s) { s.flags = {.rst = true}; }, {}, false, true},
    {"rst_in_window_is_challenged",
     [](Segment& s) {
       s.flags = {.rst = true};
       s.seq = {kNext + 1};
     },
     Drop::challenged_rst, true},
    {"rst_before_window_is_silent",
     [](Segment& s) {
       s.flags = {.rst = true};
       s.seq = {kNext - 1};
     },
     Drop::out_of_window, false},
    {"rst_far_ahead_is_silent",
     [](Segment& s) {
       s.flags = {.rst = true};
       s.seq = {kNext + 900'000'000};
     },
     Drop::out_of_window, false},
    {"syn_in_window_is_challenged", [](Segment& s) { s.flags.syn = true; }, Drop::challenged_syn, true},
    {"syn_far_away_is_challenged",
     [](Segment& s) {
       s.flags = {.syn = true};
       s.seq = {kNext + 900'000'000};
     },
     Drop::challenged_syn, true},
    {"syn_ack_again_is_answered",
     [](Segment& s) {
       s.flags.syn = true;
       s.seq = {Solo::kTheirs};
     },
     Drop::out_of_window, true},
    {"keep_alive_is_answered", [](Segment& s) { s.seq = {kNext - 1}; }, Drop::out_of_window, true},
    {"far_ahead_is_answered", [](Segment& s) { s.seq = {kNext + 900'000'000}; }, Drop::out_of_window, true},
    {"no_ack_flag", [](Segment& s) { s.flags.ack = false; }, Drop::no_ack_flag, false},
    {"ack_of_the_unsent_is_challenged", [](Segment& s) { s.ack = {Solo::kOurs + 1002}; }, Drop::bad_ack, true},
    {"ack_too_old_is_challenged", [](Segment& s) { s.ack = {Solo::kOurs - 100'000}; }, Drop::bad_ack, true},
    {"ack_a_little_old_is_fine", [](Segment& s) { s.ack = {Solo::kOurs}; }, {}, false},
    {"good_ack", [](Segment& s) { s.ack = {Solo::kOurs + 1001}; }, {}, false},
};
INSTANTIATE_TEST_SUITE_P(Acceptance, Stranger, testing::ValuesIn(kCases), [](const auto& i) { return i.param.what; });

TEST(Acceptance, ChallengesAreFewInAnyFiveSeconds) {  // [9293-MAY-12]
  Solo solo = Solo::open();
  std::size_t answers = 0;
  for (int i = 0; i < 500; ++i) {
    Segment rst = solo.segment(100, 1);
    rst.flags = {.rst = true};
    solo.give(rst);
    answers += solo.take().size();
    solo.now = solo.now + 10_ms;
  }
  EXPECT_LE(answers, 20u);
  EXPECT_GE(answers, 10u);
  EXPECT_EQ(500u, solo.endpoint->drops()[Drop::challenged_rst]);
}

TEST(Acceptance, DataBeyondTheWindowIsCutOff) {
  Solo solo = Solo::open();
  solo.sink.reads = false;
  solo.give(solo.segment(1, 1, 60'000));
  solo.take();
  const std::uint64_t edge = 1 + 65535;  // what the SYN offered; since then the window field could not say more
  const Bytes room{solo.sink.window()};
  ASSERT_GT(room.n, 5536u);
  solo.give(solo.segment(60'001, 1, 6000));
  EXPECT_GE(solo.sink.got().size(), edge - 1);
  EXPECT_TRUE(is_drop(solo.give(solo.segment(2'000'000, 1, 100)), Drop::out_of_window));
}

TEST(Acceptance, AnOldTimestampIsRefusedAndAnsweredUnlessItIsAReset) {
  Solo solo = Solo::open(Config{});
  auto stamped = [&](std::uint64_t at, std::uint32_t value, std::size_t payload) {
    Segment s = solo.segment(at, 1, payload);
    s.tcp.timestamps = {.value = value, .echo = solo.stamp};
    return s;
  };
  EXPECT_TRUE(taken(solo.give(stamped(1, 200, 100))));
  solo.take();
  EXPECT_TRUE(is_drop(solo.give(stamped(101, 199, 100)), Drop::paws));
  EXPECT_EQ(1u, solo.take().size());
  EXPECT_TRUE(taken(solo.give(stamped(101, 200, 100))));
  solo.take();
  EXPECT_TRUE(is_drop(solo.give(solo.segment(201, 1, 100)), Drop::paws));  // without, though agreed (RFC 7323 §3.2)
  EXPECT_TRUE(solo.take().empty());
  Segment rst = stamped(201, 1, 0);
  rst.flags = {.rst = true};
  EXPECT_TRUE(taken(solo.give(rst)));
  EXPECT_TRUE(solo.had(Event::reset_by_peer));
}

TEST(Acceptance, TimestampsOfBeforeADayLongPauseAreForgotten) {
  Solo solo = Solo::open(Config{});
  solo.now = solo.now + Duration{25ll * 24 * 3600 * 1'000'000'000};
  Segment s = solo.segment(1, 1, 10);
  s.tcp.timestamps = {.value = 100u - 5, .echo = solo.stamp};
  EXPECT_TRUE(taken(solo.give(s)));
}

TEST(Acceptance, TheEchoedTimestampIsThatOfTheOldestUnacknowledgedSegment) {
  Solo solo = Solo::open(Config{});
  auto stamped = [&](std::uint64_t at, std::uint32_t value) {
    Segment s = solo.segment(at, 1, 100);
    s.tcp.timestamps = {.value = value, .echo = solo.stamp};
    return s;
  };
  solo.give(stamped(101, 300));  // ahead of a gap: must not be echoed (RFC 7323 §4.3)
  auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(100u, out[0].tcp.timestamps->echo);
  solo.give(stamped(1, 299));
  out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(299u, out[0].tcp.timestamps->echo);
}

// RFC 6191 §2, line by line; numbers on both sides of the wrap.
TEST(Acceptance, OnlyALaterSynMayTakeThePlaceOfAConnectionInTimeWait) {
  for (const std::uint32_t base : {1000u, 0xffffffffu, 0u, 0x7fffffffu, 0x80000000u}) {
    const LastSeen plain{.next = {base}, .our_next = {}, .stamp = {}};
    LastSeen stamped = plain;
    stamped.stamp = base;
    const SeqNum later{base}, earlier{base - 1}, far{base + 0x7fffffff}, half{base + 0x80000000};
    EXPECT_TRUE(may_follow(plain, later, {}));
    EXPECT_TRUE(may_follow(plain, far, {}));
    EXPECT_FALSE(may_follow(plain, earlier, {}));  // the number of the old FIN
    EXPECT_FALSE(may_follow(plain, half, {}));
    EXPECT_TRUE(may_follow(plain, earlier, 5));  // the old one had no timestamps, the new one has
    EXPECT_TRUE(may_follow(stamped, earlier, base + 1));
    EXPECT_FALSE(may_follow(stamped, earlier, base));
    EXPECT_TRUE(may_follow(stamped, later, base));
    EXPECT_FALSE(may_follow(stamped, later, base - 1));
    EXPECT_TRUE(may_follow(stamped, later, {}));
    EXPECT_FALSE(may_follow(stamped, earlier, {}));
  }
}

TEST(Acceptance, ASegmentForNobodyIsRefusedInIdleAndDead) {
  Solo solo;
  EXPECT_TRUE(is_drop(solo.give(solo.segment(1, 1)), Drop::not_for_this_state));
  Solo dead = Solo::open();
  dead.endpoint->abort(wire::ResetReason::unspecified);
  EXPECT_EQ(1u, dead.take().size());
  EXPECT_TRUE(is_drop(dead.give(dead.segment(1, 1)), Drop::not_for_this_state));
  EXPECT_TRUE(dead.take().empty());
  EXPECT_TRUE(dead.had(Event::closed));
}
}  // namespace
}  // namespace anabranch::tcp
