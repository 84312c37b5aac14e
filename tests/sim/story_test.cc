// What Multipath TCP is for, told as stories: two links, a transfer, something happens, and the bytes arrive anyway.
#include "packet/dissect.hh"
#include "sim/world.hh"

#include "phone_and_server.hh"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>

namespace anabranch::sim {
namespace {

/// ANABRANCH_SEED runs a story with other dice.
std::uint64_t seed() {
  const char* given = std::getenv("ANABRANCH_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

struct Pair : PhoneAndServer {
  explicit Pair(std::uint64_t of_seed = seed()) : PhoneAndServer{of_seed} {}
  Transfer& upload(Bytes bytes, const TransferOptions& options = {}) {
    return world.transfer(phone, server, bytes, options);
  }
  /// Until the server has read so much.
  testing::AssertionResult reads(const Transfer& transfer, Bytes bytes, Duration limit) {
    if (world.run_until([&] { return transfer.server().read() >= bytes.n; }, limit)) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << world.replay();
  }
};

TEST(Story, ATransferSurvivesTheLossOfItsBestPath) {
  Pair pair;
  auto& wifi =
      pair.world.link(pair.phone, pair.server, {.rate = 40_Mbps, .delay = 10_ms, .queue = 64_KiB, .loss = 0.005});
  auto& lte = pair.world.link(pair.phone, pair.server, {.rate = 12_Mbps, .delay = 35_ms, .queue = 256_KiB});
  pair.world.at(2_s, [&] { wifi.cut(); });
  auto& transfer = pair.upload(16_MiB);
  ASSERT_TRUE(pair.completes(transfer, 60_s));
  EXPECT_GT(lte.delivered(), 4_MiB) << pair.world.replay();
}

TEST(Story, APathThatLosesItsInterfaceHandsOverWithinASecond) {
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 30_ms});
  auto& transfer = pair.upload(16_MiB);
  ASSERT_TRUE(pair.reads(transfer, 2_MiB, 10_s));
  wifi.take_down_at(pair.phone);
  const std::uint64_t before = transfer.server().read();
  ASSERT_TRUE(pair.world.run_for(1_s)) << pair.world.replay();
  EXPECT_GT(transfer.server().read(), before + 1'000'000) << pair.world.replay();
  ASSERT_TRUE(pair.completes(transfer, 60_s));
}

TEST(Story, TwoCleanPathsTogetherCarryWhatBothCan) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  auto& transfer = pair.upload(64_MiB);
  ASSERT_TRUE(pair.world.run_for(3_s)) << pair.world.replay();  // windows open
  const std::uint64_t before = transfer.server().read();
  ASSERT_TRUE(pair.world.run_for(10_s)) << pair.world.replay();
  const double mbps = static_cast<double>(transfer.server().read() - before) * 8 / 10 / 1e6;
  EXPECT_GE(mbps, 0.9 * 30) << pair.world.replay();
}

Duration time_of_upload(bool second_path, double its_loss) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 20_ms});
  if (second_path) { pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 40_ms, .loss = its_loss}); }
  auto& transfer = pair.upload(16_MiB);
  EXPECT_TRUE(pair.completes(transfer, 60_s));
  return pair.world.now() - Instant{};
}

TEST(Story, ALossySecondPathDoesNotMakeItWorseThanTheFirstAlone) {
  const Duration alone = time_of_upload(false, 0);
  EXPECT_LE(time_of_upload(true, 0.01), alone);
  EXPECT_LT(time_of_upload(true, 0), alone * 8 / 10);
}

TEST(Story, ASecondPathThatIsABlackHoleFromTheStartDoesNotHurt) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 20_ms});
  auto& dead = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 20_ms});
  dead.cut();
  auto& transfer = pair.upload(4_MiB);
  ASSERT_TRUE(pair.completes(transfer, 10_s));
}

/// How long 8 MiB take over links that swallow packets above 1300 bytes, or whose interfaces say so.
Duration time_over_narrow_links(std::size_t links, bool swallow) {
  Pair pair;
  for (std::size_t i = 0; i < links; ++i) {
    const LinkSpec spec{.rate = 20_Mbps, .delay = 10_ms, .mtu = 1300};
    pair.world.link(pair.phone, pair.server, spec, {.mtu = swallow ? 1500u : 1300u});
  }
  auto& transfer = pair.upload(8_MiB);
  EXPECT_TRUE(pair.completes(transfer, 60_s));
  return pair.world.now() - Instant{};
}

TEST(Story, ABlackHoleForLargePacketsCostsTwoTimeoutsAndLittleMore) {  // RFC 4821
  EXPECT_LE(time_over_narrow_links(1, true), time_over_narrow_links(1, false) + 1500_ms);
  EXPECT_LE(time_over_narrow_links(2, true), time_over_narrow_links(2, false) + 1500_ms);
}

TEST(Story, ARouterThatMarksKeepsItsQueueShortAndNothingIsLost) {  // RFC 3168
  Pair pair;
  const LinkSpec spec{.rate = 20_Mbps, .delay = 10_ms, .queue = 256_KiB, .mark_above = Bytes{30'000}};
  auto& link = pair.world.link(pair.phone, pair.server, spec);
  TransferOptions options;
  options.client.tcp.ecn = tcp::EcnMode::request;
  auto& transfer = pair.upload(8_MiB, options);
  ASSERT_TRUE(pair.completes(transfer, 60_s));
  const LinkStats& stats = link.pipe_from(pair.phone).stats();
  EXPECT_GT(stats.marked, 20u);
  EXPECT_EQ(stats.dropped.total(), 0u);
  EXPECT_LT(stats.highest_queue, 200'000u);
  EXPECT_LT(pair.world.now() - Instant{}, 4500_ms);  // 3.5 s at the rate
}

TEST(Story, AnInterfaceThatComesBackCarriesDataAgain) {
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 5_Mbps, .delay = 40_ms});
  auto& transfer = pair.upload(16_MiB);
  pair.world.at(2_s, [&] { wifi.take_down_at(pair.phone); });
  pair.world.at(5_s, [&] { wifi.bring_up(); });
  ASSERT_TRUE(pair.world.run_for(6_s)) << pair.world.replay();
  const Bytes before = wifi.delivered();
  ASSERT_TRUE(pair.completes(transfer, 60_s));
  EXPECT_GT(wifi.delivered(), before + 4_MiB) << pair.world.replay();
}

TEST(Story, ALonePathThatGoesDownAndComesBackResumes) {
  Pair pair;
  auto& link = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 10_ms});
  auto& transfer = pair.upload(4_MiB);
  pair.world.at(1_s, [&] { link.take_down_at(pair.phone); });
  pair.world.at(3_s, [&] { link.bring_up(); });
  ASSERT_TRUE(pair.completes(transfer, 30_s));
}

TEST(Story, BothWaysAtOnceArriveWhole) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms, .loss = 0.01});
  pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 30_ms, .loss = 0.01});
  auto& transfer = pair.upload(3_MiB, {.back = 5_MiB});
  ASSERT_TRUE(pair.completes(transfer, 60_s));
}

class PlainPeer : public testing::TestWithParam<bool> {};  // whether it is the client who speaks plain TCP

TEST_P(PlainPeer, AConnectionToItIsPlainTcpAndWorks) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms, .loss = 0.002});
  auto& second = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  TransferOptions options{.back = 1_MiB};
  (GetParam() ? options.client : options.server).multipath = false;
  auto& transfer = pair.upload(1_MiB, options);
  ASSERT_TRUE(pair.reads(transfer, 64_KiB, 10_s));
  for (const Application* end : {&transfer.client(), &transfer.server()}) {
    EXPECT_EQ(pair.info(*end).protocol, mptcp::Protocol::tcp);
    const bool plain = (end == &transfer.client()) == GetParam();
    EXPECT_EQ(pair.info(*end).fallback_reason, plain        ? mptcp::FallbackReason::not_requested
                                               : GetParam() ? mptcp::FallbackReason::peer_did_not_offer
                                                            : mptcp::FallbackReason::peer_refused);
  }
  ASSERT_TRUE(pair.completes(transfer, 30_s));
  EXPECT_EQ(second.delivered(), Bytes{});
}
INSTANTIATE_TEST_SUITE_P(Story, PlainPeer, testing::Bool());

TEST(Story, WhenAllIsReadTheStacksForgetTheConnectionAndItsBytes) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 50_Mbps, .delay = 5_ms, .loss = 0.01});
  pair.world.link(pair.phone, pair.server, {.rate = 50_Mbps, .delay = 15_ms, .loss = 0.01});
  TransferOptions options;
  options.client.tcp.time_wait = options.server.tcp.time_wait = 1_s;
  auto& transfer = pair.upload(2_MiB, options);
  ASSERT_TRUE(pair.completes(transfer, 30_s));
  ASSERT_TRUE(pair.world.run_until([&] { return pair.world.quiet(); }, 30_s)) << pair.world.replay();
  EXPECT_LE(pair.world.slabs_in_use(), 8u);  // what arenas and packers keep open for the next packet
}

/// RFC 8041 §3.6: a client that lets the server finish first keeps no TIME-WAIT, on whatever number of connections.
TEST(Story, AThousandShortConnectionsThatTheServerEndsLeaveTheClientWithoutATrace) {
  constexpr unsigned kConnections = 1000;
  World world{seed(), {.kept_segments = 10, .consistency_every = 5000}};
  Host &phone = world.host("phone"), &server = world.host("server");
  world.link(phone, server, {.rate = 1'000_Mbps, .delay = 2_ms});
  for (unsigned i = 0; i < kConnections; ++i) {
    TransferOptions options{.back = Bytes{500}, .start = 1_ms * i};
    options.client_manners.finish_late = true;
    options.close_listener = true;
    world.transfer(phone, server, Bytes{100}, options);
  }
  const auto& all = world.transfers();
  const auto complete = [&] { return std::ranges::all_of(all, [](const auto& t) { return t->complete(); }); };
  ASSERT_TRUE(world.run_until(complete, 30_s)) << world.replay();
  ASSERT_TRUE(world.run_for(2_s)) << world.replay();
  EXPECT_EQ(phone.stack().connection_count(), 0u);
  EXPECT_EQ(server.stack().connection_count(), kConnections);  // all of them wait out their TIME-WAIT here
}

/// RFC 8041 §3.8: where segments of two sizes meet, data is cut for the path that carries it, not for the smaller one.
TEST(Story, PathsWithSegmentsOfDifferentSizesBothCarryFullPackets) {
  Pair pair;
  auto& first = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms}, {.mtu = 1420 + 40});
  auto& second = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 12_ms}, {.mtu = 1428 + 40});
  ASSERT_TRUE(pair.completes(pair.upload(32_MiB), 60_s));
  for (auto* link : {&first, &second}) {
    const LinkStats& sent = link->pipe_from(pair.phone).stats();
    ASSERT_GT(sent.offered_packets, 5000u);
    EXPECT_GT(sent.offered_bytes / sent.offered_packets, link->options().mtu * 99 / 100) << pair.world.replay();
  }
}

/// Changes the last byte of every hundredth packet with data, and leaves TCP's checksum right: a gateway that meddles.
std::unique_ptr<Middlebox> corruption(SlabPool& pool) {
  auto seen = std::make_shared<unsigned>(0);
  return filter([&pool, seen](Way, Frame& frame) {
    const auto layout = tcp_layout(frame);
    if (!layout || layout->end == layout->payload_at || ++*seen % 100 != 0) { return true; }
    std::vector<std::uint8_t> bytes = frame.bytes.to_vector();
    bytes[layout->end - 1] ^= 0x40;
    frame.bytes = Packer{pool}.copy(bytes);
    frame.checksum = ChecksumState::pending;
    return true;
  });
}

TEST(Story, WithDssChecksumsAPathThatChangesBytesIsLeftAndNoneOfThemArrives) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  auto& meddler = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  meddler.set_middlebox(corruption(pair.world.pool()));
  TransferOptions options;
  options.server.checksum = true;
  auto& transfer = pair.upload(8_MiB, options);
  ASSERT_TRUE(pair.completes(transfer, 30_s));
  const auto counters = pair.world.counters();
  EXPECT_GT(counters[stack::Counter::data_checksum_errors], 0u);
  EXPECT_GT(counters[stack::Counter::mp_fail_sent], 0u);
  EXPECT_EQ(counters[stack::Counter::fallbacks], 0u);
}

std::uint64_t digest_of(std::uint64_t of_seed) {
  Pair pair{of_seed};
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms, .loss = 0.02, .jitter = 3_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 30_ms, .reorder = 0.02, .duplicate = 0.01});
  auto& transfer = pair.upload(1_MiB, {.back = 100_KiB});
  EXPECT_TRUE(pair.completes(transfer, 60_s));
  return pair.world.trace_digest();
}

TEST(Story, TheSameSeedIsTheSameStoryAndAnotherIsAnother) {
  EXPECT_EQ(digest_of(5), digest_of(5));
  EXPECT_NE(digest_of(5), digest_of(6));
}
}  // namespace
}  // namespace anabranch::sim
