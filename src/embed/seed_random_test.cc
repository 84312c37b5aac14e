#include "embed/seed_random.hh"

#include <gtest/gtest.h>
#include <set>

namespace anabranch::embed {
namespace {

TEST(SeedRandom, TheSameSeedGivesTheSameStreams) {
  SeedRandom a{Seed{1}}, b{Seed{1}};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(a.visible(), b.visible());
    EXPECT_EQ(a.secret_word(), b.secret_word());
  }
}

TEST(SeedRandom, SeedsAndLanesDifferAndWordsDoNotRepeat) {
  SeedRandom a{Seed{1}}, b{Seed{2}};
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    for (const std::uint64_t word : {a.visible(), a.secret_word(), b.visible(), b.secret_word()}) { seen.insert(word); }
  }
  EXPECT_EQ(4000u, seen.size());
}

TEST(SeedRandom, WhatIsDrawnFromOneLaneDoesNotShiftTheOther) {
  SeedRandom a{Seed{1}}, b{Seed{1}};
  for (int i = 0; i < 77; ++i) { a.visible(); }
  EXPECT_EQ(a.secret_word(), b.secret_word());
}
}  // namespace
}  // namespace anabranch::embed
