#include "stack/cookie_jar.hh"

#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {
using Answer = CookieJar::Answer;

const Addresses kFrom{{Address::v4(10, 0, 0, 1), 80}, {Address::v4(10, 0, 0, 2), 5000}};
constexpr Duration kHour{3'600'000'000'000};
constexpr Instant kStart{1'000'000'000};

TEST(CookieJar, ACookieIsForAnAddressAndNotForAPort) {
  Generator random{1};
  CookieJar jar{random, kHour};
  const auto cookie = jar.cookie(kFrom, kStart);
  EXPECT_EQ(cookie.size(), CookieJar::kLongest);
  EXPECT_EQ(jar.check(cookie, kFrom, kStart), Answer::good);
  Addresses other = kFrom;
  other.remote.port = 5001;
  EXPECT_EQ(jar.check(cookie, other, kStart), Answer::good);
  other.remote.address = Address::v4(10, 0, 0, 3);
  EXPECT_EQ(jar.check(cookie, other, kStart), Answer::wrong);
  Generator elsewhere{2};
  EXPECT_EQ((CookieJar{elsewhere, kHour}.check(cookie, kFrom, kStart)), Answer::wrong);
}

TEST(CookieJar, ShortenedItIsStillGoodButNotTooShort) {
  Generator random{1};
  CookieJar jar{random, kHour};
  auto cookie = jar.cookie(kFrom, kStart);
  cookie.resize(6);
  EXPECT_EQ(jar.check(cookie, kFrom, kStart), Answer::good);
  cookie.resize(4);
  EXPECT_EQ(jar.check(cookie, kFrom, kStart), Answer::wrong);
  cookie.resize(16);
  EXPECT_EQ(jar.check(cookie, kFrom, kStart), Answer::wrong);
  EXPECT_EQ(jar.check({}, kFrom, kStart), Answer::wrong);
  for (unsigned bit = 0; bit < 64; ++bit) {
    auto spoiled = jar.cookie(kFrom, kStart);
    spoiled[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    EXPECT_EQ(jar.check(spoiled, kFrom, kStart), Answer::wrong) << bit;
  }
}

TEST(CookieJar, ACookieLivesForOneToTwoPeriods) {
  Generator random{1};
  CookieJar jar{random, kHour};
  const auto first = jar.cookie(kFrom, kStart);
  EXPECT_EQ(jar.check(first, kFrom, kStart + kHour - 1_ms), Answer::good);
  EXPECT_EQ(jar.check(first, kFrom, kStart + kHour), Answer::old);
  EXPECT_NE(jar.cookie(kFrom, kStart + kHour), first);
  EXPECT_EQ(jar.check(first, kFrom, kStart + kHour * 2 - 1_ms), Answer::old);
  EXPECT_EQ(jar.check(first, kFrom, kStart + kHour * 2), Answer::wrong);
}

TEST(CookieJar, AfterALongSilenceNoOldCookieIsGood) {
  Generator random{1};
  CookieJar jar{random, kHour};
  const auto first = jar.cookie(kFrom, kStart);
  EXPECT_EQ(jar.check(first, kFrom, kStart + kHour * 2), Answer::wrong);
}
}  // namespace
}  // namespace anabranch::stack
