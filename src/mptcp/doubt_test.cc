#include "mptcp/doubt.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {
constexpr Instant kStart{5'000'000'000};
using Ask = Doubt::Ask;

TEST(Doubt, ProbesTwiceAndThenGivesThePathUp) {
  Doubt doubt{Doubt::Cause::address_removed, kStart, 300_ms, 40_ms};  // the first probe leaves with this
  EXPECT_EQ(doubt.on_deadline(kStart + 299_ms), Ask::nothing);
  EXPECT_EQ(doubt.deadline(), kStart + 300_ms);
  EXPECT_EQ(doubt.on_deadline(kStart + 300_ms), Ask::probe);
  EXPECT_EQ(doubt.deadline(), kStart + 900_ms);
  EXPECT_EQ(doubt.on_deadline(kStart + 899_ms), Ask::nothing);
  EXPECT_EQ(doubt.on_deadline(kStart + 900_ms), Ask::gone);
}
TEST(Doubt, GivesAnAnswerTimeHoweverShortTheRoundTrip) {
  EXPECT_EQ((Doubt{Doubt::Cause::replaced, kStart, 1_ms, 1_ms}.deadline()), kStart + 200_ms);
}
TEST(Doubt, WhatWasOnItsWayBeforeTheQuestionIsNoAnswer) {
  const Doubt doubt{Doubt::Cause::address_removed, kStart, 300_ms, 40_ms};
  EXPECT_FALSE(doubt.answered_by(kStart + 19_ms));
  EXPECT_TRUE(doubt.answered_by(kStart + 20_ms));
  EXPECT_TRUE((Doubt{Doubt::Cause::address_removed, kStart, 300_ms, {}}.answered_by(kStart)));
}
}  // namespace
}  // namespace anabranch::mptcp
