// Arbitrary segments from a stranger and from a mad peer: never a broken invariant, never a flood of answers.
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;

std::uint32_t near(Generator& random, std::uint32_t centre) {
  switch (random.below(5)) {
    case 0: return static_cast<std::uint32_t>(random.next());
    case 1: return centre + static_cast<std::uint32_t>(random.below(70'000));
    case 2: return centre - static_cast<std::uint32_t>(random.below(70'000));
    default: return centre + static_cast<std::uint32_t>(random.below(5)) - 2;
  }
}

/// Mostly plausible: numbers near those expected, flags mostly ACK.
Segment arbitrary(Generator& random, Solo& maker, const Endpoint& endpoint) {
  const auto isn = endpoint.negotiated();
  const std::size_t payload = random.chance(0.5) ? random.below(3000) : 0;
  Segment s = maker.segment(0, 0, payload, static_cast<std::uint16_t>(random.chance(0.2) ? 0 : random.below(65536)));
  s.seq.raw = near(random, wrap(endpoint.received(), isn.peer_isn).raw);
  s.ack.raw = near(random, wrap(random.chance(0.5) ? endpoint.acknowledged() : endpoint.sent_up_to(), isn.our_isn).raw);
  s.flags = {
      .fin = random.chance(0.03), .syn = random.chance(0.03), .rst = random.chance(0.02), .ack = !random.chance(0.05)};
  if (isn.timestamps && !random.chance(0.05)) {
    s.tcp.timestamps = {.value = near(random, 1000), .echo = static_cast<std::uint32_t>(random.next())};
  }
  for (std::uint64_t i = random.below(5); i > 0; --i) {
    s.tcp.sack.push_back({{near(random, s.ack.raw)}, {near(random, s.ack.raw)}});
  }
  return s;
}

TEST(Nonsense, NeverBreaksAnEndpoint) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Generator random{seed};
    Config config = seed % 2 ? Config{} : Solo::plain();
    config.sack = seed % 3 != 0;
    config.super_segment = seed % 5 == 0 ? 60'000 : 0;
    Solo solo = Solo::open(config);
    for (int step = 0; step < 150 && !solo.endpoint->dead(); ++step) {
      if (random.chance(0.3)) { solo.source.write_pattern(random.below(20'000), seed); }
      if (random.chance(0.01)) { solo.endpoint->finish(); }
      if (random.chance(0.02)) {
        solo.endpoint->on_packet_too_big(static_cast<std::uint32_t>(random.below(1500)), {near(random, Solo::kOurs)},
                                         solo.now);
      }
      const Segment s = arbitrary(random, solo, *solo.endpoint);
      if (s.flags.rst && random.chance(0.7)) { continue; }
      solo.give(s);
      EXPECT_LE(solo.take().size(), 300u);
      solo.wait(Duration{static_cast<std::int64_t>(random.below(random.chance(0.1) ? 3'000'000'000 : 20'000'000))});
      ASSERT_TRUE(solo.endpoint->is_consistent()) << seed << " " << step;
    }
  }
}

TEST(Nonsense, TwoEndpointsDoNotTalkForEverWithoutNews) {
  Pair pair;
  pair.connect();
  pair.run_for(1_s);
  const auto before = pair.client().left.size() + pair.server().left.size();
  Segment stray;
  stray.seq = {123'456'789};
  stray.ack = {987'654'321};
  stray.flags.ack = true;
  stray.tcp.timestamps = {.value = 5, .echo = 6};
  pair.inject(stray, true);
  pair.run_for(60_s);
  EXPECT_LE(pair.client().left.size() + pair.server().left.size(), before + 3);
}

TEST(Nonsense, AStrangerCannotDisturbATransferHeDoesNotSee) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Pair pair{{.seed = seed}};
    Generator random{seed};
    pair.client().source.write_pattern(500'000, 1);
    pair.connect();
    pair.client()->finish();
    pair.run_for(25_ms);  // in SYN-SENT any SYN opens (RFC 9293 §3.10.7.3): only an established connection is safe
    while (!pair.closed_and_equal()) {
      ASSERT_LT(pair.now(), Instant{} + 200_s);
      pair.run_for(2_ms);
      Segment s;
      s.seq.raw = static_cast<std::uint32_t>(random.next()) | 0x40000000u;
      s.ack.raw = static_cast<std::uint32_t>(random.next()) | 0x40000000u;
      s.flags = {
          .fin = random.chance(0.1), .syn = random.chance(0.3), .rst = random.chance(0.3), .ack = random.chance(0.8)};
      s.tcp.timestamps = {.value = static_cast<std::uint32_t>(random.next()), .echo = 1};
      const bool forth = random.chance(0.5);
      if ((forth ? pair.server() : pair.client()).endpoint) { pair.inject(s, forth); }
    }
  }
}
}  // namespace
}  // namespace anabranch::tcp
