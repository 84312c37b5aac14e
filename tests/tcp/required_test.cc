// Requirements of RFC 9293 that no story tells by itself (docs/rfc/coverage.md).
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {

// §3.8.6.2.1: a sliver of the window is left while something is in flight: better wait. [9293-MUST-38]
TEST(Required, ASliverOfTheWindowIsNotUsedWhileSomethingIsInFlight) {
  Solo solo = Solo::open(Solo::plain(), 10'000);
  solo.source.write_pattern(1000, 1);
  ASSERT_EQ(1u, solo.take().size());
  solo.source.write_pattern(5000, 2);
  solo.give(solo.segment(1, 1, 0, 1100));  // takes its window back to a hundred bytes beyond what is in flight
  EXPECT_TRUE(solo.take().empty());
  solo.give(solo.segment(1, 1001, 0, 10'000));
  EXPECT_FALSE(solo.take().empty());
}

// §3.10.7.4: all that is queued is taken in before the acknowledgment leaves. [9293-MUST-59 9293-MUST-58]
TEST(Required, SegmentsThatCameTogetherAreAcknowledgedTogether) {
  Solo solo = Solo::open();
  for (std::uint64_t i = 0; i < 5; ++i) { solo.give(solo.segment(1 + 1000 * i, 1, 1000)); }
  const auto out = solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(5001u, Solo::ack(out[0]));
}

// §3.8.4: what is outstanding has a timer of its own. [9293-MUST-26]
TEST(Required, NoKeepAliveLeavesWhileDataIsOutstanding) {
  Config config = Solo::plain();
  config.keepalive_idle = 1_s;
  config.keepalive_interval = 1_s;
  Solo solo = Solo::open(config);
  solo.source.write_pattern(100, 1);
  ASSERT_EQ(1u, solo.take().size());
  for (const Segment& segment : solo.wait(30_s)) { EXPECT_EQ(100u, segment.payload.size().n); }
}

// §3.8.4: nobody asked for keep-alives. [9293-MUST-25]
TEST(Required, ThereAreNoKeepAlivesByDefault) {
  Solo solo = Solo::open(Config{});
  solo.take();
  EXPECT_TRUE(solo.wait(259'200_s).empty());
}

// §3.8.3: a SYN is repeated for three minutes at least before it is given up. [9293-MUST-23 9293-MUST-22]
TEST(Required, ASynIsRepeatedForThreeMinutesByDefault) {
  Solo solo{Config{}};
  const Instant start = solo.now;
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  ASSERT_EQ(1u, solo.take().size());
  while (!solo.endpoint->dead()) { solo.wait(solo.endpoint->deadline() - solo.now); }
  EXPECT_GE(solo.now - start, 180_s);
}

// §3.8.6.3: less than half a second, whatever is configured by default. [9293-MUST-40]
TEST(Required, AnAcknowledgmentWaitsLessThanHalfASecond) { EXPECT_LT(Config{}.delayed_ack, 500_ms); }
}  // namespace
}  // namespace anabranch::tcp
