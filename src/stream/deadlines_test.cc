#include "stream/deadlines.hh"

#include <gtest/gtest.h>

namespace anabranch::stream {
namespace {

enum class Timer { retransmit, delayed_ack, persist, count_ };
using D = Deadlines<Timer>;

TEST(Deadlines, NothingIsDueUntilSet) {
  const D d;
  EXPECT_TRUE(d.next().is_never());
  EXPECT_EQ(d.which(), std::nullopt);
  EXPECT_FALSE(d.due(Timer::persist, Instant::never()));
}

TEST(Deadlines, TheNextIsTheEarliest) {
  D d;
  d.set(Timer::persist, Instant{30});
  d.set(Timer::retransmit, Instant{20});
  EXPECT_EQ(d.next(), Instant{20});
  EXPECT_EQ(d.which(), Timer::retransmit);
  d.clear(Timer::retransmit);
  EXPECT_EQ(d.next(), Instant{30});
  d.clear_all();
  EXPECT_TRUE(d.next().is_never());
}

TEST(Deadlines, DueMeansNowOrBefore) {
  D d;
  d.set(Timer::delayed_ack, Instant{40});
  EXPECT_FALSE(d.due(Timer::delayed_ack, Instant{39}));
  EXPECT_TRUE(d.due(Timer::delayed_ack, Instant{40}));
  EXPECT_FALSE(d.take_due(Timer::delayed_ack, Instant{39}));
  EXPECT_TRUE(d.take_due(Timer::delayed_ack, Instant{41}));
  EXPECT_FALSE(d.is_set(Timer::delayed_ack));
}

TEST(Deadlines, SettingEarlierNeverPostpones) {
  D d;
  d.set_earlier(Timer::persist, Instant{50});
  d.set_earlier(Timer::persist, Instant{60});
  EXPECT_EQ(d.at(Timer::persist), Instant{50});
  d.set_earlier(Timer::persist, Instant{40});
  EXPECT_EQ(d.at(Timer::persist), Instant{40});
  d.set(Timer::persist, Instant{70});
  EXPECT_EQ(d.at(Timer::persist), Instant{70});
}
}  // namespace
}  // namespace anabranch::stream
