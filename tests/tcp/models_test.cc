// Controllers that model the path, on a path: what they make of its rate, and how short they keep its queue.
#include "support/pair.hh"

#include <algorithm>
#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;

constexpr Rate kRate = 20_Mbps;
constexpr Bytes kProduct{100'000};  // 20 Mb/s for 40 ms

struct Outcome {
  double utilisation = 0;  ///< of what the rate carries in payload
  double waiting = 0;      ///< average of the smoothed round-trip time beyond 40 ms, in ms
};
/// Sends for `span` over 20 Mb/s and 40 ms; the first two seconds are not looked at.
Outcome run(const char* controller, unsigned loss_permille, Bytes queue, Duration span = 20_s) {
  Pair::Options options{.client_buffer = {8u << 20}, .server_buffer = {8u << 20}, .seed = 3};
  options.client.congestion = controller;
  options.forth = {.delay = 20_ms, .rate = kRate, .queue = queue, .loss_permille = loss_permille};
  options.back = {.delay = 20_ms};
  Pair pair{options};
  pair.client().source.write_pattern(
      kRate.bytes_per_second * static_cast<std::size_t>(span.ns / 1'000'000'000) * 11 / 10, 1);
  pair.connect();
  const Instant start = pair.now(), looks = start + 2_s;
  std::size_t before = 0;
  double waited = 0;
  std::uint64_t samples = 0;
  Instant sampled = looks;
  pair.run_until(
      [&] {
        if (pair.now() < looks) {
          before = pair.server().sink.got().size();
        } else if (pair.now() >= sampled) {
          sampled = pair.now() + 5_ms;
          waited += milliseconds(pair.client()->info().srtt - 40_ms);
          ++samples;
        }
        return pair.now() >= start + span;
      },
      span);
  const double possible = static_cast<double>(kRate.bytes_per_second) * 1448 / 1500 * seconds(span - 2_s);
  return {static_cast<double>(pair.server().sink.got().size() - before) / possible,
          waited / static_cast<double>(std::max<std::uint64_t>(samples, 1))};
}

TEST(Models, BbrFillsAPathThatLosesOneInTwoHundredWhereRenoDoesNot) {
  const Outcome bbr = run("bbr", 5, kProduct * 4);
  const Outcome reno = run("new_reno", 5, kProduct * 4);
  // Each round with a loss reduces the flight by what was lost, until the next probe (§4.5.6.3); probe_rtt takes 2 %.
  EXPECT_GE(bbr.utilisation, 0.85);
  EXPECT_LE(reno.utilisation, 0.4);
}

TEST(Models, BbrFillsAPathAndKeepsADeepQueueShort) {
  const Outcome bbr = run("bbr", 0, kProduct * 8);
  const Outcome cubic = run("cubic", 0, kProduct * 8);
  EXPECT_GE(bbr.utilisation, 0.93);
  EXPECT_LE(bbr.waiting, 12);
  EXPECT_GE(cubic.waiting, 2 * bbr.waiting);
}

TEST(Models, BbrLivesWithAShallowQueue) {
  const Outcome bbr = run("bbr", 0, kProduct / 8);
  EXPECT_GE(bbr.utilisation, 0.85);
}

TEST(Models, WVegasFillsAPathWithTenPacketsWaiting) {
  const Outcome vegas = run("wvegas", 0, kProduct * 8);
  EXPECT_GE(vegas.utilisation, 0.9);
  EXPECT_LE(vegas.waiting, 9);  // ten packets take 6 ms
}

TEST(Models, ATransferEndsWellWithEach) {
  for (const char* controller : {"bbr", "wvegas"}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Pair::Options options{.seed = seed};
      options.client.congestion = options.server.congestion = controller;
      options.client.sack = options.server.sack = seed % 3 != 0;
      options.client.timestamps = seed % 4 != 0;
      options.client.super_segment = seed % 2 ? 65'000 : 0;
      options.forth = {.rate = 100_Mbps, .loss_permille = 15, .duplicate_permille = 5, .reorder_permille = 10};
      options.back = options.forth;
      Pair pair{options};
      pair.client().source.write_pattern(1'000'000, 7);
      pair.server().source.write_pattern(400'000, 8);
      pair.connect();
      pair.client()->finish();
      ASSERT_TRUE(pair.run_until([&] { return pair.closed_and_equal(); }, 120_s)) << controller << pair.report();
    }
  }
}
}  // namespace
}  // namespace anabranch::tcp
