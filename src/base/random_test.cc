#include "base/random.hh"

#include <array>
#include <gtest/gtest.h>

namespace anabranch {
namespace {

// Computed with an independent implementation of splitmix64 and xoshiro256** (see https://prng.di.unimi.it/).
TEST(Generator, GivesTheReferenceStream) {
  Generator zero{0}, answer{42};
  const std::array<std::uint64_t, 4> want_zero = {0x99ec5f36cb75f2b4u, 0xbf6e1f784956452au, 0x1a5f849d4933e6e0u,
                                                  0x6aa594f1262d2d2cu};
  const std::array<std::uint64_t, 4> want_answer = {0x15780b2e0c2ec716u, 0x6104d9866d113a7eu, 0xae17533239e499a1u,
                                                    0xecb8ad4703b360a1u};
  for (const std::uint64_t w : want_zero) { EXPECT_EQ(zero.next(), w); }
  for (const std::uint64_t w : want_answer) { EXPECT_EQ(answer.next(), w); }
}

TEST(Generator, OneSeedGivesOneStream) {
  Generator a{7}, b{7}, c{8};
  bool same_as_c = true;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t x = a.next();
    EXPECT_EQ(x, b.next());
    same_as_c = same_as_c && x == c.next();
  }
  EXPECT_FALSE(same_as_c);
}

TEST(Generator, BelowStaysBelowAndReachesEveryValue) {
  Generator g{1};
  std::array<int, 10> seen{};
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t v = g.below(10);
    ASSERT_LT(v, 10u);
    ++seen[v];
  }
  for (const int n : seen) { EXPECT_NEAR(n, 1000, 150); }
  EXPECT_EQ(g.below(0), 0u);
  EXPECT_EQ(g.below(1), 0u);
}

TEST(Generator, BetweenIncludesBothEnds) {
  Generator g{2};
  bool low = false, high = false;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t v = g.between(5, 8);
    ASSERT_TRUE(5 <= v && v <= 8);
    low = low || v == 5;
    high = high || v == 8;
  }
  EXPECT_TRUE(low && high);
}

TEST(Generator, BetweenCanSpanTheWholeRange) {
  Generator g{3};
  std::uint64_t all = 0;
  for (int i = 0; i < 64; ++i) { all |= g.between(0, ~std::uint64_t{0}); }
  EXPECT_GT(all, std::uint64_t{1} << 60);
}

TEST(Generator, ChanceHasTheAskedProbability) {
  Generator g{4};
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) { hits += g.chance(0.25) ? 1 : 0; }
  EXPECT_NEAR(hits, 5000, 250);
  EXPECT_FALSE(g.chance(0));
  EXPECT_TRUE(g.chance(1));
}

TEST(Generator, AForkIsAStreamOfItsOwnAndRepeatable) {
  Generator a{5}, b{5};
  Generator fa = a.fork(), fb = b.fork();
  EXPECT_EQ(fa.next(), fb.next());
  EXPECT_NE(fa.next(), a.next());
}

TEST(Random, ASecretWordIsReadFirstByteHighest) {
  class Fixed final : public Random {
   public:
    std::uint64_t visible() override { return 0; }
    void secret(std::span<std::uint8_t> out) override {
      for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::uint8_t>(i + 1); }
    }
  } fixed;
  EXPECT_EQ(fixed.secret_word(), 0x0102030405060708u);
}
}  // namespace
}  // namespace anabranch
