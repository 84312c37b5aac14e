#include "stack/timer_wheel.hh"

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>

namespace anabranch::stack {
namespace {

std::vector<std::uint32_t> expired(TimerWheel& wheel, Instant now) {
  std::vector<std::uint32_t> due;
  wheel.expire(now, due);
  return due;
}
using Due = std::vector<std::uint32_t>;

TEST(TimerWheel, AnEmptyWheelHasNoDeadline) {
  TimerWheel wheel;
  EXPECT_TRUE(wheel.next().is_never());
  EXPECT_EQ(expired(wheel, Instant{} + 1000_s), Due{});
}

TEST(TimerWheel, ADeadlineComesUpAtItsTimeAndOnce) {
  TimerWheel wheel;
  wheel.set(7, Instant{} + 5_ms);
  EXPECT_EQ(wheel.next(), Instant{} + 5_ms);
  EXPECT_EQ(expired(wheel, Instant{5'000'000 - 1}), Due{});
  EXPECT_EQ(expired(wheel, Instant{} + 5_ms), Due{7});
  EXPECT_EQ(expired(wheel, Instant{} + 50_s), Due{});
}

TEST(TimerWheel, AClearedDeadlineDoesNotComeUp) {
  TimerWheel wheel;
  wheel.set(1, Instant{} + 5_ms);
  wheel.clear(1);
  EXPECT_EQ(expired(wheel, Instant{} + 1_s), Due{});
  EXPECT_TRUE(wheel.next().is_never());
}

TEST(TimerWheel, ALaterDeadlineReplacesAnEarlierOne) {
  TimerWheel wheel;
  wheel.set(1, Instant{} + 5_ms);
  wheel.set(1, Instant{} + 9_s);
  EXPECT_EQ(expired(wheel, Instant{} + 1_s), Due{});
  EXPECT_EQ(wheel.next(), Instant{} + 9_s);
  EXPECT_EQ(expired(wheel, Instant{} + 9_s), Due{1});
}

TEST(TimerWheel, AnEarlierDeadlineReplacesALaterOne) {
  TimerWheel wheel;
  wheel.set(1, Instant{} + 9_s);
  wheel.set(1, Instant{} + 5_ms);
  EXPECT_EQ(expired(wheel, Instant{} + 5_ms), Due{1});
  EXPECT_EQ(expired(wheel, Instant{} + 10_s), Due{});
}

TEST(TimerWheel, EqualDeadlinesComeUpInTheOrderOfTheirEntries) {
  TimerWheel wheel;
  for (const std::uint32_t i : {3u, 1u, 2u}) { wheel.set(i, Instant{} + 5_s); }
  EXPECT_EQ(expired(wheel, Instant{} + 5_s), (Due{1, 2, 3}));
}

// A turn of a level ends in the slot where it began: what lies there may be the latest of all, not the earliest.
TEST(TimerWheel, ADeadlineAWholeTurnAheadDoesNotHideEarlierOnes) {
  constexpr std::int64_t kTick = 1 << 20;
  TimerWheel wheel;
  wheel.set(0, Instant{30 * kTick});
  EXPECT_EQ(expired(wheel, Instant{30 * kTick}), Due{0});
  wheel.set(0, Instant{31 * kTick});
  wheel.set(1, Instant{(30 + 4090) * kTick});  // on the second level, in the slot of now, a turn later
  wheel.set(2, Instant{(30 + 100) * kTick});   // on the second level too
  EXPECT_EQ(expired(wheel, Instant{31 * kTick}), Due{0});
  EXPECT_EQ(wheel.next(), Instant{(30 + 100) * kTick});
}

TEST(TimerWheel, ADeadlineBeyondTheLastLevelDoesNotHideEarlierOnes) {
  TimerWheel wheel;
  wheel.set(0, Instant{} + 1_ms);
  wheel.set(1, Instant{} + 14_s * 86'400);  // goes round the last level
  wheel.set(2, Instant{} + 9_s * 86'400);
  EXPECT_EQ(expired(wheel, Instant{} + 1_ms), Due{0});
  EXPECT_EQ(wheel.next(), Instant{} + 9_s * 86'400);
}

// 1 ns to 20 days, with every magnitude equally likely, and nearly whole turns of a level more often than by chance.
std::int64_t any_span() {
  if (*rc::gen::inRange(0, 3) == 0) {
    const std::int64_t turn = std::int64_t{1} << (20 + 6 * *rc::gen::inRange(1, 6));
    return std::max<std::int64_t>(1, turn - (*rc::gen::inRange<std::int64_t>(0, 70) << 20));
  }
  const int bits = *rc::gen::inRange(0, 51);
  return *rc::gen::inRange<std::int64_t>(1, (std::int64_t{1} << bits) + 1);
}

RC_GTEST_PROP(TimerWheel, BehavesAsAMapOfDeadlines, ()) {
  TimerWheel wheel;
  std::map<std::uint32_t, Instant> model;
  Instant now{any_span()};
  const int steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    Instant earliest = Instant::never();
    for (const auto& [index, when] : model) { earliest = std::min(earliest, when); }
    RC_ASSERT(wheel.next() <= earliest);
    const auto index = *rc::gen::inRange<std::uint32_t>(0, 12);
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        wheel.clear(index);
        model.erase(index);
        break;
      case 1:
      case 2:
        model[index] = now + Duration{any_span()};
        wheel.set(index, model[index]);
        break;
      case 3: now = now + Duration{any_span()}; break;
      default: now = wheel.next().is_never() ? now : std::max(now, wheel.next()); break;
    }
    Due due = expired(wheel, now);
    std::ranges::sort(due);
    Due expected;
    for (const auto& [k, when] : model) {
      if (when <= now) { expected.push_back(k); }
    }
    std::erase_if(model, [&](const auto& m) { return m.second <= now; });
    RC_ASSERT(due == expected);
  }
}
}  // namespace
}  // namespace anabranch::stack
