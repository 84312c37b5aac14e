// A peer that holds a good connection and sends more than can be worked off (docs/security.md).
#include "base/random.hh"
#include "crypto/keys.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "stack/stack.hh"
#include "trace/sinks.hh"

#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {

constexpr Instant kNow{1'000'000'000};
constexpr wire::Key kPeerKey{0xa11ce5a11ce5a11c};
const Addresses kWay{{Address::v4(10, 1, 0, 2), 5000}, {Address::v4(10, 1, 0, 1), 80}};  // from the peer to us

/// A connection of Multipath TCP, accepted, whose peer is the test.
class HostilePeer : public testing::Test {
 protected:
  Generator random{1};
  trace::NoTrace trace;
  NoFaults faults;
  Env env{random, trace, faults};
  SlabPool pool;
  HeaderArena arena{pool};
  Packer packer{pool};
  Stack stack{env, pool, {}};
  ConnectionId id;
  wire::Key key;
  SeqNum isn;

  void SetUp() override {
    Network network;
    network.interfaces.push_back({.id = {1}, .name = "a", .addresses = {{kWay.remote.address, 24}}});
    stack.update(network, kNow);
    open();
  }
  void open(Stateless stateless = Stateless::under_pressure) {
    ListenOptions options{.port = 80};
    options.stateless = stateless;
    options.config.hop_limit = 3;
    options.config.dscp = 46;
    const auto listener = stack.listen(options);
    ASSERT_TRUE(listener);
    Segment syn;
    syn.flags.syn = true;
    syn.mptcp.push_back(wire::CapableSyn{});
    send(syn);
    const Frame answer = sent().at(0);
    EXPECT_EQ(answer.bytes.slices().front().bytes()[8], 3);        // time to live
    EXPECT_EQ(answer.bytes.slices().front().bytes()[1], 46 << 2);  // DSCP
    const Segment syn_ack = std::get<Dissected>(*dissect(answer)).segment;
    key = wire::find<wire::CapableKey>(syn_ack.mptcp)->sender;
    isn = syn_ack.seq;
    Segment third = at(1);
    third.mptcp.push_back(wire::CapableAck{{}, kPeerKey, key});
    send(third);
    (void)sent();
    const auto accepted = stack.accept(*listener);
    ASSERT_TRUE(accepted);
    id = *accepted;
    while (stack.poll_event()) {}
  }
  Segment at(std::uint32_t position) {
    Segment out;
    out.seq = {position};
    out.ack = {isn.raw + 1};
    out.window = 65535;
    out.flags.ack = true;
    return out;
  }
  void send(const Segment& segment) {
    Frame frame = assemble(kWay, segment, {.interface = {1}}, arena);
    stack.receive({&frame, 1}, kNow);
  }
  std::vector<Frame> sent() {
    std::vector<Frame> out;
    for (Frame frame; stack.poll_transmit({&frame, 1}, kNow) == 1; frame = {}) { out.push_back(frame); }
    return out;
  }
  std::size_t events() {
    std::size_t n = 0;
    while (stack.poll_event()) { ++n; }
    return n;
  }
};

// RFC 8684 §3.3.8: changes that nobody has heard of yet are one change.
TEST_F(HostilePeer, WhoChangesPrioritiesAllTheTimeIsReportedOnce) {
  for (unsigned i = 0; i < 10'000; ++i) {
    Segment segment = at(1);
    segment.mptcp.push_back(wire::Prio{i % 2 == 0});
    send(segment);
  }
  EXPECT_EQ(events(), 1u);
  EXPECT_LE(sent().size(), 1u);
  EXPECT_TRUE(stack.is_consistent());
}

// RFC 8684 §3.4.1: echoes that cannot leave are left out; the peer repeats what was not echoed.
TEST_F(HostilePeer, AnnouncementsFasterThanTheyCanBeEchoedAreNotAllEchoed) {
  for (unsigned i = 0; i < 10'000; ++i) {
    wire::AddAddr option{false, {1}, Address::v4(10, 9, 0, 1), std::nullopt, {}};
    option.mac = crypto::add_addr_mac(kPeerKey, key, option);
    Segment segment = at(1);
    segment.mptcp.push_back(option);
    send(segment);
  }
  EXPECT_EQ(stack.counters()[Counter::add_addr_received], 10'000u);
  EXPECT_LE(sent().size(), 2u * 32);
}

// RFC 9293 §3.10.7.4: every second byte of the window. What is out of order is bounded in bytes and in pieces.
TEST_F(HostilePeer, ManySmallGapsCostABoundedNumberOfPieces) {
  const std::uint8_t byte[1] = {7};
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    Segment segment = at(3 + 2 * i);
    segment.payload = packer.copy(byte);
    send(segment);
  }
  const auto info = stack.info(id, kNow);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->bytes_received, 0u);
  EXPECT_TRUE(stack.is_consistent());
  // At most a block for each, of its own size beyond the first few (ReassemblyTest counts those).
  EXPECT_LE(pool.in_use(), 3'000u);
  EXPECT_EQ(info->subflows.front().ended_by, "");
}

// RFC 8684 §3.3.1: mappings without their data.
TEST_F(HostilePeer, MappingsWithoutDataAreBoundedAndTheSubflowGoesOn) {
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    Segment segment = at(1);
    segment.mptcp.push_back(wire::Dss{.ack = {},
                                      .map = wire::Mapping{.data = {crypto::idsn_of(kPeerKey).raw + 1 + 2 * i, true},
                                                           .subflow = 1 + 2 * i,
                                                           .length = 1,
                                                           .checksum = {}},
                                      .data_fin = false});
    send(segment);
  }
  EXPECT_TRUE(stack.is_consistent());
  EXPECT_EQ(stack.info(id, kNow)->subflows.front().ended_by, "");
}

// RFC 4987 §3.6: what is answered without memory is marked like what is answered with it.
TEST(Stateless, AnswersCarryTheMarksOfTheListener) {
  class Always : public HostilePeer {
   public:
    void TestBody() override {}
    void run() {
      Network network;
      network.interfaces.push_back({.id = {1}, .name = "a", .addresses = {{kWay.remote.address, 24}}});
      stack.update(network, kNow);
      open(Stateless::always);
      EXPECT_EQ(stack.counters()[Counter::syn_cookies_accepted], 1u);
    }
  } always;
  always.run();
}
}  // namespace
}  // namespace anabranch::stack
