#include "mptcp/path_event.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {

PathEvent event(PathChange what, std::uint32_t subflow = 0) { return {.what = what, .subflow = {subflow}}; }

TEST(PathLog, GivesBackWhatItWasToldInOrder) {
  PathLog log;
  EXPECT_FALSE(log.poll());
  log.add(event(PathChange::opened, 1));
  log.add(event(PathChange::closed, 1));
  EXPECT_EQ(log.poll()->what, PathChange::opened);
  EXPECT_EQ(log.poll()->what, PathChange::closed);
  EXPECT_FALSE(log.poll());
}

TEST(PathLog, ForgetsTheOldestAndSaysHowMany) {
  PathLog log;
  for (std::uint32_t i = 0; i < PathLog::kMost + 3; ++i) { log.add(event(PathChange::opened, i)); }
  const auto first = log.poll();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->subflow.raw, 3u);
  EXPECT_EQ(first->missed, 3u);
  EXPECT_EQ(log.poll()->missed, 0u);
}

TEST(PathLog, KeepsOneRateASubflowTheLatest) {
  PathLog log;
  log.add(event(PathChange::opened, 1));
  for (std::int64_t i = 0; i < 1000; ++i) {
    PathEvent e = event(PathChange::rates, static_cast<std::uint32_t>(i % 2));
    e.at = Instant{i};
    log.add(e);
  }
  EXPECT_EQ(log.poll()->what, PathChange::opened);
  EXPECT_EQ(log.poll()->at, Instant{998});
  EXPECT_EQ(log.poll()->at, Instant{999});
  EXPECT_TRUE(log.empty());
}

TEST(PathMeter, SaysWhatASubflowHasMovedSinceItWasLastLookedAt) {
  PathMeter meter;
  const Instant start{5'000'000'000};
  meter.begin({1}, start);
  SubflowInfo info{.id = {1}, .interface = {2}, .state = "active", .ended_by = {}};
  info.bytes_sent = 1'000'000;
  info.bytes_received = 500;
  const PathEvent first = meter.measure(info, start + 100_ms);
  EXPECT_EQ(first.sent, 80_Mbps);
  EXPECT_EQ(first.received.bytes_per_second, 5'000u);
  EXPECT_EQ(first.interface, InterfaceId{2});
  info.bytes_sent += 1250;
  const PathEvent second = meter.measure(info, start + 1100_ms);
  EXPECT_EQ(second.sent.bytes_per_second, 1'250u);
  EXPECT_EQ(second.received, Rate{});
}

TEST(PathMeter, TheFirstLookAtAStrangerMeasuresNothing) {
  PathMeter meter;
  SubflowInfo info{.id = {1}, .interface = {2}, .state = "active", .bytes_sent = 77, .ended_by = {}};
  EXPECT_EQ(meter.measure(info, Instant{1000}).sent, Rate{});
}
}  // namespace
}  // namespace anabranch::mptcp
