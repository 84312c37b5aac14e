#include "stream/reassembly.hh"

#include "base/random.hh"
#include "base/seq.hh"

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>
#include <string>
#include <vector>

namespace anabranch::stream {
namespace {

using R = Reassembly<SubPos>;
using Range = Interval<SubPos>;
SubPos at(std::uint64_t n) { return {n}; }

class ReassemblyTest : public testing::Test {
 protected:
  Chain bytes(std::string_view text) {
    return packer_.copy({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  static std::string text(const Chain& chain) {
    const auto v = chain.to_vector();
    return {v.begin(), v.end()};
  }
  SlabPool pool_;
  Packer packer_{pool_};
};

TEST_F(ReassemblyTest, InOrderDataPassesStraightThrough) {
  R r{at(1)};
  const Chain data = bytes("hello");
  const std::uint8_t* where = data.slices()[0].bytes().data();
  const auto in = r.insert(at(1), data);
  EXPECT_TRUE(in.advanced);
  EXPECT_EQ(in.fresh, 5_B);
  EXPECT_EQ(r.next(), at(6));
  EXPECT_EQ(r.held(), 0_B);
  const Chain out = r.take();
  EXPECT_EQ(out.slices()[0].bytes().data(), where);  // not copied
  EXPECT_TRUE(r.take().empty());
}

TEST_F(ReassemblyTest, AHoleHoldsBackWhatFollows) {
  R r{at(1)};
  EXPECT_FALSE(r.insert(at(6), bytes("world")).advanced);
  EXPECT_TRUE(r.has_gap());
  EXPECT_EQ(r.held(), 5_B);
  EXPECT_EQ(r.furthest(), at(11));
  EXPECT_TRUE(r.covers(at(6), at(11)));
  EXPECT_FALSE(r.covers(at(5), at(7)));
  EXPECT_TRUE(r.insert(at(1), bytes("hello")).advanced);
  EXPECT_EQ(text(r.take()), "helloworld");
  EXPECT_FALSE(r.has_gap());
  EXPECT_EQ(r.pieces(), 0u);
}

TEST_F(ReassemblyTest, WhatCameFirstWins) {
  R r{at(1)};
  r.insert(at(3), bytes("CD"));
  const auto in = r.insert(at(1), bytes("abxyef"));
  EXPECT_EQ(in.fresh, 4_B);
  EXPECT_EQ(in.duplicate, 2_B);
  EXPECT_EQ(in.first_duplicate, (Range{at(3), at(5)}));
  EXPECT_EQ(text(r.take()), "abCDef");
  EXPECT_EQ(r.insert(at(1), bytes("zz")).duplicate, 2_B);
  EXPECT_TRUE(r.take().empty());
}

TEST_F(ReassemblyTest, OneArrivalCanFillSeveralHoles) {
  R r{at(1)};
  r.insert(at(3), bytes("c"));
  r.insert(at(5), bytes("e"));
  r.insert(at(8), bytes("h"));
  const auto in = r.insert(at(2), bytes("BCDEFG"));
  EXPECT_EQ(in.fresh, 4_B);
  EXPECT_EQ(in.duplicate, 2_B);
  EXPECT_FALSE(in.advanced);
  EXPECT_EQ(r.ranges().size(), 1u);
  r.insert(at(1), bytes("A"));
  EXPECT_EQ(text(r.take()), "ABcDeFGh");
}

TEST_F(ReassemblyTest, SackReportsTheLatestArrivalFirst) {  // RFC 2018 §4
  R r{at(1)};
  r.insert(at(100), bytes("aa"));
  r.insert(at(200), bytes("bb"));
  r.insert(at(300), bytes("cc"));
  r.insert(at(102), bytes("dd"));  // grows the first range
  const auto sack = r.for_sack(3);
  ASSERT_EQ(sack.size(), 3u);
  EXPECT_EQ(sack[0], (Range{at(100), at(104)}));
  EXPECT_EQ(sack[1], (Range{at(300), at(302)}));
  EXPECT_EQ(sack[2], (Range{at(200), at(202)}));
  EXPECT_EQ(r.for_sack(1).size(), 1u);
}

TEST_F(ReassemblyTest, SackReportsAMergedRangeOnceAndNothingThatIsInOrder) {
  R r{at(1)};
  r.insert(at(10), bytes("aa"));
  r.insert(at(14), bytes("bb"));
  r.insert(at(12), bytes("xx"));
  ASSERT_EQ(r.for_sack().size(), 1u);
  EXPECT_EQ(r.for_sack()[0], (Range{at(10), at(16)}));
  r.insert(at(1), bytes("123456789"));
  EXPECT_TRUE(r.for_sack().empty());
}

TEST_F(ReassemblyTest, ARangeThatGrowsLongDoesNotPushTheOthersOutOfSack) {
  R r{at(1)};
  r.insert(at(10), bytes("aa"));
  for (std::uint64_t i = 0; i < 20; ++i) { r.insert(at(100 + i), bytes("b")); }
  ASSERT_EQ(r.for_sack().size(), 2u);
  EXPECT_EQ(r.for_sack()[0], (Range{at(100), at(120)}));
  EXPECT_EQ(r.for_sack()[1], (Range{at(10), at(12)}));
}

TEST_F(ReassemblyTest, ADuplicateOfSomethingHeldIsReportedFirstToo) {
  R r{at(1)};
  r.insert(at(10), bytes("aa"));
  r.insert(at(20), bytes("bb"));
  EXPECT_EQ(r.insert(at(10), bytes("aa")).first_duplicate, (Range{at(10), at(12)}));
  EXPECT_EQ(r.for_sack()[0], (Range{at(10), at(12)}));
}

TEST_F(ReassemblyTest, TheByteLimitKeepsTheLeadingPartAndInOrderDataIsNeverRefused) {
  R r{at(1), {.bytes = 6_B, .pieces = 100}};
  const auto in = r.insert(at(11), bytes("abcdefgh"));
  EXPECT_EQ(in.fresh, 6_B);
  EXPECT_EQ(in.refused, 2_B);
  EXPECT_EQ(in.why, Refusal::too_many_bytes);
  EXPECT_EQ(r.insert(at(30), bytes("x")).refused, 1_B);
  const auto first = r.insert(at(1), bytes("0123456789"));
  EXPECT_EQ(first.fresh, 10_B);
  EXPECT_EQ(first.why, Refusal::none);
  EXPECT_EQ(text(r.take()), "0123456789abcdef");
}

TEST_F(ReassemblyTest, ThePieceLimitCountsSlicesHoweverWellTheyMerge) {
  R r{at(1), {.bytes = 1_MiB, .pieces = 8}};
  std::vector<Chain> apart;
  for (int i = 0; i < 20; ++i) {
    apart.push_back(bytes("x"));
    bytes("spoils adjacency in the slab");
  }
  Bytes refused;
  for (std::uint64_t i = 0; i < 20; ++i) { refused += r.insert(at(10 + i), apart[i]).refused; }
  EXPECT_EQ(r.pieces(), 8u);
  EXPECT_EQ(r.ranges().size(), 1u);
  EXPECT_EQ(refused, 12_B);
}

TEST_F(ReassemblyTest, PositionsWithoutBytesAreSkipped) {
  R r{at(0)};
  r.skip(1);  // SYN
  r.insert(at(1), bytes("ab"));
  r.insert(at(4), bytes("de"));
  r.skip(2);  // over a position that holds a byte
  EXPECT_EQ(r.next(), at(6));
  EXPECT_EQ(text(r.take()), "abe");
  EXPECT_FALSE(r.has_gap());
}

TEST_F(ReassemblyTest, WhatIsHeldCanBeDropped) {
  R r{at(1)};
  r.insert(at(5), bytes("abc"));
  r.drop_held();
  EXPECT_EQ(r.held(), 0_B);
  EXPECT_TRUE(r.for_sack().empty());
  EXPECT_EQ(r.insert(at(5), bytes("xyz")).fresh, 3_B);
}

TEST_F(ReassemblyTest, ManyPiecesInAnyOrderComeOutInOrder) {
  constexpr std::uint64_t kPieces = 20'000;
  R r{at(1), {.bytes = 64_MiB, .pieces = 2 * kPieces}};
  std::vector<std::uint64_t> order(kPieces);
  for (std::uint64_t i = 0; i < kPieces; ++i) { order[i] = i; }
  Generator random{1};
  for (std::uint64_t i = kPieces - 1; i > 0; --i) { std::swap(order[i], order[random.below(i + 1)]); }
  for (const std::uint64_t i : order) {
    r.insert(at(1 + i * 4), bytes({reinterpret_cast<const char*>("abcdefghijklmnop") + i % 13, 4}));
  }
  EXPECT_EQ(r.next(), at(1 + kPieces * 4));
  const std::string all = text(r.take());
  for (std::uint64_t i = 0; i < kPieces; ++i) { ASSERT_EQ(all[i * 4], "abcdefghijklm"[i % 13]); }
}

/// One byte at a time, first come first kept.
struct Model {
  std::map<std::uint64_t, char> bytes;
  std::uint64_t next = 1;
  void insert(std::uint64_t p, std::string_view data) {
    for (const char c : data) { bytes.emplace(p++, c); }
    while (bytes.contains(next)) { ++next; }
  }
  std::string in_order() const {
    std::string out;
    for (std::uint64_t p = 1; p < next; ++p) { out += bytes.at(p); }
    return out;
  }
};

RC_GTEST_FIXTURE_PROP(ReassemblyTest, DeliversAPrefixOfWhatCameFirst, ()) {
  R r{at(1)};
  Model model;
  std::string delivered;
  char letter = 'a';
  for (const auto& [begin, length] : *rc::gen::container<std::vector<std::pair<int, int>>>(
           rc::gen::pair(rc::gen::inRange(1, 60), rc::gen::inRange(0, 15)))) {
    const std::string data(static_cast<std::size_t>(length), letter);
    letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
    const auto p = static_cast<std::uint64_t>(begin);
    const std::size_t had = model.bytes.size();
    const auto in = r.insert(at(p), bytes(data));
    model.insert(p, data);
    RC_ASSERT(in.fresh.n == model.bytes.size() - had);
    RC_ASSERT(in.fresh.n + in.duplicate.n == data.size());
    RC_ASSERT(in.first_duplicate.has_value() == (in.duplicate.n > 0));
    RC_ASSERT(r.next() == at(model.next));
    RC_ASSERT(r.held().n == model.bytes.size() - (model.next - 1));
    RC_ASSERT(r.is_consistent());
    if (!data.empty() && p + data.size() > model.next) {  // RFC 2018: the first block has what just arrived
      const auto sack = r.for_sack();
      RC_ASSERT(!sack.empty());
      RC_ASSERT(sack[0].begin < at(p + data.size()));
      RC_ASSERT(sack[0].end > at(p));
    }
    delivered += text(r.take());
    RC_ASSERT(delivered == model.in_order());
  }
}

RC_GTEST_FIXTURE_PROP(ReassemblyTest, LimitsHoldAndRefusedBytesCanComeAgain, ()) {
  R r{at(1), {.bytes = 20_B, .pieces = 5}};
  for (const auto& [begin, length] : *rc::gen::container<std::vector<std::pair<int, int>>>(
           rc::gen::pair(rc::gen::inRange(1, 80), rc::gen::inRange(1, 15)))) {
    const auto p = static_cast<std::uint64_t>(begin), n = static_cast<std::uint64_t>(length);
    const auto in = r.insert(at(p), bytes(std::string(n, 'x')));
    RC_ASSERT(in.fresh.n + in.duplicate.n + in.refused.n == n);
    RC_ASSERT((in.why == Refusal::none) == (in.refused.n == 0));
    RC_ASSERT(r.held() <= 20_B);
    RC_ASSERT(r.pieces() <= 5u);
    RC_ASSERT(r.is_consistent());
  }
  while (r.next() < at(100)) { r.insert(r.next(), bytes("y")); }  // a patient sender always gets through
  RC_ASSERT(r.take().size().n >= 99u);
}

TEST_F(ReassemblyTest, APeerThatLeavesGapsHoldsNoMoreThanItSends) {
  R r{at(1)};
  const std::size_t shared = R::kSlicesShared;
  std::size_t whole = 0;  // slabs that live on, each packet having come in one of its own
  for (std::uint64_t i = 0; i < 4 * shared; ++i) {
    SlabRef slab = pool_.get();
    slab->data()[0] = static_cast<std::uint8_t>(i);
    slab->used = 1;
    const Slab* const was = slab.get();
    Chain one{Slice{slab, {slab->data(), 1}}};
    slab = {};
    r.insert(at(3 + 2 * i), std::move(one));
    whole += was->references != 0 && was->capacity == SlabPool::kSlabBytes ? 1 : 0;
  }
  EXPECT_EQ(r.pieces(), 4 * shared);
  EXPECT_EQ(whole, shared);
  r.insert(at(1), bytes("ab"));
  for (std::uint64_t i = 0; i < 4 * shared; ++i) { r.insert(at(4 + 2 * i), bytes("x")); }
  const auto out = r.take().to_vector();
  for (std::uint64_t i = 0; i < 4 * shared; ++i) { ASSERT_EQ(out[2 + 2 * i], static_cast<std::uint8_t>(i)); }
}
}  // namespace
}  // namespace anabranch::stream
