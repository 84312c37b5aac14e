// What scripts cannot ask of a stack: its keys, the marking of its packets, and mistakes of its caller.
#include "base/random.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "stack/stack.hh"
#include "trace/sinks.hh"

#include <deque>
#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {

/// Secrets as they are given, then a count; what is visible is another count.
class GivenRandom final : public Random {
 public:
  std::deque<std::uint64_t> secrets;
  std::uint64_t visible() override { return visible_++; }
  void secret(std::span<std::uint8_t> out) override {
    std::uint64_t word = more_++;
    if (!secrets.empty()) {
      word = secrets.front();
      secrets.pop_front();
    }
    for (std::size_t i = 0; i < out.size(); ++i) { out[i] = static_cast<std::uint8_t>(word >> (56 - 8 * (i % 8))); }
  }

 private:
  std::uint64_t visible_ = 7, more_ = 0x1000;
};

constexpr Instant kNow{1'000'000'000};
const Address kOurs = Address::v4(10, 1, 0, 1), kOther = Address::v4(10, 2, 0, 1), kPeer = Address::v4(10, 1, 0, 2);

class SocketsTest : public testing::Test {
 protected:
  GivenRandom random;
  trace::NoTrace trace;
  NoFaults faults;
  Env env{random, trace, faults};
  SlabPool pool;
  HeaderArena arena{pool};
  Stack stack{env, pool, {.limits = {}, .ports = {5000, 5001}}};

  SocketsTest() {
    Network network;
    network.interfaces.push_back({.id = {1}, .name = "a", .addresses = {{kOurs, 24}}});
    network.interfaces.push_back({.id = {2}, .name = "b", .addresses = {{kOther, 24}}});
    network.routes.push_back({.interface = {1}, .destination = {}, .prefix = 0, .gateway = Address::v4(10, 1, 0, 254)});
    stack.update(network, kNow);
  }

  struct Sent {
    Frame frame;
    Dissected parts;
  };
  /// What the stack sends now, packet by packet.
  std::vector<Sent> sent() {
    std::vector<Sent> out;
    for (Frame frame[1]; stack.poll_transmit(frame, kNow) == 1;) {
      auto parts = dissect(frame[0]);
      EXPECT_TRUE(parts && std::holds_alternative<Dissected>(*parts));
      out.push_back({frame[0], std::get<Dissected>(*parts)});
    }
    return out;
  }
  void syn(std::uint16_t from, std::uint16_t to = 80,
           const wire::MptcpOption& option = wire::CapableSyn{{.version = 1}}) {
    Segment segment;
    segment.flags.syn = true;
    segment.mptcp.push_back(option);
    Frame frame[1] = {assemble({{kPeer, from}, {kOurs, to}}, segment, {.interface = {1}}, arena)};
    stack.receive(frame, kNow);
  }
  static wire::Key key_on(const Segment& segment) {
    const auto* o = wire::find<wire::CapableKey>(segment.mptcp);
    return o ? o->sender : wire::Key{};
  }
  Result<ConnectionId> connect(const Address& to, ConnectOptions options = {}) {
    options.remote = {to, 80};
    return stack.connect(options, kNow);
  }
};

// RFC 8684 §3.1. [8684-3.1-06]
TEST_F(SocketsTest, AKeyIsASecretAndNothingElse) {
  ASSERT_TRUE(stack.listen({.port = 80}));
  random.secrets = {0x0123456789abcdef};
  syn(5000);
  const auto out = sent();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(key_on(out[0].parts.segment).raw, 0x0123456789abcdefu);
}

// [8684-3.1-07 8684-3.1-08]
TEST_F(SocketsTest, AKeyThatIsInUseIsDrawnAgain) {
  ASSERT_TRUE(stack.listen({.port = 80}));
  random.secrets = {42, 42, 0, 43};
  syn(5000);
  syn(5001);
  const auto out = sent();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(key_on(out[0].parts.segment).raw, 42u);
  EXPECT_EQ(key_on(out[1].parts.segment).raw, 43u);
}

// Without state there is one key for a SYN. [8684-3.1-09 8684-3.1-10]
TEST_F(SocketsTest, ACookieWhoseTokenIsTakenOffersPlainTcp) {
  ASSERT_TRUE(stack.listen({.port = 80, .stateless = Stateless::always}));
  syn(6000);
  const auto first = sent();
  ASSERT_EQ(first.size(), 1u);
  const wire::Key key = key_on(first[0].parts.segment);
  ASSERT_NE(key.raw, 0u);
  random.secrets = {key.raw};
  ASSERT_TRUE(connect(kPeer));
  ASSERT_EQ(sent().size(), 1u);
  syn(6000);
  const auto second = sent();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_TRUE(second[0].parts.segment.flags.syn);
  EXPECT_TRUE(second[0].parts.segment.mptcp.empty());
}

// RFC 6824 §3.1: tokens of version 0 are made with another hash.
TEST_F(SocketsTest, ACookieOfVersion0WhoseTokenIsTakenOffersPlainTcp) {
  ListenOptions listener{.port = 80, .stateless = Stateless::always};
  listener.config.versions = mptcp::Versions::v0;
  ASSERT_TRUE(stack.listen(listener));
  const wire::CapableKey theirs{{.version = 0}, {99}};
  syn(6000, 80, theirs);
  const auto first = sent();
  ASSERT_EQ(first.size(), 1u);
  const wire::Key key = key_on(first[0].parts.segment);
  ASSERT_NE(key.raw, 0u);
  random.secrets = {key.raw};
  ConnectOptions same;
  same.config.versions = mptcp::Versions::v0;
  ASSERT_TRUE(connect(kPeer, same));
  ASSERT_EQ(sent().size(), 1u);
  syn(6000, 80, theirs);
  const auto second = sent();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_TRUE(second[0].parts.segment.flags.syn);
  EXPECT_TRUE(second[0].parts.segment.mptcp.empty());
  EXPECT_EQ(stack.counters()[Counter::token_collisions], 1u);
}

// RFC 9293 §3.9.2.3. [9293-MUST-57]
TEST_F(SocketsTest, ASynToManyIsNotAnsweredNotEvenWithAReset) {
  ASSERT_TRUE(stack.listen({.port = 80}));
  for (const char* text : {"224.0.0.1", "255.255.255.255", "10.1.0.255"}) {
    Segment segment;
    segment.flags.syn = true;
    Frame frame[1] = {assemble({{kPeer, 5000}, {*address_from_text(text), 80}}, segment, {.interface = {1}}, arena)};
    stack.receive(frame, kNow);
  }
  EXPECT_EQ(stack.counters()[Counter::dropped_not_for_us], 3u);
  EXPECT_EQ(stack.connection_count(), 0u);
  EXPECT_TRUE(sent().empty());
}

// RFC 9293 §3.9.1.1. [9293-MUST-46]
TEST_F(SocketsTest, NobodyConnectsToAGroupOrToNobody) {
  for (const char* text : {"224.0.0.1", "255.255.255.255", "10.1.0.255", "0.0.0.0", "ff02::1", "::"}) {
    const auto id = connect(*address_from_text(text));
    ASSERT_FALSE(id) << text;
    EXPECT_EQ(id.error().code, Errc::bad_argument) << text;
  }
  EXPECT_EQ(stack.connection_count(), 0u);
}

// RFC 9293 §3.9.1.9, §3.9.2. [9293-MUST-48 9293-MUST-49 9293-SHLD-22]
TEST_F(SocketsTest, PacketsAreMarkedAsTheConnectionWasToldTo) {
  ConnectOptions marked;
  marked.config.hop_limit = 3;
  marked.config.dscp = 46;
  ASSERT_TRUE(connect(kPeer, marked));
  ASSERT_TRUE(connect(kPeer));
  const auto out = sent();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].parts.tos, 46 << 2);
  EXPECT_EQ(out[0].frame.bytes.slices().front().bytes()[8], 3);  // IPv4's time to live
  EXPECT_EQ(out[1].parts.tos, 0);
  EXPECT_EQ(out[1].frame.bytes.slices().front().bytes()[8], 64);
}

// RFC 9293 §3.9.1.1. [9293-MUST-41]
TEST_F(SocketsTest, ASecondListenerOnAPortIsAnErrorAndTheFirstGoesOn) {
  ASSERT_TRUE(stack.listen({.port = 80}));
  syn(5000);
  const auto again = stack.listen({.port = 80});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::address_in_use);
  EXPECT_EQ(stack.connection_count(), 1u);
  syn(5001);
  EXPECT_EQ(sent().size(), 2u);
}

// [9293-MUST-42]
TEST_F(SocketsTest, APortIsListenedOnWhileAConnectionFromItIsBeingOpened) {
  ASSERT_TRUE(connect(kPeer));
  const auto out = sent();
  ASSERT_EQ(out.size(), 1u);
  const std::uint16_t port = out[0].parts.addresses.remote.port;  // as the receiver of the frame would see us
  ASSERT_TRUE(port == 5000 || port == 5001);
  ASSERT_TRUE(stack.listen({.port = port}));
  syn(6000, port);
  EXPECT_EQ(sent().size(), 1u);
}

// [9293-MUST-44 9293-MUST-45]
TEST_F(SocketsTest, WithoutALocalAddressTheRouteSaysWhichOne) {
  ASSERT_TRUE(connect(Address::v4(10, 2, 0, 9)));
  const auto near = sent();
  ASSERT_EQ(near.size(), 1u);
  EXPECT_EQ(near[0].parts.addresses.remote.address, kOther);
  ASSERT_TRUE(connect(Address::v4(192, 0, 2, 1)));
  const auto far = sent();
  ASSERT_EQ(far.size(), 1u);
  EXPECT_EQ(far[0].parts.addresses.remote.address, kOurs);
}

// [9293-MUST-43]
TEST_F(SocketsTest, ALocalAddressThatIsGivenIsUsed) {
  ConnectOptions options;
  options.interfaces = {{2}, {1}};
  options.local_address = kOther;
  ASSERT_TRUE(connect(Address::v4(10, 2, 0, 9), options));
  const auto out = sent();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].parts.addresses.remote.address, kOther);
}

// RFC 8684 §3.3.5. [8684-3.3.5-04]
TEST(Buffers, WhatCanBeSentIsNotLessThanWhatAPeerLikeUsCanReceive) {
  const mptcp::Config config;
  EXPECT_GE(config.send_buffer, config.receive_buffer);
}
}  // namespace
}  // namespace anabranch::stack
