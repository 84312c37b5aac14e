#include "sim/link.hh"

#include "packet/assemble.hh"
#include "packet/dissect.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

struct Arrival {
  Instant at;
  unsigned number;
  bool operator==(const Arrival&) const = default;
};

/// A pipe with someone who feeds it numbered packets and someone who notes what arrives.
struct Line {
  explicit Line(const LinkSpec& spec, std::uint64_t seed = 1) : pipe{spec, Generator{seed}, pool} {}

  Frame packet(unsigned number, std::size_t size = 1000) {
    std::vector<std::uint8_t> bytes(size);
    bytes[0] = static_cast<std::uint8_t>(number >> 8);
    bytes[1] = static_cast<std::uint8_t>(number);
    SlabRef slab = pool.get();
    std::copy(bytes.begin(), bytes.end(), slab->data());
    slab->used = static_cast<std::uint32_t>(size);
    return Frame{Chain{Slice{slab, {slab->data(), size}}}, InterfaceId{7}, 0, ChecksumState::complete};
  }
  void send(unsigned count, std::size_t size, Instant now) {
    for (unsigned i = 0; i < count; ++i) { pipe.offer(packet(sent++, size), now); }
  }
  void run(Instant until = Instant::never()) {
    while (pipe.next() <= until && !pipe.next().is_never()) {
      const Instant now = pipe.next();
      std::vector<Frame> out;
      pipe.take_due(now, out);
      for (const Frame& frame : out) {
        const auto bytes = frame.bytes.slices().front().bytes();
        arrivals.push_back({now, static_cast<unsigned>(bytes[0] << 8 | bytes[1])});
      }
    }
  }
  bool in_order() const { return std::ranges::is_sorted(arrivals, {}, &Arrival::number); }

  SlabPool pool;
  Pipe pipe;
  unsigned sent = 0;
  std::vector<Arrival> arrivals;
};

constexpr Instant kStart{1'000'000'000};
Instant after(Duration d) { return kStart + d; }

TEST(Pipe, ALinkWithoutRateOrDelayPassesEverythingAtOnceAndInOrder) {
  Line line{{}};
  line.send(50, 1500, kStart);
  line.run();
  ASSERT_EQ(line.arrivals.size(), 50u);
  EXPECT_TRUE(line.in_order());
  EXPECT_EQ(line.arrivals.back().at, kStart);
}

TEST(Pipe, APacketArrivesAfterItsTransmissionAndTheDelay) {
  // 986 bytes and 14 of overhead at 8 Mb/s: one millisecond.
  Line line{{.rate = 8_Mbps, .delay = 20_ms}};
  line.send(2, 986, kStart);
  line.run();
  EXPECT_EQ(line.arrivals, (std::vector<Arrival>{{after(21_ms), 0}, {after(22_ms), 1}}));
}

TEST(Pipe, TheRateIsExactOverAThousandPackets) {
  Line line{{.rate = 10_Mbps, .queue = 10_MiB}};
  line.send(1000, 1486, kStart);
  line.run();
  EXPECT_EQ(line.arrivals.back().at, kStart + time_for({1500 * 1000}, 10_Mbps));
}

TEST(Pipe, LateCallsDoNotSlowTheTransmitter) {
  Line line{{.rate = 8_Mbps, .queue = 1_MiB}};
  line.send(100, 986, kStart);
  std::vector<Frame> out;
  EXPECT_EQ(line.pipe.take_due(after(50_ms), out), 50u);
  EXPECT_EQ(line.pipe.take_due(after(100_ms), out), 50u);
}

TEST(Pipe, OverheadCountsForEachPacket) {
  Line line{{.rate = 8_Mbps, .overhead = 0}};
  line.send(1, 1000, kStart);
  line.run();
  EXPECT_EQ(line.arrivals.front().at, after(1_ms));
}

TEST(Pipe, AFullQueueDropsWhatComesLast) {
  Line line{{.rate = 8_Mbps, .queue = Bytes{3000}}};
  line.send(10, 1000, kStart);  // one is being sent, three wait
  line.run();
  ASSERT_EQ(line.arrivals.size(), 4u);
  EXPECT_EQ(line.arrivals.back().number, 3u);
  EXPECT_EQ(line.pipe.stats().dropped[LinkDrop::queue_full], 6u);
  EXPECT_EQ(line.pipe.stats().highest_queue, 3000u);
  EXPECT_EQ(line.pipe.queued(), Bytes{});
}

TEST(Pipe, TheDefaultQueueHoldsATenthOfASecond) {
  EXPECT_EQ(default_queue(100_Mbps), Bytes{1'250'000});
  EXPECT_EQ(default_queue(1_Mbps), 64_KiB);
}

TEST(Pipe, JitterDelaysButKeepsOrderUnlessAskedOtherwise) {
  for (const bool reorders : {false, true}) {
    Line line{{.rate = 100_Mbps, .delay = 10_ms, .queue = 1_MiB, .jitter = 5_ms, .jitter_reorders = reorders}};
    line.send(300, 1000, kStart);
    line.run();
    ASSERT_EQ(line.arrivals.size(), 300u);
    EXPECT_EQ(line.in_order(), !reorders);
    EXPECT_GE(line.arrivals.front().at, after(10_ms));
    EXPECT_LE(line.arrivals.back().at, kStart + time_for({1014 * 300}, 100_Mbps) + 15_ms);
  }
}

TEST(Pipe, APacketHeldBackIsOvertaken) {
  Line line{{.rate = 100_Mbps, .queue = 1_MiB, .reorder = 0.1, .reorder_by = 1_ms}};
  line.send(500, 1000, kStart);
  line.run();
  ASSERT_EQ(line.arrivals.size(), 500u);
  EXPECT_FALSE(line.in_order());
  EXPECT_NEAR(static_cast<double>(line.pipe.stats().reordered), 50, 20);
}

TEST(Pipe, ADuplicateFollowsItsOriginal) {
  Line line{{.duplicate = 0.2}};
  line.send(1000, 100, kStart);
  line.run();
  const auto duplicated = line.pipe.stats().duplicated;
  EXPECT_NEAR(static_cast<double>(duplicated), 200, 50);
  EXPECT_EQ(line.arrivals.size(), 1000 + duplicated);
  EXPECT_EQ(line.pipe.stats().delivered_packets, 1000 + duplicated);
  EXPECT_TRUE(line.in_order());
}

TEST(Pipe, LossesAreAsManyAsAskedFor) {
  Line line{{.loss = 0.03}};
  line.send(10000, 100, kStart);
  line.run();
  EXPECT_NEAR(static_cast<double>(line.pipe.stats().dropped[LinkDrop::lost]), 300, 60);
  EXPECT_EQ(line.arrivals.size() + line.pipe.stats().dropped.total(), 10000u);
}

TEST(Pipe, BurstLossesComeInBurstsOfTheirMeanLength) {
  Line line{{.burst = {.enter = 0.01, .leave = 0.25}}};
  line.send(20000, 100, kStart);
  line.run();
  unsigned bursts = 0, lost = 0, expected = 0;
  for (const Arrival& arrival : line.arrivals) {
    bursts += arrival.number != expected;
    lost += arrival.number - expected;
    expected = arrival.number + 1;
  }
  EXPECT_NEAR(bursts, 190, 60);
  EXPECT_NEAR(static_cast<double>(lost) / bursts, 4, 0.8);
}

TEST(Pipe, ACutLinkDropsWhatWaitsAndKeepsWhatFliesUnlessTold) {
  for (const bool all : {false, true}) {
    Line line{{.rate = 8_Mbps, .delay = 10_ms, .queue = 1_MiB}};
    line.send(8, 986, kStart);  // sent at 1, 2, 3 ... ms
    line.pipe.cut(after(3500_us), all);
    line.send(3, 986, after(4_ms));
    line.run();
    EXPECT_EQ(line.arrivals.size(), all ? 0u : 4u);
    EXPECT_EQ(line.pipe.stats().dropped[LinkDrop::link_cut], all ? 11u : 7u);
    line.pipe.heal(after(1_s));
    line.send(1, 986, after(1_s));
    line.run();
    EXPECT_EQ(line.arrivals.back(), (Arrival{after(1_s) + 11_ms, 11}));
  }
}

TEST(Pipe, ANewRateHoldsForWhatWaits) {
  Line line{{.rate = 8_Mbps, .queue = 1_MiB}};
  line.send(3, 986, kStart);
  line.pipe.set({.rate = 16_Mbps, .queue = 1_MiB}, after(500_us));
  line.run();
  EXPECT_EQ(line.arrivals, (std::vector<Arrival>{{after(1_ms), 0}, {after(1500_us), 1}, {after(2_ms), 2}}));
}

TEST(Pipe, AShorterDelayDoesNotReorder) {
  Line line{{.delay = 50_ms}};
  line.send(1, 100, kStart);
  line.pipe.set({.delay = 1_ms}, after(1_ms));
  line.send(1, 100, after(2_ms));
  line.run();
  EXPECT_EQ(line.arrivals, (std::vector<Arrival>{{after(50_ms), 0}, {after(50_ms), 1}}));
}

TEST(Pipe, APacketAboveTheMtuVanishes) {
  Line line{{.mtu = 1280}};
  line.send(1, 1281, kStart);
  line.send(1, 1280, kStart);
  line.run();
  EXPECT_EQ(line.arrivals.size(), 1u);
  EXPECT_EQ(line.pipe.stats().dropped[LinkDrop::too_big], 1u);
}

TEST(Pipe, TheSameSeedGivesTheSameFaults) {
  const LinkSpec spec{.rate = 20_Mbps,
                      .delay = 5_ms,
                      .queue = 1_MiB,
                      .loss = 0.05,
                      .burst = {.enter = 0.01, .leave = 0.5},
                      .jitter = 3_ms,
                      .jitter_reorders = true,
                      .reorder = 0.05,
                      .duplicate = 0.05};
  Line one{spec, 7}, same{spec, 7}, other{spec, 8};
  for (Line* line : {&one, &same, &other}) {
    line->send(500, 500, kStart);
    line->run();
  }
  EXPECT_EQ(one.arrivals, same.arrivals);
  EXPECT_NE(one.arrivals, other.arrivals);
}

/// A TCP packet with `payload` bytes to be cut at 1000, with a pending checksum.
Frame super_segment(SlabPool& pool, HeaderArena& arena, std::size_t payload) {
  Segment segment;
  segment.flags.ack = true;
  segment.cut = 1000;
  segment.payload = Packer{pool}.copy(std::vector<std::uint8_t>(payload, 0x5a));
  const Addresses addresses{{Address::v4(10, 1, 0, 1), 1000}, {Address::v4(10, 1, 0, 2), 2000}};
  return assemble(addresses, segment, {.checksum = ChecksumState::pending, .interface = InterfaceId{1}}, arena);
}

TEST(Pipe, ASuperSegmentIsCutIntoPacketsOnEntry) {
  Line line{{.rate = 8_Mbps, .queue = Bytes{2 * 1040}, .overhead = 0}};
  HeaderArena arena{line.pool};
  line.pipe.offer(super_segment(line.pool, arena, 4500), kStart);
  std::vector<Frame> out;
  line.pipe.take_due(after(1_s), out);
  ASSERT_EQ(out.size(), 3u);  // the fourth and the fifth found no room
  EXPECT_EQ(line.pipe.stats().dropped[LinkDrop::queue_full], 2u);
  for (const Frame& frame : out) {
    EXPECT_EQ(frame.cut, 0u);
    EXPECT_EQ(frame.bytes.size(), Bytes{1040});
    EXPECT_TRUE(dissect(frame).has_value());
  }
}

TEST(Pipe, ALinkThatKeepsSuperSegmentsStillTakesTheTimeOfTheirPackets) {
  Line line{{.rate = 8_Mbps, .overhead = 0, .keep_super_segments = true}};
  HeaderArena arena{line.pool};
  line.pipe.offer(super_segment(line.pool, arena, 4500), kStart);
  EXPECT_EQ(line.pipe.next(), kStart + time_for({4500 + 5 * 40}, 8_Mbps));
  std::vector<Frame> out;
  line.pipe.take_due(line.pipe.next(), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out.front().cut, 1000u);
}

TEST(EventQueue, EqualInstantsComeOutInTheOrderTheyWentIn) {
  EventQueue<int> queue;
  for (const int i : {5, 6, 7}) { queue.push(after(2_ms), i); }
  queue.push(after(1_ms), 1);
  std::vector<int> out;
  while (const auto value = queue.pop_due(after(2_ms))) { out.push_back(*value); }
  EXPECT_EQ(out, (std::vector<int>{1, 5, 6, 7}));
  EXPECT_TRUE(queue.next().is_never());
}

/// Frames with TCP packets, which may be marked; how many arrive marked of `count`.
std::size_t marked_of(const LinkSpec& spec, std::size_t count, wire::Ecn ecn) {
  SlabPool pool;
  Pipe pipe{spec, Generator{5}, pool};
  HeaderArena arena{pool};
  Packer packer{pool};
  const Addresses addresses{{Address::v4(10, 0, 0, 1), 1}, {Address::v4(10, 0, 0, 2), 2}};
  Segment segment;
  segment.flags.ack = true;
  segment.payload = packer.copy(std::vector<std::uint8_t>(1000));
  segment.ecn = ecn;
  for (std::size_t i = 0; i < count; ++i) { pipe.offer(assemble(addresses, segment, {}, arena), kStart); }
  std::vector<Frame> out;
  while (!pipe.next().is_never()) { pipe.take_due(pipe.next(), out); }
  EXPECT_EQ(out.size(), count);
  const auto is_marked = [](const Frame& f) {
    const auto d = dissect(f);
    return d && std::get<Dissected>(*d).segment.ecn == wire::Ecn::ce;
  };
  const auto marked = static_cast<std::size_t>(std::ranges::count_if(out, is_marked));
  EXPECT_EQ(pipe.stats().marked, marked);
  return marked;
}

TEST(Marks, FollowTheirProbability) {
  EXPECT_NEAR(static_cast<double>(marked_of({.mark = 0.1}, 5000, wire::Ecn::ect0)), 500, 100);
  EXPECT_EQ(marked_of({.mark = 0.1}, 5000, wire::Ecn::not_ect), 0u);
}

TEST(Marks, MeetEveryPacketBehindALongQueue) {
  const LinkSpec spec{.rate = 8_Mbps, .queue = 10_MiB, .mark_above = Bytes{10'400}};
  // One is being sent, ten wait: whoever comes behind them is marked.
  EXPECT_EQ(marked_of(spec, 100, wire::Ecn::ect0), 100u - 12);
  EXPECT_EQ(marked_of(spec, 12, wire::Ecn::ect0), 0u);
}
}  // namespace
}  // namespace anabranch::sim
