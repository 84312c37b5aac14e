// Sent and its scoreboard against a model that keeps every byte.
#include "tcp/sent.hh"
#include "tcp/scoreboard.hh"

#include "base/random.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>

namespace anabranch::tcp {
namespace {
constexpr Instant at(std::int64_t ms) { return {ms * 1'000'000}; }

TEST(Sent, ASuperSegmentIsOneRangeUntilSomethingDividesIt) {
  Sent sent;
  sent.add({64'001}, 1000, false, at(1));
  EXPECT_EQ(1u, sent.count());
  sent.mark_sacked({10'001}, {11'001}, at(0));
  EXPECT_EQ(3u, sent.count());
  EXPECT_EQ(1000u, sent.sacked().n);
  EXPECT_EQ(63'000u, sent.pipe().n);
  const Covered covered = sent.acknowledge({20'001}, at(0));
  EXPECT_EQ(19'000u, covered.delivered.n);  // what was SACKed is not news
  EXPECT_EQ(1u, sent.count());
  EXPECT_EQ(44'000u, sent.outstanding().n);
  EXPECT_TRUE(sent.is_consistent());
}

TEST(Sent, OnlyRangesSentOnceGiveASample) {  // [9293-MUST-18]
  Sent sent;
  sent.add({1001}, 1000, false, at(1));
  sent.add({2001}, 1000, false, at(2));
  sent.mark_lost({1}, {1001});
  sent.resent({1}, {1001}, 1000, at(50));
  const Covered covered = sent.acknowledge({2001}, at(60));
  EXPECT_EQ(at(2), covered.sent_once);
  EXPECT_EQ((Departure{at(50), {1001}}), covered.newest);
  EXPECT_EQ(SubPos{2001}, covered.lowest_once);
  EXPECT_TRUE(covered.any_retransmitted);
}

TEST(Sent, ARetransmissionAnsweredTooSoonProvesNothingOfLaterOnes) {
  Sent sent;
  sent.add({1001}, 1000, false, at(1));
  sent.mark_lost({1}, {1001});
  sent.resent({1}, {1001}, 1000, at(50));
  EXPECT_FALSE(sent.acknowledge({1001}, at(45)).newest.has_value());
}

TEST(Sent, AResentRangeCountsInThePipeOnce) {
  Sent sent;
  sent.add({3001}, 1000, false, at(1));
  EXPECT_EQ(1000u, sent.mark_lost({1}, {1001}).n);
  EXPECT_EQ(0u, sent.mark_lost({1}, {1001}).n);
  EXPECT_EQ(2000u, sent.pipe().n);
  EXPECT_EQ(SubPos{1}, sent.first_lost()->from);
  sent.resent({1}, {1001}, 1000, at(2));
  EXPECT_EQ(3000u, sent.pipe().n);
  EXPECT_EQ(nullptr, sent.first_lost());
  EXPECT_EQ(0u, sent.mark_lost({1}, {1001}).n);  // not by SACKs from before
  EXPECT_EQ(2000u, sent.mark_overdue({at(2), {1001}}, at(9)).lost.n);
  EXPECT_EQ(1000u, sent.mark_overdue({at(3), {9}}, at(9)).lost.n);
}

TEST(Sent, OnlyTheOldestPacketTimesOutWhenTheOthersLeftJustNow) {  // RFC 8985 §6.3
  Sent sent;
  sent.add({2001}, 1000, false, at(1));
  sent.add({4001}, 1000, false, at(10));
  sent.mark_timed_out(at(0));
  EXPECT_EQ(1000u, sent.lost().n);
  sent.mark_timed_out(at(9));
  EXPECT_EQ(2000u, sent.lost().n);
  sent.mark_timed_out(at(10));
  EXPECT_EQ(4000u, sent.lost().n);
}

TEST(Sent, OfOneInstantTheHigherLeftLater) {  // RFC 8985 §6.2
  Sent sent;
  for (std::uint64_t end : {1001u, 2001u, 3001u}) { sent.add({end}, 1000, false, at(1)); }
  sent.mark_sacked({1001}, {2001}, at(0));
  EXPECT_EQ(1000u, sent.mark_overdue({at(1), {2001}}, at(5)).lost.n);
  EXPECT_EQ(SubPos{1}, sent.first_lost()->from);
}

TEST(Sent, WhatIsGivenMoreTimeIsNamedByItsLatestDeparture) {
  Sent sent;
  for (int i = 1; i <= 4; ++i) { sent.add({static_cast<std::uint64_t>(i) * 1000 + 1}, 1000, false, at(i)); }
  sent.mark_sacked({3001}, {4001}, at(0));
  const auto overdue = sent.mark_overdue({at(4), {4001}}, at(1));
  EXPECT_EQ(1000u, overdue.lost.n);
  EXPECT_EQ(at(3), overdue.youngest);
}

TEST(Sent, DividingARangeLeavesTheFinWithItsEnd) {
  Sent sent;
  sent.add({2002}, 1000, true, at(1));
  sent.mark_sacked({1001}, {2001}, at(0));
  std::vector<bool> fins;
  for (const Range& r : sent) { fins.push_back(r.fin); }
  EXPECT_EQ((std::vector<bool>{false, false, true}), fins);
}

enum State { flying, sacked, lost };
using Model = std::map<std::uint64_t, State>;  // by position

void expect_same(const Sent& sent, const Scoreboard& board, const Model& model) {
  const auto count = [&](State s) {
    return static_cast<std::uint64_t>(
        std::count_if(model.begin(), model.end(), [&](auto& e) { return e.second == s; }));
  };
  ASSERT_TRUE(sent.is_consistent() && board.is_consistent(sent));
  ASSERT_EQ(count(flying), sent.pipe().n);
  ASSERT_EQ(count(sacked), sent.sacked().n);
  const auto first = std::find_if(model.begin(), model.end(), [](auto& e) { return e.second == lost; });
  ASSERT_EQ(first == model.end(), sent.first_lost() == nullptr);
  if (first != model.end()) { ASSERT_EQ(first->first, sent.first_lost()->from.n); }
}

TEST(Sent, AnyOrderOfEventsAgreesWithAModelOfBytes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Generator random{seed};
    Sent sent;
    Scoreboard board;
    Model model;
    std::map<std::uint64_t, int> sendings, left;  // how often, and in which step
    std::uint64_t next = 1, una = 1;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t a = random.between(una, next), b = random.between(a, next);
      switch (random.below(6)) {
        case 0: {
          const std::uint64_t to = next + random.between(1, 40);
          for (; next < to; ++next) {
            model[next] = flying;
            sendings[next] = 1;
            left[next] = step;
          }
          sent.add({next}, 10, false, at(step));
          break;
        }
        case 1: {
          const std::uint64_t expected = static_cast<std::uint64_t>(
              std::count_if(model.begin(), model.lower_bound(a), [](auto& e) { return e.second != sacked; }));
          EXPECT_EQ(expected, sent.acknowledge({a}, at(step)).delivered.n);
          board.acknowledged({a});
          model.erase(model.begin(), model.lower_bound(a));
          una = a;
          break;
        }
        case 2: {
          if (a == una) { break; }
          const Block block{{a}, {b}};
          board.update(sent, {&block, 1}, at(step));
          for (std::uint64_t i = a; i < b; ++i) { model[i] = sacked; }
          break;
        }
        case 3:
          sent.mark_lost({a}, {b});
          for (std::uint64_t i = a; i < b; ++i) {
            if (model[i] == flying && sendings[i] == 1) { model[i] = lost; }
          }
          break;
        case 4:
          if (const Range* range = sent.first_lost()) {
            const std::uint64_t to = random.between(range->from.n + 1, range->to.n), from = range->from.n;
            sent.resent({from}, {to}, 10, at(step));
            for (std::uint64_t i = from; i < to; ++i) {
              model[i] = flying;
              ++sendings[i];
              left[i] = step;
            }
          }
          break;
        default:
          if (random.chance(0.05)) {
            sent.mark_timed_out(Instant::never());
            for (auto& [i, state] : model) { state = state == flying ? lost : state; }
          } else if (random.chance(0.3)) {
            const auto newest = static_cast<int>(random.below(static_cast<std::uint64_t>(step) + 1));
            const auto cutoff = static_cast<int>(random.below(static_cast<std::uint64_t>(step) + 1));
            sent.mark_overdue({at(newest), {}}, at(cutoff));
            for (auto& [i, state] : model) {
              if (state == flying && left[i] < newest && left[i] <= cutoff) { state = lost; }
            }
          }
      }
      ASSERT_NO_FATAL_FAILURE(expect_same(sent, board, model)) << seed << " " << step;
    }
  }
}

TEST(Scoreboard, IsLostFollowsRfc6675) {
  struct Row {
    std::vector<Block> blocks;
    std::uint64_t below;
  };
  const Row rows[] = {
      {{}, 0},
      {{{{1001}, {2001}}}, 0},                                         // one segment above the hole
      {{{{1001}, {3001}}}, 0},                                         // two: not more than two
      {{{{1001}, {3002}}}, 1001},                                      // more than two
      {{{{1001}, {1002}}, {{1101}, {1102}}, {{1201}, {1202}}}, 1001},  // three runs, however small
      {{{{1001}, {2001}}, {{3001}, {4001}}, {{5001}, {6001}}, {{7001}, {8001}}}, 3001},
  };
  for (const Row& row : rows) {
    Sent sent;
    sent.add({10'001}, 1000, false, at(1));
    Scoreboard board;
    board.update(sent, row.blocks, at(1));
    EXPECT_EQ(row.below, board.lost_below({1000}).n) << row.blocks.size();
  }
}

TEST(Scoreboard, IgnoresBlocksThatCannotBe) {
  Sent sent;
  sent.add({1001}, 1000, false, at(1));
  sent.acknowledge({101}, at(1));
  Scoreboard board;
  for (const Block b :
       {Block{{1}, {51}}, Block{{51}, {151}}, Block{{901}, {1002}}, Block{{500}, {400}}, Block{{7}, {7}}}) {
    board.update(sent, {&b, 1}, at(1));
  }
  EXPECT_TRUE(board.empty());
  EXPECT_EQ(0u, sent.sacked().n);
}

TEST(Duplicates, LeaveOneSegmentOfAnAdvanceToTheHole) {
  Duplicates duplicates;
  for (int i = 0; i < 5; ++i) { duplicates.add(); }
  EXPECT_EQ(5000u, duplicates.arrived({10'000}, {1000}).n);
  EXPECT_EQ(3000u, duplicates.arrived({4000}, {1000}).n);
  duplicates.advanced({3000}, {1000});
  EXPECT_EQ(3u, duplicates.count());
  duplicates.advanced({500}, {1000});
  EXPECT_EQ(3u, duplicates.count());
  duplicates.advanced({9000}, {1000});
  EXPECT_EQ(0u, duplicates.count());
}
}  // namespace
}  // namespace anabranch::tcp
