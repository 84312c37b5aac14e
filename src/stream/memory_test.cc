#include "stream/memory.hh"

#include <gtest/gtest.h>
#include <memory>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::stream {
namespace {

TEST(Memory, AnAccountHasAReserveAndGivesItBack) {
  MemoryBudget budget{100_KiB};
  {
    MemoryAccount a{&budget};
    EXPECT_EQ(budget.used(), MemoryAccount::kReserved);
    a.report({.to_send = 8_KiB, .unread = 8_KiB});
    EXPECT_EQ(budget.used(), MemoryAccount::kReserved);
    a.report({.to_send = 9_KiB, .unread = 8_KiB, .waiting = 2_KiB, .reported = 4_KiB});
    EXPECT_EQ(budget.used(), MemoryAccount::kReserved + 7_KiB);
  }
  EXPECT_EQ(budget.used(), 0_B);
  EXPECT_EQ(budget.highest(), MemoryAccount::kReserved + 7_KiB);
}

TEST(Memory, WithNothingLeftEachConnectionStillSendsAndReceivesInOrder) {
  MemoryBudget budget{MemoryAccount::kReserved * 2 + 10_KiB};
  MemoryAccount greedy{&budget}, other{&budget};
  greedy.report({.to_send = 18_KiB});
  EXPECT_EQ(budget.left(), 0_B);
  EXPECT_TRUE(budget.pressure());
  EXPECT_EQ(greedy.room_to_send(), 0_B);
  EXPECT_EQ(other.room_to_send(), MemoryAccount::kToSend);
  EXPECT_EQ(other.room_in_order(), MemoryAccount::kReceived);
  EXPECT_EQ(other.room_out_of_order(), 0_B);
}

TEST(Memory, WhatWaitsOutOfOrderGivesWayToWhatIsInOrder) {
  MemoryBudget budget{MemoryAccount::kReserved};
  MemoryAccount a{&budget};
  a.report({.waiting = 8_KiB});
  EXPECT_EQ(a.room_in_order(), 8_KiB);
  EXPECT_FALSE(a.fits({.unread = 1_KiB, .waiting = 8_KiB}));
  EXPECT_TRUE(a.fits({.unread = 8_KiB}));
}

TEST(Memory, WhatFillsTheGapBeforeThatHasRoomForBoth) {
  MemoryBudget budget{MemoryAccount::kReserved};
  MemoryAccount a{&budget};
  a.report({.waiting = 6_KiB});
  EXPECT_TRUE(a.joins(2_KiB));
  EXPECT_FALSE(a.joins(3_KiB));
}

TEST(Memory, WithoutABudgetThereIsNoLimit) {
  MemoryAccount a;
  EXPECT_GT(a.room_out_of_order(), 1000000_MiB);
  EXPECT_FALSE(a.pressure());
}

RC_GTEST_PROP(Memory, TheTotalNeverExceedsTheCapAndNobodyIsEverWithoutRoom, ()) {
  const auto n = *rc::gen::inRange<std::size_t>(1, 8);
  MemoryBudget budget{MemoryAccount::kReserved * n + Bytes{*rc::gen::inRange<std::uint64_t>(0, 100'000)}};
  std::vector<std::unique_ptr<MemoryAccount>> accounts;
  for (std::size_t i = 0; i < n; ++i) { accounts.push_back(std::make_unique<MemoryAccount>(&budget)); }
  for (int step = 0; step < 200; ++step) {
    MemoryAccount& a = *accounts[*rc::gen::inRange<std::size_t>(0, n)];
    MemoryAccount::Use use = a.use();
    const Bytes wish{*rc::gen::inRange<std::uint64_t>(1, 20'000)};
    switch (*rc::gen::inRange(0, 6)) {
      case 0: use.to_send += std::min(wish, a.room_to_send()); break;
      case 1: use.unread += std::min(wish, a.room_in_order()); break;
      case 2: use.reported += std::min(wish, a.room_out_of_order()); break;
      case 3: use.waiting += std::min(wish, a.room_in_order()); break;
      case 4: use.unread = {}; break;
      default: use.to_send = use.to_send / 2; break;
    }
    if (!a.fits(use)) { use.waiting = {}; }
    RC_ASSERT(a.fits(use));
    a.report(use);
    RC_ASSERT(budget.used() <= budget.cap());
    for (const auto& each : accounts) {
      RC_ASSERT(each->room_to_send() > Bytes{} || each->use().to_send >= MemoryAccount::kToSend);
      RC_ASSERT(each->room_in_order() > Bytes{} || each->use().unread >= MemoryAccount::kReceived);
    }
  }
}
}  // namespace
}  // namespace anabranch::stream
