// What an endpoint does with its role: options, room for them, refusals, resets, wishes, limits.
#include "solo.hh"

#include "wire/option_space.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using Event = Endpoint::Event;

/// A role that does what the test says and remembers what it saw.
class Puppet final : public Role {
 public:
  Verdict verdict = Taken{};
  std::size_t option_bytes = 0;
  bool single = false;
  unsigned wants = 0;
  SubPos limit{1'000'000};
  std::vector<std::string> seen;
  std::vector<Plan> plans;
  std::function<void(const Plan&, wire::MptcpOptions&)> writes;

  Verdict read(const Segment& s, SubPos at, SubPos ack, Instant) override {
    seen.push_back(std::string(s.flags.syn ? "S" : "") + (s.flags.rst ? "R" : "") + (s.flags.ack ? "." : "") +
                   std::to_string(at.n) + "+" + std::to_string(s.payload.size().n) + "/" + std::to_string(ack.n));
    return verdict;
  }
  void write(const Plan& plan, wire::MptcpOptions& out, Instant) override {
    plans.push_back(plan);
    if (plan.kind == SegmentKind::ack && wants > 0) { --wants; }
    if (writes) { writes(plan, out); }
  }
  std::size_t data_option_bytes(SubPos) const override { return option_bytes; }
  bool single_packet(SubPos at) const override { return single && at.n == 1; }
  bool wants_segment() const override { return wants > 0; }
  SubPos send_limit(SubPos, Bytes, SubPos previous) override { return std::max(previous, limit); }
};

struct World {
  Solo maker;  ///< of the peer's segments
  Puppet puppet;
  SlabPool pool;
  Generator random{5};
  trace::NoTrace trace;
  NoFaults faults;
  cc::NoGroup group;
  support::BufferSource source{pool};
  support::BufferSink sink{Bytes{1u << 20}};
  Env env{random, trace, faults};
  std::unique_ptr<Endpoint> endpoint;
  Instant now{1'000'000'000};

  explicit World(const Config& config = Config{}) {
    endpoint = std::make_unique<Endpoint>(env, source, sink, puppet, group, config);
  }
  std::vector<Segment> take() {
    std::vector<Segment> out;
    while (auto s = endpoint->poll_transmit(now)) { out.push_back(std::move(*s)); }
    return out;
  }
  /// A server: SYN in, SYN/ACK out, third segment in.
  void open() {
    Segment syn = maker.syn();
    syn.tcp.timestamps = {.value = 1, .echo = 0};
    endpoint->accept(syn, {Solo::kOurs}, now);
    take();
    give(maker.segment(1, 1));
    take();
  }
  Verdict give(Segment s) {
    s.tcp.timestamps = {.value = 2, .echo = 0};
    return endpoint->on_segment(s, now);
  }
};

TEST(Role, SeesTheHandshakeAndEveryAcceptableSegmentInPositions) {
  World world;
  world.open();
  world.give(world.maker.segment(1, 1, 100));
  world.give(world.maker.segment(50'000'000, 1));  // not acceptable: not shown
  EXPECT_EQ((std::vector<std::string>{"S0+0/0", ".1+0/1", ".1+100/1"}), world.puppet.seen);
}

TEST(Role, ADropIgnoresTheWholeSegment) {
  World world;
  world.open();
  world.puppet.verdict = Drop::role_refused;
  EXPECT_TRUE(is_drop(world.give(world.maker.segment(1, 1, 100)), Drop::role_refused));
  EXPECT_EQ(0u, world.sink.got().size());
  EXPECT_TRUE(world.take().empty());
}

TEST(Role, AResetIsSentWithWhatTheRoleSaysOfItsReason) {
  World world;
  world.open();
  world.puppet.writes = [](const Plan& plan, wire::MptcpOptions& out) {
    if (plan.reason) { out.push_back(wire::Reset{.reason = *plan.reason}); }
  };
  world.puppet.verdict = ResetWith{wire::ResetReason::middlebox_interference};
  EXPECT_TRUE(std::holds_alternative<ResetWith>(world.give(world.maker.segment(1, 1, 100))));
  EXPECT_TRUE(world.endpoint->dead());
  const auto out = world.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.rst);
  ASSERT_NE(nullptr, wire::find<wire::Reset>(out[0].mptcp));
  EXPECT_EQ(wire::ResetReason::middlebox_interference, wire::find<wire::Reset>(out[0].mptcp)->reason);
}

TEST(Role, MayRefuseASynOrASynAckWithAReset) {
  World server;
  server.puppet.verdict = ResetWith{wire::ResetReason::mptcp_error};
  server.endpoint->accept(server.maker.syn(), {Solo::kOurs}, server.now);
  EXPECT_TRUE(server.endpoint->dead());
  EXPECT_TRUE(server.take().at(0).flags.rst);

  World client;
  client.endpoint->connect({Solo::kOurs}, client.now);
  client.take();
  client.puppet.verdict = ResetWith{wire::ResetReason::mptcp_error};
  Segment answer = client.maker.syn();
  answer.flags.ack = true;
  answer.ack = {Solo::kOurs + 1};
  client.give(answer);
  const auto out = client.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.rst);
  EXPECT_EQ(1u, Solo::ack(out[0]));
}

TEST(Role, GetsPureAcksUntilItIsContentButNotWithoutEnd) {
  World world;
  world.open();
  world.puppet.wants = 3;
  EXPECT_EQ(3u, world.take().size());
  world.puppet.wants = 100;
  EXPECT_EQ(8u, world.take().size());
}

TEST(Role, PacketsShrinkByTheOptionsItNeeds) {
  Config config;
  config.super_segment = 65'000;
  World world{config};
  world.open();
  world.puppet.option_bytes = 26;  // padded to 28
  world.puppet.plans.clear();
  world.source.write_pattern(20'000, 1);
  const auto out = world.take();
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(1460u - 12 - 28, out[0].cut);
  EXPECT_GT(out[0].payload.size().n, out[0].cut);
  EXPECT_GE(world.puppet.plans[0].option_room, 28u);
  EXPECT_EQ(out[0].payload.size(), world.puppet.plans[0].payload);
}

TEST(Role, ASinglePacketIsNotMadeASuperSegment) {
  Config config;
  config.super_segment = 65'000;
  World world{config};
  world.open();
  world.puppet.single = true;
  world.source.write_pattern(10'000, 1);
  const auto out = world.take();
  ASSERT_GE(out.size(), 2u);
  EXPECT_EQ(0u, out[0].cut);
  EXPECT_EQ(1448u, out[0].payload.size().n);
  EXPECT_GT(out[1].cut, 0u);
}

TEST(Role, DecidesHowFarTheWindowReaches) {
  World world;
  world.puppet.limit = {2001};
  world.open();
  world.source.write_pattern(10'000, 1);
  std::uint64_t sent = 0;
  for (const Segment& s : world.take()) { sent += s.payload.size().n; }
  EXPECT_LE(sent, 2000u);
  EXPECT_GE(sent, 1448u);
}

TEST(Role, ItsOptionsComeBeforeSackBlocks) {
  World world;
  world.open();
  world.puppet.writes = [](const Plan& plan, wire::MptcpOptions& out) {
    if (plan.kind == SegmentKind::ack) {
      wire::Dss dss;
      dss.ack = wire::DataSeqForm{.bits = 1};
      out.push_back(dss);
    }
  };
  for (const std::uint64_t at : {101u, 301u, 501u, 701u}) { world.give(world.maker.segment(at, 1, 100)); }
  const auto out = world.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_EQ(1u, out[0].tcp.sack.size());  // 40 - 12 - 12 leaves one (RFC 8684 §4)
  EXPECT_LE(wire::options_size(out[0].tcp, out[0].mptcp), wire::kOptionSpace);
  EXPECT_EQ(701u, out[0].tcp.sack[0].left.raw - Solo::kTheirs);
}

TEST(Role, SackBlocksThatFoundNoRoomOnDataGoOnAPureAck) {
  World world;
  world.open();
  world.give(world.maker.segment(101, 1, 100));
  world.source.write_pattern(1448, 1);
  const auto out = world.take();
  ASSERT_EQ(2u, out.size());
  EXPECT_TRUE(out[0].tcp.sack.empty());
  EXPECT_EQ(1u, out[1].tcp.sack.size());
}

TEST(Role, RoomIsWhatWindowsLeaveBeyondWhatIsBound) {
  World world;
  world.puppet.limit = {100'000};
  world.open();
  const Bytes window = world.endpoint->info().window;
  EXPECT_EQ(window, world.endpoint->room(world.now));
  world.source.write_pattern(4000, 1);
  EXPECT_EQ(window - Bytes{4000}, world.endpoint->room(world.now));
  world.take();
  EXPECT_EQ(window - Bytes{4000}, world.endpoint->room(world.now));
  world.endpoint->finish();
  EXPECT_EQ(Bytes{}, world.endpoint->room(world.now));
}
}  // namespace
}  // namespace anabranch::tcp
