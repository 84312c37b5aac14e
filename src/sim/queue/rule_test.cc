#include "sim/queue/rule.hh"

#include "packet/assemble.hh"
#include "sim/link.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {
constexpr Instant kStart{1'000'000'000};

/// A pipe of 8 Mb/s, a packet of 1000 bytes a millisecond, fed at some rate for a while.
struct Load {
  explicit Load(const QueueSpec& queue, Bytes bytes = {}, bool ecn = false)
      : pipe{{.rate = 8_Mbps, .queue = bytes, .overhead = 0, .discipline = queue}, Generator{3}, pool} {
    Segment segment;
    segment.flags.ack = true;
    segment.payload = Packer{pool}.copy(std::vector<std::uint8_t>(960));
    if (ecn) { segment.ecn = wire::Ecn::ect0; }
    packet = assemble({{Address::v4(10, 0, 0, 1), 1}, {Address::v4(10, 0, 0, 2), 2}}, segment, {}, arena);
  }
  /// One packet each `gap`, so many; then everything leaves.
  void feed(unsigned count, Duration gap) {
    for (unsigned i = 0; i < count; ++i) {
      (void)pipe.take_due(now, out);
      pipe.offer(packet, now);
      now = now + gap;
    }
  }
  std::uint64_t early() const { return pipe.stats().dropped[LinkDrop::early]; }
  std::uint64_t full() const { return pipe.stats().dropped[LinkDrop::queue_full]; }

  SlabPool pool;
  HeaderArena arena{pool};
  Pipe pipe;
  Frame packet;
  Instant now = kStart;
  std::vector<Frame> out;
};

TEST(DropTail, TakesSoManyPacketsAndNoMore) {
  Load load{{.packets = 10}};
  load.feed(50, 1_ns);  // one is being sent
  EXPECT_EQ(load.full(), 39u);
  EXPECT_EQ(load.pipe.stats().highest_queue_packets, 10u);
}

TEST(DropTail, KeepsBothLimitsWhereBothAreGiven) {
  Load load{{.packets = 10}, 4000_B};
  load.feed(50, 1_ns);
  EXPECT_EQ(load.pipe.stats().highest_queue_packets, 4u);
}

TEST(RandomDrop, DropsByChanceInTheLastPlacesOnly) {
  Load little{{.kind = Discipline::random_drop, .packets = 20, .random_places = 3}};
  little.feed(17, 1_ns);  // one is being sent, sixteen wait: the last three places stay empty
  EXPECT_EQ(little.early(), 0u);
  Load much{{.kind = Discipline::random_drop, .packets = 20, .random_places = 3}};
  much.feed(20'000, 950_us);  // 5 % too much
  EXPECT_GT(much.early(), 500u);
  EXPECT_GT(much.full(), 0u);
  EXPECT_NEAR(static_cast<double>(much.early() + much.full()), 1000, 30);
}

TEST(Red, LeavesShortQueuesAloneAndKeepsTheAverageBetweenItsThresholds) {
  const QueueSpec spec{.kind = Discipline::red, .packets = 100};
  Load idle{spec};
  idle.feed(10'000, 1_ms);
  EXPECT_EQ(idle.early(), 0u);
  Load busy{spec};
  busy.feed(100'000, 985_us);  // 1.5 % too much: less than the 2 % that are dropped at the upper threshold
  EXPECT_GT(busy.early(), 1000u);
  EXPECT_EQ(busy.full(), 0u);
  const double mean = static_cast<double>(busy.pipe.stats().waited.ns) / static_cast<double>((busy.now - kStart).ns);
  EXPECT_GT(mean, 5);
  EXPECT_LT(mean, 20);
}

TEST(Red, MarksInsteadOfDroppingWhereItMay) {
  const QueueSpec spec{.kind = Discipline::red, .packets = 400, .red = {.ecn = true}};
  Load able{spec, {}, true}, unable{spec, {}, false};
  for (Load* load : {&able, &unable}) { load->feed(5'000, 997_us); }
  EXPECT_GT(able.pipe.stats().marked, 10u);
  EXPECT_EQ(able.early(), 0u);
  EXPECT_EQ(unable.pipe.stats().marked, 0u);
  EXPECT_GT(unable.early(), 5u);
}

TEST(Codel, DropsNothingWhileTheQueueEmptiesInTime) {
  Load load{{.kind = Discipline::codel}, 1_MiB};
  for (int burst = 0; burst < 50; ++burst) {  // 40 ms of packets at once, then time to send them
    load.feed(40, 1_ns);
    load.now = load.now + 60_ms;
  }
  EXPECT_EQ(load.early(), 0u);
}

TEST(Codel, DropsEverMoreOftenAsLongAsPacketsWaitTooLong) {
  Load load{{.kind = Discipline::codel}, 100_MiB};
  load.feed(2'000, 900_us);
  const std::uint64_t first = load.early();
  load.feed(2'000, 900_us);
  const std::uint64_t second = load.early() - first;
  EXPECT_GT(first, 10u);
  EXPECT_GT(second, first + 10);
}

TEST(Codel, KeepsTheDelayOfAFlowThatListensNearItsTarget) {
  // Somebody who halves his rate at each drop and then speeds up slowly, as a TCP sender would.
  Load load{{.kind = Discipline::codel}, 100_MiB};
  std::uint64_t heard = 0;
  std::int64_t gap = 900'000;
  for (int i = 0; i < 60'000; ++i) {
    load.feed(1, Duration{gap});
    gap -= gap > 500'000 ? 200 : 0;
    if (load.early() > heard && i % 20 == 0) {
      heard = load.early();
      gap = gap * 3 / 2;
    }
  }
  const double mean = milliseconds(load.pipe.stats().waited) / static_cast<double>(load.pipe.stats().delivered_packets);
  EXPECT_LT(mean, 50);
}

TEST(Codel, MarksInsteadOfDroppingWhereItMay) {
  const QueueSpec spec{.kind = Discipline::codel, .codel = {.ecn = true}};
  Load able{spec, 100_MiB, true};
  able.feed(4'000, 900_us);
  EXPECT_GT(able.pipe.stats().marked, 10u);
  EXPECT_EQ(able.early(), 0u);
}
}  // namespace
}  // namespace anabranch::sim
