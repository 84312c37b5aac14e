#include "stack/destinations.hh"

#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {

Destination host(unsigned n) {
  return {Address::v4(10, 0, 0, 1), {Address::v4(10, 1, 0, static_cast<std::uint8_t>(n)), 80}};
}

TEST(Destinations, RememberWhatTheyWereTold) {
  Destinations d{4};
  EXPECT_EQ(d.find(host(1)), nullptr);
  d.at(host(1)).mss = 1400;
  ASSERT_NE(d.find(host(1)), nullptr);
  EXPECT_EQ(d.find(host(1))->mss, 1400u);
  EXPECT_EQ(d.at(host(1)).mss, 1400u);
  Destination other = host(1);
  other.remote.port = 81;  // another service of the same host (RFC 7413 §4.1.3.1)
  EXPECT_EQ(d.find(other), nullptr);
  other = host(1);
  other.local = Address::v4(10, 0, 0, 2);  // a cookie hangs on our address too
  EXPECT_EQ(d.find(other), nullptr);
}

TEST(Destinations, TheOneNotUsedForLongestGivesWay) {
  Destinations d{3};
  for (unsigned n = 1; n <= 3; ++n) { d.at(host(n)).mss = n; }
  EXPECT_NE(d.find(host(1)), nullptr);  // used: now 2 is the oldest
  d.at(host(4));
  EXPECT_EQ(d.size(), 3u);
  EXPECT_EQ(d.find(host(2)), nullptr);
  EXPECT_NE(d.find(host(1)), nullptr);
  EXPECT_NE(d.find(host(3)), nullptr);
}

TEST(Destinations, WhatFailsAgainIsAvoidedTwiceAsLongUpToALimit) {
  Avoided a;
  const Instant start{1'000'000'000};
  EXPECT_FALSE(a.now(start));
  std::int64_t expected = 3600;
  Instant at = start;
  for (int i = 0; i < 9; ++i) {
    a.happened(at, 3600_s);
    EXPECT_TRUE(a.now(at + Duration{expected * 1'000'000'000 - 1}));
    at = at + Duration{expected * 1'000'000'000};
    EXPECT_FALSE(a.now(at));
    if (i < 6) { expected *= 2; }
  }
  a.works();
  a.happened(at, 3600_s);
  EXPECT_FALSE(a.now(at + 3600_s));
}
}  // namespace
}  // namespace anabranch::stack
