// wVegas: its numbers by hand, and what its windows come to on paths with a queue.
#include "cc/wvegas.hh"

#include "cc/loss_based.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

namespace anabranch::cc {
namespace {
constexpr Bytes kSegment{1000};
using Vegas = LossBased<WVegas>;

Flow flow(double segments, Duration rtt, double rate = 0) {
  return {.window = {static_cast<std::uint64_t>(segments * 1000)},
          .in_flight = {static_cast<std::uint64_t>(segments * 1000)},
          .srtt = rtt,
          .segment = kSegment,
          .between_losses = {},
          .rate = {static_cast<std::uint64_t>(rate)}};
}
void round(WVegas& rule, unsigned segments, Duration rtt) {
  for (unsigned i = 0; i < segments; ++i) {
    const Acked acked{.now = {}, .bytes = kSegment, .in_flight = kSegment * segments, .rtt = rtt, .srtt = rtt};
    rule.observe(acked, {});
  }
}
WVegas after_rounds(unsigned segments, Duration base, Duration rtt) {
  WVegas rule;
  for (const Duration d : {base, rtt, rtt}) { round(rule, segments, d); }
  return rule;
}

TEST(WVegas, WhatIsQueuedComesFromTheRoundsAverage) {  // draft-xu-05 §2
  EXPECT_NEAR(after_rounds(20, 50_ms, 60_ms).backlog(20), 20.0 / 6, 1e-6);
  EXPECT_NEAR(after_rounds(10, 100_ms, 110_ms).backlog(10), 10.0 / 11, 1e-6);
  EXPECT_EQ(after_rounds(20, 50_ms, 50_ms).backlog(20), 0);
  EXPECT_EQ(after_rounds(20, 50_ms, 60_ms).base_rtt(), 50_ms);
}

TEST(WVegas, TheTotalIsSharedByRates) {
  WVegas rule = after_rounds(20, 50_ms, 60_ms);
  const std::vector<Flow> flows = {flow(20, 60_ms, 0), flow(10, 110_ms, 90'909)};
  const Acked acked{.now = {}, .bytes = kSegment, .in_flight = 20'000_B, .rtt = 60_ms, .srtt = 60_ms};
  EXPECT_EQ(rule.growth(acked, flows[0], flows), 1000);  // 3.3 queued of its share of 7.86
  EXPECT_NEAR(rule.alpha(), 7.857, 0.001);
  EXPECT_NEAR(static_cast<double>(rule.rate().bytes_per_second), 333'333, 1);
  EXPECT_EQ(rule.growth(acked, flows[0], flows), 0);  // once a round
}

TEST(WVegas, NobodyKeepsLessThanTwo) {
  WVegas rule = after_rounds(40, 100_ms, 110_ms);
  const std::vector<Flow> flows = {flow(40, 110_ms), flow(1000, 10_ms, 100e6)};
  const Acked acked{.now = {}, .bytes = kSegment, .in_flight = 40'000_B, .rtt = 110_ms, .srtt = 110_ms};
  EXPECT_EQ(rule.growth(acked, flows[0], flows), -1000);  // 3.6 queued
  EXPECT_EQ(rule.alpha(), WVegas::kLeastAlpha);
}

TEST(WVegas, WhenTheDelayDoublesTheQueueIsDrained) {
  WVegas rule = after_rounds(20, 50_ms, 60_ms);
  const Flow self = flow(20, 60_ms);
  const std::vector<Flow> flows = {self, flow(20, 60_ms, 1e9)};
  const Acked acked{.now = {}, .bytes = kSegment, .in_flight = 20'000_B, .rtt = 60_ms, .srtt = 60_ms};
  EXPECT_EQ(rule.growth(acked, self, flows), -1000);  // the smallest delay is 10 ms now
  round(rule, 20, 75_ms);
  const double change = rule.growth(acked, self, flows);
  EXPECT_NEAR(20 + change / 1000, 19 * 0.5 * 50 / 75, 0.2);
}

/// A bottleneck that several flows share: what does not fit into the path waits.
struct Queue {
  double rate;  ///< segments a second
  Duration base;
  Duration rtt(double in_flight) const {
    const double extra = std::max(0.0, in_flight - rate * seconds(base)) / rate;
    return base + Duration{static_cast<std::int64_t>(extra * 1e9)};
  }
};
/// Rounds of flows, each on its own queue; returns the windows in segments.
std::vector<double> settle(std::vector<Vegas>& flows, const std::vector<Queue>& queues, int rounds) {
  for (int r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const Bytes window = flows[i].window();
      const Duration rtt = queues[i].rtt(static_cast<double>(window.n) / 1000);
      std::vector<Flow> view;
      for (std::size_t k = 0; k < flows.size(); ++k) {
        view.push_back({flows[k].window(), {}, rtt, kSegment, {}, {}, flows[k].rate()});
      }
      for (std::uint64_t n = 0; n < window.n / 1000; ++n) {
        flows[i].on_acked({.now = {}, .bytes = kSegment, .in_flight = window, .rtt = rtt, .srtt = rtt}, view);
      }
    }
  }
  std::vector<double> out;
  for (const Vegas& flow : flows) { out.push_back(static_cast<double>(flow.window().n) / 1000); }
  return out;
}
std::vector<Vegas> make(std::size_t n) { return std::vector<Vegas>(n, Vegas{kSegment, {}, {.hystart = false}}); }

TEST(WVegas, AloneItKeepsTenSegmentsQueued) {
  auto flows = make(1);
  const Queue queue{1000, 50_ms};  // the path holds 50
  const auto windows = settle(flows, {queue}, 400);
  EXPECT_NEAR(windows[0], 60, 2);
  EXPECT_FALSE(flows[0].in_slow_start());
}

TEST(WVegas, SlowStartEndsWithTheFirstSignOfAQueue) {
  auto flows = make(1);
  const Queue queue{1000, 50_ms};
  double largest = 0;
  for (int i = 0; i < 20; ++i) { largest = std::max(largest, settle(flows, {queue}, 1)[0]); }
  EXPECT_LT(largest, 110);
  EXPECT_FALSE(flows[0].in_slow_start());
}

TEST(WVegas, TwoPathsShareTheTenByTheirRates) {
  auto flows = make(2);
  const std::vector<Queue> queues = {{3000, 20_ms}, {1000, 60_ms}};  // both hold 60
  const auto windows = settle(flows, queues, 600);
  EXPECT_NEAR(windows[0] + windows[1], 130, 4);
  EXPECT_NEAR(windows[0], 67.5, 2.5);
  EXPECT_NEAR(windows[1], 62.5, 2.5);
}

TEST(WVegas, ALossHalvesAndForgetsAllButTheEmptyPath) {
  Vegas vegas{kSegment, {}, {.hystart = false}};
  std::vector<Vegas> flows{vegas};
  settle(flows, {{1000, 50_ms}}, 100);
  const Bytes before = flows[0].window();
  flows[0].on_lost({.now = {}, .bytes = kSegment, .in_flight = before}, {});
  EXPECT_EQ(flows[0].window(), before / 2);
  EXPECT_EQ(flows[0].rule().alpha(), WVegas::kLeastAlpha);
  EXPECT_EQ(flows[0].rule().base_rtt(), 50_ms);
  EXPECT_TRUE(flows[0].needs_pacing());
}
}  // namespace
}  // namespace anabranch::cc
