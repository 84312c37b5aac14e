#include "base/intervals.hh"

#include "base/seq.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <set>
#include <vector>

namespace anabranch {
namespace {

using Set = IntervalSet<SubPos>;
using Range = Interval<SubPos>;

SubPos at(std::uint64_t n) { return {n}; }
Set of(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> ranges) {
  Set out;
  for (const auto& [b, e] : ranges) { EXPECT_TRUE(out.add(at(b), at(e))); }
  return out;
}

TEST(IntervalSet, NeighboursAndOverlapsBecomeOneRange) {
  Set s = of({{10, 20}, {30, 40}, {20, 30}});
  ASSERT_EQ(s.size(), 1u);
  EXPECT_EQ(s.front(), (Range{at(10), at(40)}));
  EXPECT_EQ(s.total(), 30u);
  EXPECT_TRUE(s.add(at(5), at(50)));
  EXPECT_EQ(s.front(), (Range{at(5), at(50)}));
}

TEST(IntervalSet, EmptyRangesChangeNothing) {
  Set s;
  EXPECT_TRUE(s.add(at(5), at(5)));
  EXPECT_TRUE(s.add(at(6), at(5)));
  EXPECT_TRUE(s.empty());
  EXPECT_TRUE(s.covers(at(3), at(3)));
  EXPECT_FALSE(s.intersects(at(3), at(3)));
}

TEST(IntervalSet, TakingOutOfTheMiddleLeavesTwo) {
  Set s = of({{10, 40}});
  EXPECT_TRUE(s.remove(at(20), at(25)));
  EXPECT_EQ(s, of({{10, 20}, {25, 40}}));
  EXPECT_TRUE(s.remove(at(15), at(30)));
  EXPECT_EQ(s, of({{10, 15}, {30, 40}}));
  EXPECT_EQ(s.total(), 15u);
}

TEST(IntervalSet, TheLimitRefusesAndChangesNothing) {
  Set s{2};
  EXPECT_TRUE(s.add(at(10), at(20)));
  EXPECT_TRUE(s.add(at(30), at(40)));
  EXPECT_FALSE(s.add(at(50), at(60)));
  EXPECT_FALSE(s.remove(at(12), at(13)));
  EXPECT_TRUE(s.is_consistent());
  EXPECT_EQ(s, of({{10, 20}, {30, 40}}));
  EXPECT_TRUE(s.add(at(20), at(30)));  // needs fewer, not more
  EXPECT_TRUE(s.add(at(50), at(60)));
}

TEST(IntervalSet, GapsAreFound) {
  const Set s = of({{10, 20}, {30, 40}});
  EXPECT_EQ(s.first_gap(at(5)), at(5));
  EXPECT_EQ(s.first_gap(at(10)), at(20));
  EXPECT_EQ(s.first_gap(at(39)), at(40));
  EXPECT_EQ(s.first_missing(at(12), at(100)), (Range{at(20), at(30)}));
  EXPECT_EQ(s.first_missing(at(12), at(25)), (Range{at(20), at(25)}));
  EXPECT_EQ(s.first_missing(at(12), at(18)), std::nullopt);
  EXPECT_EQ(s.next_range(at(20)), (Range{at(30), at(40)}));
  EXPECT_EQ(s.next_range(at(40)), std::nullopt);
  EXPECT_EQ(s.containing(at(29)), std::nullopt);
  EXPECT_EQ(s.containing(at(30)), (Range{at(30), at(40)}));
}

/// The same set, one point at a time.
class Model {
 public:
  void add(std::uint64_t b, std::uint64_t e) {
    for (; b < e; ++b) { points_.insert(b); }
  }
  void remove(std::uint64_t b, std::uint64_t e) {
    for (; b < e; ++b) { points_.erase(b); }
  }
  bool has(std::uint64_t p) const { return points_.contains(p); }
  std::uint64_t count(std::uint64_t b, std::uint64_t e) const {
    std::uint64_t n = 0;
    for (; b < e; ++b) { n += has(b) ? 1 : 0; }
    return n;
  }
  std::vector<Range> ranges() const {
    std::vector<Range> out;
    for (const std::uint64_t p : points_) {
      if (!out.empty() && out.back().end.n == p) {
        ++out.back().end.n;
      } else {
        out.push_back({at(p), at(p + 1)});
      }
    }
    return out;
  }

 private:
  std::set<std::uint64_t> points_;
};

RC_GTEST_PROP(IntervalSet, BehavesAsASetOfPoints, ()) {
  Set set;
  Model model;
  const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
      rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::inRange(0, 60), rc::gen::inRange(0, 12)));
  for (const auto& [what, begin, length] : steps) {
    const auto b = static_cast<std::uint64_t>(begin), e = b + static_cast<std::uint64_t>(length);
    if (what < 4) {
      RC_ASSERT(set.add(at(b), at(e)));
      model.add(b, e);
    } else if (what < 6) {
      RC_ASSERT(set.remove(at(b), at(e)));
      model.remove(b, e);
    } else if (what == 6) {
      set.remove_below(at(static_cast<std::uint64_t>(length)));
      model.remove(0, static_cast<std::uint64_t>(length));
    } else {
      set.remove_from(at(b + 40));
      model.remove(b + 40, 200);
    }
    RC_ASSERT(set.is_consistent());
    const auto want = model.ranges();
    RC_ASSERT(std::equal(set.begin(), set.end(), want.begin(), want.end()));
    RC_ASSERT(set.total() == model.count(0, 200));
    RC_ASSERT(set.count(at(b), at(e)) == model.count(b, e));
    RC_ASSERT(set.contains(at(b)) == model.has(b));
    RC_ASSERT(set.covers(at(b), at(e)) == (model.count(b, e) == e - b));
    RC_ASSERT(set.intersects(at(b), at(e)) == (model.count(b, e) > 0));
    std::uint64_t gap = b;
    while (model.has(gap)) { ++gap; }
    RC_ASSERT(set.first_gap(at(b)) == at(gap));
  }
}

RC_GTEST_PROP(IntervalSet, ALimitIsNeverExceededAndARefusalLeavesNoTrace, ()) {
  Set set{3};
  const auto steps = *rc::gen::container<std::vector<std::tuple<bool, int, int>>>(
      rc::gen::tuple(rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 60), rc::gen::inRange(1, 6)));
  for (const auto& [add, begin, length] : steps) {
    const Set before = set;
    const SubPos b = at(static_cast<std::uint64_t>(begin)), e = b + static_cast<std::uint64_t>(length);
    const bool done = add ? set.add(b, e) : set.remove(b, e);
    RC_ASSERT(set.is_consistent());
    if (!done) { RC_ASSERT(set == before); }
    if (done && add) { RC_ASSERT(set.covers(b, e)); }
    if (done && !add) { RC_ASSERT(!set.intersects(b, e)); }
  }
}
}  // namespace
}  // namespace anabranch
