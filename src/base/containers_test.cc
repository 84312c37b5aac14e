#include "base/env.hh"
#include "base/ring.hh"
#include "base/slots.hh"

#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <rapidcheck/gtest.h>
#include <string>
#include <vector>

namespace anabranch {
namespace {

TEST(Ring, GivesBackInOrderAndRefusesWhenFull) {
  Ring<int> ring{3};
  EXPECT_TRUE(ring.push(1) && ring.push(2) && ring.push(3));
  EXPECT_FALSE(ring.push(4));
  EXPECT_TRUE(ring.full());
  EXPECT_EQ(ring.pop(), 1);
  EXPECT_TRUE(ring.push(4));
  EXPECT_EQ(ring.front(), 2);
  EXPECT_EQ(ring.back(), 4);
  EXPECT_EQ(ring.at(1), 3);
  ring.clear();
  EXPECT_EQ(ring.pop(), std::nullopt);
}

TEST(Ring, LetsGoOfWhatWasTaken) {
  auto thing = std::make_shared<int>(7);
  Ring<std::shared_ptr<int>> ring{2};
  EXPECT_TRUE(ring.push(thing));
  EXPECT_EQ(thing.use_count(), 2);
  ring.pop();
  EXPECT_EQ(thing.use_count(), 1);
}

RC_GTEST_PROP(Ring, BehavesAsABoundedDeque, ()) {
  Ring<int> ring{13};
  std::deque<int> model;
  for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-3, 5))) {
    if (step >= 0) {
      RC_ASSERT(ring.push(step) == (model.size() < 13));
      if (model.size() < 13) { model.push_back(step); }
    } else {
      const auto got = ring.pop();
      RC_ASSERT(got.has_value() == !model.empty());
      if (got) {
        RC_ASSERT(*got == model.front());
        model.pop_front();
      }
    }
    RC_ASSERT(ring.size() == model.size());
    for (std::size_t i = 0; i < model.size(); ++i) { RC_ASSERT(ring.at(i) == model[i]); }
  }
}

TEST(Slots, AHandleToWhatIsGoneFindsNothingEvenWhenThePlaceIsUsedAgain) {
  Slots<std::string> slots;
  const auto a = slots.insert("a");
  EXPECT_EQ(*slots.find(a), "a");
  EXPECT_TRUE(slots.erase(a));
  EXPECT_FALSE(slots.erase(a));
  const auto b = slots.insert("b");
  EXPECT_EQ(b.index, a.index);
  EXPECT_EQ(slots.find(a), nullptr);
  EXPECT_EQ(*slots.find(b), "b");
  EXPECT_EQ(slots.find({}), nullptr);
  EXPECT_FALSE(static_cast<bool>(Handle<std::string>{}));
}

TEST(Slots, ObjectsStayWhereTheyAreAndNeedNotMove) {
  struct Fixed {
    explicit Fixed(int v) : value{v} {}
    Fixed(const Fixed&) = delete;
    Fixed& operator=(const Fixed&) = delete;
    int value;
  };
  Slots<Fixed> slots;
  const auto first = slots.emplace(1);
  const Fixed* where = slots.find(first);
  for (int i = 0; i < 1000; ++i) { slots.emplace(i); }
  EXPECT_EQ(slots.find(first), where);
  EXPECT_EQ(where->value, 1);
}

TEST(Slots, TheLimitGivesANullHandle) {
  Slots<int> slots{1};
  const auto a = slots.insert(1);
  EXPECT_TRUE(a);
  EXPECT_FALSE(slots.insert(2));
  slots.erase(a);
  EXPECT_TRUE(slots.insert(3));
}

TEST(Slots, OrderIsOrderOfInsertionWhateverWasErased) {
  Slots<int> slots;
  std::vector<Handle<int>> handles;
  for (int i = 0; i < 5; ++i) { handles.push_back(slots.insert(i)); }
  slots.erase(handles[1]);
  slots.erase(handles[3]);
  slots.insert(5);
  std::vector<int> seen;
  slots.for_each([&](Handle<int>, int v) { seen.push_back(v); });
  EXPECT_EQ(seen, (std::vector<int>{0, 2, 4, 5}));
  seen.clear();
  for (auto h = slots.first(); h; h = slots.next(h)) { seen.push_back(*slots.find(h)); }
  EXPECT_EQ(seen, (std::vector<int>{0, 2, 4, 5}));
}

TEST(Slots, AnObjectMayBeErasedOrAddedWhileVisited) {
  Slots<int> slots;
  for (int i = 0; i < 4; ++i) { slots.insert(i); }
  std::vector<int> seen;
  slots.for_each([&](Handle<int> h, int v) {
    seen.push_back(v);
    if (v % 2 == 1) { slots.erase(h); }
    if (v == 3) { slots.insert(10); }
  });
  EXPECT_EQ((std::vector<int>{seen.begin(), seen.begin() + 4}), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(slots.size(), 3u);
}

RC_GTEST_PROP(Slots, BehavesAsAListOfPairs, ()) {
  Slots<int> slots;
  std::vector<std::pair<Handle<int>, int>> live, gone;
  int next = 0;
  for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100))) {
    if (step < 50 || live.empty()) {
      live.emplace_back(slots.insert(next), next);
      ++next;
    } else {
      const auto it = live.begin() + step % static_cast<int>(live.size());
      RC_ASSERT(slots.erase(it->first));
      gone.push_back(*it);
      live.erase(it);
    }
    std::vector<std::pair<Handle<int>, int>> seen;
    slots.for_each([&](Handle<int> h, int v) { seen.emplace_back(h, v); });
    RC_ASSERT(seen == live);
    for (const auto& [h, v] : gone) { RC_ASSERT(slots.find(h) == nullptr); }
  }
}

TEST(Faults, NeverStrikeOutsideTheSimulator) {
  NoFaults none;
  EXPECT_FALSE(none.strike("anything"));
}
}  // namespace
}  // namespace anabranch
