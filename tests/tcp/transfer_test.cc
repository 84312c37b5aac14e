// Stories of whole connections between two endpoints: bytes arrive as written, and both sides end closed.
#include "support/pair.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using Event = Endpoint::Event;

void transfer(Pair& pair, std::size_t forth, std::size_t back) {
  pair.client().source.write_pattern(forth, 7);
  pair.server().source.write_pattern(back, 8);
  pair.connect();
  pair.client()->finish();
}
bool ends_well(Pair& pair, std::size_t forth, std::size_t back, Duration limit = 600_s) {
  transfer(pair, forth, back);
  return pair.run_until([&] { return pair.closed_and_equal(); }, limit);
}
Config with(void (*change)(Config&)) {
  Config config;
  change(config);
  return config;
}

TEST(Transfer, BytesGoBothWaysAndBothSidesClose) {
  Pair pair;
  ASSERT_TRUE(ends_well(pair, 100'000, 50'000)) << pair.report();
  EXPECT_EQ(0u, pair.client()->info().retransmits + pair.server()->info().retransmits);
  EXPECT_TRUE(pair.client().had(Event::established) && pair.server().had(Event::established));
}

TEST(Transfer, TenMegabytesSurviveLossReorderingAndDuplication) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Pair::Options options{.seed = seed};
    options.forth = {.rate = 200_Mbps, .loss_permille = 20, .duplicate_permille = 10, .reorder_permille = 20};
    options.back = options.forth;
    Pair pair{options};
    ASSERT_TRUE(ends_well(pair, 10'000'000, 200'000, 300_s)) << pair.report();
  }
}

TEST(Transfer, EverySingleLossOfTheFirstPacketsIsMended) {
  for (std::size_t number = 0; number < 40; ++number) {
    for (const bool forth : {true, false}) {
      Pair::Options options;
      (forth ? options.forth : options.back).lose = {number};
      Pair pair{options};
      ASSERT_TRUE(ends_well(pair, 60'000, 30'000)) << "packet " << number << " " << forth << "\n" << pair.report();
    }
  }
}

struct Variant {
  const char* name;
  Config client, server;
};
class Variants : public testing::TestWithParam<Variant> {};
TEST_P(Variants, LossyTransferEndsWell) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Pair::Options options{.client = GetParam().client, .server = GetParam().server, .seed = seed};
    options.forth = {.rate = 100_Mbps, .loss_permille = 15, .duplicate_permille = 5, .reorder_permille = 10};
    options.back = options.forth;
    Pair pair{options};
    pair.client().source.piece = 10'000;
    pair.server().source.piece = 7'001;
    ASSERT_TRUE(ends_well(pair, 1'000'000, 400'000)) << pair.report();
  }
}
const Config kPlain{};
const Config kNoSack = with([](Config& c) { c.sack = false; });
const Config kNoStamps = with([](Config& c) { c.timestamps = false; });
const Config kBare = with([](Config& c) { c.timestamps = c.sack = c.window_scaling = false; });
const Config kSuper = with([](Config& c) { c.super_segment = 65'000; });
const Config kSuperBare = with([](Config& c) {
  c.super_segment = 65'000;
  c.timestamps = c.sack = false;
});
const Config kReno = with([](Config& c) { c.congestion = "new_reno"; });
const Config kV6 = with([](Config& c) {
  c.ip_header = 40;
  c.mtu = 1280;
});
INSTANTIATE_TEST_SUITE_P(Transfer, Variants,
                         testing::Values(Variant{"plain", kPlain, kPlain}, Variant{"no_sack", kNoSack, kPlain},
                                         Variant{"no_stamps", kPlain, kNoStamps}, Variant{"bare", kBare, kPlain},
                                         Variant{"super", kSuper, kSuper}, Variant{"super_bare", kSuperBare, kSuper},
                                         Variant{"reno", kReno, kReno}, Variant{"v6", kV6, kV6}),
                         [](const auto& i) { return i.param.name; });

struct Link {
  const char* name;
  Rate rate;
  Duration delay;
  Bytes queue;
  std::size_t bytes;
};
/// Queues of one bandwidth-delay product.
const Link kLinks[] = {{"40 Mb/s", 40_Mbps, 10_ms, {100'000}, 20'000'000},
                       {"400 Mb/s", 400_Mbps, 5_ms, {500'000}, 60'000'000}};

TEST(Transfer, GoodputIsNearTheLinkRateAndLittleIsSentTwice) {
  for (const Link& link : kLinks) {
    for (const char* controller : {"cubic", "new_reno"}) {
      for (const std::uint32_t super : {0u, 65'000u}) {
        Pair::Options options{.client_buffer = {8u << 20}, .server_buffer = {8u << 20}};
        options.client.congestion = controller;
        options.client.super_segment = super;
        options.forth = {.delay = link.delay, .rate = link.rate, .queue = link.queue};
        options.back = {.delay = link.delay, .rate = link.rate};
        Pair pair{options};
        transfer(pair, link.bytes, 0);
        const Instant start = pair.now();
        ASSERT_TRUE(pair.run_until([&] { return pair.server().sink.finished(); })) << pair.report();
        const double possible = static_cast<double>(link.rate.bytes_per_second) * 1448 / 1500;
        const double rate = static_cast<double>(link.bytes) / seconds(pair.now() - start);
        EXPECT_GT(rate, 0.9 * possible) << link.name << controller << super << pair.report();
        const std::uint64_t packets = link.bytes / 1448;
        EXPECT_LT(pair.client()->info().retransmits, packets / 33) << link.name << controller << super << pair.report();
        EXPECT_FALSE(pair.client().had(Event::stalled)) << pair.report();
      }
    }
  }
}
}  // namespace
}  // namespace anabranch::tcp
