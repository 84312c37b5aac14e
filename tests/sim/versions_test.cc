// docs/versions.md, "Who gets what": every combination of versions at the two ends, over a simulated path. What a
// client remembers is told in tests/scripts/v0.
#include "sim/world.hh"

#include <gtest/gtest.h>
#include <optional>
#include <ostream>

namespace anabranch::sim {
namespace {

using mptcp::Versions;
constexpr auto v0 = wire::Version::v0, v1 = wire::Version::v1;

struct Row {
  Versions client, server;
  std::optional<wire::Version> spoken;  ///< nothing: plain TCP
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << "client " << name(row.client) << " server " << name(row.server);
}

class VersionsOfTwoEnds : public testing::TestWithParam<Row> {};

/// What a connection speaks that carries bytes both ways to the end.
std::optional<wire::Version> spoken(World& world, const Row& row) {
  TransferOptions options;
  options.client.versions = row.client;
  options.server.versions = row.server;
  options.back = {30'000};
  options.client_manners.linger = options.server_manners.linger = true;
  const Transfer& transfer = world.transfer(world.host("client"), world.host("server"), {30'000}, options);
  EXPECT_TRUE(world.run_until([&] { return transfer.connected() && transfer.server().read() > 0; }, 10_s));
  std::optional<wire::Version> out[2];
  for (const Application* end : {&transfer.client(), &transfer.server()}) {
    const auto info = end->host().stack().info(*end->id(), world.now());
    EXPECT_TRUE(info.has_value());
    const bool client = end == &transfer.client();
    if (info->protocol == mptcp::Protocol::tcp) {
      EXPECT_EQ(client ? mptcp::FallbackReason::peer_refused : mptcp::FallbackReason::peer_did_not_offer,
                info->fallback_reason);
    }
    out[client ? 0 : 1] = info->version;
  }
  EXPECT_EQ(out[0], out[1]);
  EXPECT_TRUE(world.run_until([&] { return transfer.complete(); }, 60_s)) << world.replay();
  return out[0];
}

TEST_P(VersionsOfTwoEnds, SpeakWhatBothKnowAndElsePlainTcp) {
  World world{1};
  LinkSpec spec;
  spec.rate = {1'250'000};
  spec.delay = 5_ms;
  world.link(world.host("client"), world.host("server"), spec);
  EXPECT_EQ(GetParam().spoken, spoken(world, GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, VersionsOfTwoEnds,
                         testing::Values(Row{Versions::v1, Versions::v1, v1}, Row{Versions::v1, Versions::v0, {}},
                                         Row{Versions::v1, Versions::prefer_v1, v1},
                                         Row{Versions::v0, Versions::v1, {}}, Row{Versions::v0, Versions::v0, v0},
                                         Row{Versions::v0, Versions::prefer_v1, v0},
                                         Row{Versions::prefer_v1, Versions::v1, v1},
                                         Row{Versions::prefer_v1, Versions::v0, {}},
                                         Row{Versions::prefer_v1, Versions::prefer_v1, v1}));
}  // namespace
}  // namespace anabranch::sim
