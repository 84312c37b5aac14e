#include "base/names.hh"
#include "base/result.hh"

#include <gtest/gtest.h>

namespace anabranch {
namespace {

TEST(Names, AnEnumeratorAndItsNameFindEachOther) {
  EXPECT_EQ(name(Errc::would_block), "would_block");
  EXPECT_EQ(from_name<Errc>("bad_argument"), Errc::bad_argument);
  for (std::size_t i = 0; i < std::size(Names<Errc>::list); ++i) {
    const auto e = static_cast<Errc>(i);
    EXPECT_EQ(from_name<Errc>(name(e)), e);
  }
}

TEST(Names, WhatHasNoNameIsAQuestionMarkOrNothing) {
  EXPECT_EQ(name(static_cast<Errc>(200)), "?");
  EXPECT_EQ(from_name<Errc>("no_such_thing"), std::nullopt);
  EXPECT_EQ(from_name<Errc>(""), std::nullopt);
}

TEST(Names, TheListOfErrorsEndsWithTheLastEnumerator) {
  EXPECT_EQ(std::size(Names<Errc>::list), static_cast<std::size_t>(Errc::bad_argument) + 1);
}

TEST(Tally, CountsByEnumerator) {
  Tally<Errc> tally;
  tally.add(Errc::closed);
  tally.add(Errc::bad_argument, 3);
  EXPECT_EQ(tally[Errc::closed], 1u);
  EXPECT_EQ(tally[Errc::bad_argument], 3u);
  EXPECT_EQ(tally[Errc::refused], 0u);
  EXPECT_EQ(tally.total(), 4u);
}

TEST(Result, CarriesAValueOrTheReason) {
  const Result<int> good = 7;
  const Result<int> bad = fail(Errc::closed, "write after finish");
  EXPECT_EQ(good.value(), 7);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Errc::closed);
  EXPECT_EQ(bad.error().what, "write after finish");
}
}  // namespace
}  // namespace anabranch
