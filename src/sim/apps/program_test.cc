#include "sim/apps/program.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

using namespace anabranch::literals;

constexpr Instant kStart{1'000'000'000};

TEST(Program, BulkMayWriteAllOfItAtOnceAndWhoOnlyReadsEndsLast) {
  const auto program = make_program(BulkWish{.up = 1000, .down = 0});
  program->begin(kStart);
  EXPECT_EQ(program->allowance(Side::client), 1000u);
  EXPECT_TRUE(program->may_finish(Side::client, false));
  EXPECT_FALSE(program->may_finish(Side::server, false));
  EXPECT_TRUE(program->may_finish(Side::server, true));
  EXPECT_TRUE(program->ends());
  EXPECT_FALSE(make_program(BulkWish{})->ends());
}

TEST(Program, WhatIsStoppedEndsWithWhatWasWritten) {
  const auto program = make_program(BulkWish{});
  program->begin(kStart);
  program->stop({12'345, 0});
  EXPECT_EQ(program->allowance(Side::client), 12'345u);
}

TEST(Program, ARequestIsAnsweredWhenAllOfItHasArrived) {
  const auto program = make_program(RequestsWish{.request = 100_B, .response = 1000_B, .count = 2});
  program->begin(kStart);
  EXPECT_EQ(program->allowance(Side::client), 100u);
  program->has_read(Side::server, 99, kStart + 10_ms);
  EXPECT_EQ(program->allowance(Side::server), 0u);
  program->has_read(Side::server, 100, kStart + 10_ms);
  EXPECT_EQ(program->allowance(Side::server), 1000u);
  program->has_read(Side::client, 1000, kStart + 30_ms);  // without an interval the next follows at once
  EXPECT_EQ(program->allowance(Side::client), 200u);
  EXPECT_FALSE(program->may_finish(Side::client, false));
  program->has_read(Side::server, 200, kStart + 40_ms);
  program->has_read(Side::client, 2000, kStart + 70_ms);
  ASSERT_EQ(program->delays().size(), 2u);
  EXPECT_EQ(program->delays()[0].over - program->delays()[0].at, 30_ms);
  EXPECT_EQ(program->delays()[1].over - program->delays()[1].at, 40_ms);
  EXPECT_TRUE(program->may_finish(Side::client, false));
}

TEST(Program, ARequestThatHadToWaitForTheLastAnswerIsAsOldAsItsTurn) {
  const auto program = make_program(RequestsWish{.request = 1_B, .response = 1_B, .interval = 100_ms});
  program->begin(kStart);
  EXPECT_TRUE(program->next().is_never());  // not before the answer
  program->has_read(Side::server, 1, kStart + 5_ms);
  program->has_read(Side::client, 1, kStart + 250_ms);
  ASSERT_EQ(program->delays().size(), 2u);
  EXPECT_EQ(program->delays()[1].at, kStart + 100_ms);
}

TEST(Program, RequestsThatDoNotWaitComeInTheirTime) {
  const auto program = make_program(RequestsWish{.request = 1_B, .response = 1_B, .interval = 100_ms, .wait = false});
  program->begin(kStart);
  EXPECT_EQ(program->next(), kStart + 100_ms);
  program->on_time(kStart + 100_ms);
  EXPECT_EQ(program->allowance(Side::client), 2u);
}

TEST(Program, MessagesComeInTheirTimeWhateverBecameOfTheLastOne) {
  const auto program =
      make_program(MessagesWish{.message = 200_B, .interval = 20_ms, .count = 3, .from = Side::server});
  program->begin(kStart);
  program->on_time(kStart + 20_ms);
  EXPECT_EQ(program->allowance(Side::server), 400u);
  program->has_read(Side::client, 399, kStart + 90_ms);
  EXPECT_EQ(program->delays()[0].over, kStart + 90_ms);
  EXPECT_TRUE(program->delays()[1].over.is_never());
  program->on_time(kStart + 40_ms);
  EXPECT_TRUE(program->next().is_never());
  EXPECT_TRUE(program->may_finish(Side::server, false));
  EXPECT_FALSE(program->may_finish(Side::client, false));
}

}  // namespace
}  // namespace anabranch::sim
