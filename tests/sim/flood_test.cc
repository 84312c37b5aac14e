// Floods of 100,000 packets a second: what they may cost a stack, and whom they must not hurt (docs/security.md).
#include "packet/assemble.hh"
#include "sim/world.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

constexpr unsigned kPerMillisecond = 100;
constexpr Duration kFlood = 10_s;

/// A server, a phone that means well, and packets from strangers that nobody could have stopped on the way.
struct Siege {
  explicit Siege(std::uint64_t seed) : world{seed, {.consistency_every = 1000}}, dice{seed} {
    world.link(phone, server, {.rate = 20_Mbps, .delay = 10_ms});
    hole = &world.link(server, internet, {.delay = 10_ms}, {.default_route = true});
    hole->cut();  // what the server answers to strangers goes nowhere: their addresses are forged
  }
  World world;
  Host &phone = world.host("phone"), &server = world.host("server"), &internet = world.host("internet");
  Link* hole = nullptr;
  Generator dice;
  HeaderArena arena{world.pool()};
  std::uint64_t answers = 0;
  std::size_t most_connections = 0, most_half_open = 0, most_joins = 0;

  Address server_address() const { return Address::v4(10, 1, 0, 2); }
  SocketAddress stranger() {
    const std::uint64_t r = dice.next();
    const auto byte = [&](int i) { return static_cast<std::uint8_t>(r >> 8 * i); };
    return {Address::v4(11, byte(0), byte(1), byte(2)), static_cast<std::uint16_t>(r >> 32)};
  }
  /// One packet for each segment; answers to them are counted and lost.
  template <class Make>
  void burst(std::uint16_t port, Make&& make) {
    std::vector<Frame> frames;
    for (unsigned i = 0; i < kPerMillisecond; ++i) {
      frames.push_back(
          assemble({stranger(), {server_address(), port}}, make(), {.interface = hole->interface_of(server)}, arena));
    }
    server.stack().receive(frames, world.now());
    Frame out[64];
    while (const std::size_t n = server.stack().poll_transmit(out, world.now())) {
      for (Frame& frame : std::span{out}.first(n)) {
        ASSERT_EQ(frame.interface, hole->interface_of(server));
        frame = {};
      }
      answers += n;
    }
    most_connections = std::max(most_connections, server.stack().connection_count());
    most_half_open = std::max(most_half_open, server.stack().half_open_count());
    most_joins = std::max(most_joins, server.stack().pending_join_count());
  }
  /// For ten seconds from now: 100 packets every millisecond, to these ports in turn.
  template <class Make>
  void flood(std::vector<std::uint16_t> ports, Make make) {
    again([this, ports, make, n = std::size_t{0}]() mutable { burst(ports[n++ % ports.size()], make); },
          world.now() + kFlood);
  }
  void again(std::function<void()> action, Instant until) {
    world.at(1_ms, [this, action, until] {
      action();
      if (world.now() < until) { again(action, until); }
    });
  }
  Segment syn() {
    Segment out;
    out.seq = {static_cast<std::uint32_t>(dice.next())};
    out.flags.syn = true;
    out.window = 65535;
    out.tcp.mss = 1460;
    out.tcp.sack_permitted = true;
    return out;
  }
  /// Bytes the server has read of it in this time.
  std::uint64_t progress(const Transfer& transfer, Duration span) {
    const std::uint64_t before = transfer.server().read();
    EXPECT_TRUE(world.run_for(span)) << world.replay();
    return transfer.server().read() - before;
  }
  const stack::Counters& counters() const { return server.stack().counters(); }
};

/// An upload that lasts, and in the middle of the flood further connections to ports under attack.
struct Honest {
  explicit Honest(Siege& siege) : before{siege.world.transfer(siege.phone, siege.server, 64_MiB)} {
    for (unsigned i = 0; i < 5; ++i) {
      later.push_back(&siege.world.transfer(siege.phone, siege.server, 64_KiB, {.start = 6_s + 1_s * i}));
      ports.push_back(later.back()->port());
    }
    ports.push_back(before.port());
  }
  Transfer& before;
  std::vector<Transfer*> later;
  std::vector<std::uint16_t> ports;
  void expect_all_through(const Siege& siege) const {
    for (const Transfer* t : later) { EXPECT_TRUE(t->complete()) << siege.world.replay(); }
  }
};

constexpr std::size_t kHalfOpen = stack::Limits{}.half_open;

// RFC 4987: a SYN flood fills the half-open backlog and nothing else.
TEST(Flood, OfSynsIsBoundedAndNobodyHonestNotices) {
  Siege siege{1};
  Honest honest{siege};
  ASSERT_TRUE(siege.world.run_for(2_s)) << siege.world.replay();
  const std::uint64_t quiet = siege.progress(honest.before, 3_s);
  siege.flood(honest.ports, [&] {
    Segment syn = siege.syn();
    if (siege.dice.chance(0.5)) { syn.mptcp.push_back(wire::CapableSyn{}); }
    return syn;
  });
  const std::uint64_t slabs = siege.world.slabs_in_use();
  const std::uint64_t flooded = siege.progress(honest.before, 10_s);
  EXPECT_GE(flooded * 3, quiet * 10 * 8 / 10);
  honest.expect_all_through(siege);
  EXPECT_LE(siege.most_half_open, kHalfOpen);
  EXPECT_LE(siege.most_connections, kHalfOpen + 6);
  EXPECT_LE(siege.world.slabs_in_use(), slabs + 64);
  EXPECT_GE(siege.counters()[stack::Counter::syn_cookies_sent], 900'000u);
  EXPECT_GE(siege.counters()[stack::Counter::syn_cookies_accepted], 5u);  // the honest ones came in by a cookie
  EXPECT_LE(siege.answers, 1'001'000u);                                   // one answer each: nothing is amplified
}

// RFC 4987 §3.6: numbers without a cookie's proof make no connection, and are answered no faster than strays are.
TEST(Flood, OfGuessedAcksMakesNoConnection) {
  Siege siege{2};
  TransferOptions stateless;
  stateless.stateless = stack::Stateless::always;
  Transfer& before = siege.world.transfer(siege.phone, siege.server, 64_MiB, stateless);
  ASSERT_TRUE(siege.world.run_for(2_s)) << siege.world.replay();
  const std::uint64_t quiet = siege.progress(before, 3_s);
  siege.flood({before.port()}, [&] {
    Segment ack = siege.syn();
    ack.tcp = {};
    ack.flags = {.ack = true};
    ack.ack = {static_cast<std::uint32_t>(siege.dice.next())};
    if (siege.dice.chance(0.5)) { ack.mptcp.push_back(wire::CapableAck{{}, {siege.dice.next()}, {siege.dice.next()}}); }
    return ack;
  });
  EXPECT_GE(siege.progress(before, 10_s) * 3, quiet * 10 * 8 / 10);
  EXPECT_LE(siege.counters()[stack::Counter::syn_cookies_accepted], 2u);  // one of 2^29 numbers is good
  EXPECT_LE(siege.most_connections, 2u);
  EXPECT_LE(siege.answers, 11u * stack::Limits{}.resets_per_second);
}

// RFC 8684 §3.2: joins for connections that do not exist keep nothing at all.
TEST(Flood, OfJoinsWithUnknownTokensKeepsNothing) {
  Siege siege{3};
  Honest honest{siege};
  ASSERT_TRUE(siege.world.run_for(2_s)) << siege.world.replay();
  const std::uint64_t quiet = siege.progress(honest.before, 3_s);
  siege.flood(honest.ports, [&] {
    Segment syn = siege.syn();
    syn.mptcp.push_back(wire::JoinSyn{false, {1}, {static_cast<std::uint32_t>(siege.dice.next())}, 7});
    return syn;
  });
  EXPECT_GE(siege.progress(honest.before, 10_s) * 3, quiet * 10 * 8 / 10);
  honest.expect_all_through(siege);
  EXPECT_LE(siege.most_half_open, 1u);
  EXPECT_EQ(siege.most_joins, 0u);
  EXPECT_LE(siege.answers, 11u * stack::Limits{}.resets_per_second);
}

// RFC 7430 §4: who knows a token can keep others from joining that connection, and do no other harm.
TEST(Flood, OfJoinsWithAKnownTokenIsBoundedAndOtherConnectionsAreJoined) {
  Siege siege{4};
  Honest honest{siege};
  ASSERT_TRUE(siege.world.run_for(2_s)) << siege.world.replay();
  const std::uint64_t quiet = siege.progress(honest.before, 3_s);
  const auto info = siege.server.stack().info(*honest.before.server().id(), siege.world.now());
  ASSERT_TRUE(info);
  siege.flood({honest.before.port()}, [&, token = info->local_token] {
    Segment syn = siege.syn();
    syn.mptcp.push_back(wire::JoinSyn{false, {1}, {token}, static_cast<std::uint32_t>(siege.dice.next())});
    return syn;
  });
  // A second path for the phone: a connection that begins now joins over it, flood or not.
  auto& second = siege.world.link(siege.phone, siege.server, {.rate = 20_Mbps, .delay = 20_ms});
  EXPECT_GE(siege.progress(honest.before, 10_s) * 3, quiet * 10 * 8 / 10);
  honest.expect_all_through(siege);
  EXPECT_GE(siege.counters()[stack::Counter::mp_join_established], 5u);
  EXPECT_GT(second.delivered(), Bytes{});
  EXPECT_LE(siege.most_joins, 16u);  // one set of the table
  EXPECT_LE(siege.most_half_open, 1u);
  EXPECT_LE(siege.server.stack().info(*honest.before.server().id(), siege.world.now())->subflows.size(), 5u);
  EXPECT_GE(siege.counters()[stack::Counter::join_cookies_sent], 900'000u);
}

// --- handshakes without memory, over paths that lose packets

/// Loses so many of the third ACKs that carry nothing but the keys.
std::unique_ptr<Middlebox> lose_third_acks(double p, Generator dice) {
  auto shared = std::make_shared<Generator>(dice);
  return filter([p, shared](Way, Frame& frame) {
    const auto parsed = dissect(frame);
    const auto* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
    return !d || !wire::find<wire::CapableAck>(d->segment.mptcp) || !shared->chance(p);
  });
}

class ThirdAckLoss : public testing::TestWithParam<double> {};

// RFC 8684 §3.1: what version 1 has the keys in the first data for (RFC 8041 §3.1 tells what version 0 suffered).
TEST_P(ThirdAckLoss, CostsNoStatelessHandshakeItsMultipath) {
  World world{7};
  Host &phone = world.host("phone"), &server = world.host("server");
  auto& link = world.link(phone, server, {.rate = 50_Mbps, .delay = 10_ms});
  link.set_middlebox(lose_third_acks(GetParam(), Generator{11}));
  TransferOptions options;
  options.stateless = stack::Stateless::always;
  std::vector<Transfer*> all;
  for (unsigned i = 0; i < 50; ++i) {
    options.start = 50_ms * i;
    all.push_back(&world.transfer(phone, server, 20_KiB, options));
  }
  const auto done = [&] { return std::ranges::all_of(all, [](const Transfer* t) { return t->complete(); }); };
  ASSERT_TRUE(world.run_until(done, 60_s)) << world.replay();
  EXPECT_EQ(world.counters()[stack::Counter::fallbacks], 0u);
  EXPECT_EQ(world.counters()[stack::Counter::mp_capable_established], 100u);  // both ends of each
  EXPECT_EQ(world.counters()[stack::Counter::syn_cookies_accepted], 50u);
}
INSTANTIATE_TEST_SUITE_P(Flood, ThirdAckLoss, testing::Values(0.0, 0.05, 0.1, 0.2, 1.0));

// RFC 4987 §3.6: nothing that a stateless handshake forgets may cost a transfer its bytes.
TEST(Flood, StatelessHandshakesAndJoinsSurviveLossOfAnySegment) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    World world{seed};
    Host &phone = world.host("phone"), &server = world.host("server");
    world.link(phone, server, {.rate = 20_Mbps, .delay = 10_ms, .loss = 0.1, .reorder = 0.1, .duplicate = 0.1});
    world.link(phone, server, {.rate = 20_Mbps, .delay = 30_ms, .loss = 0.1, .reorder = 0.1, .duplicate = 0.1});
    TransferOptions options{.back = 100_KiB};
    options.stateless = stack::Stateless::always;
    auto& transfer = world.transfer(phone, server, 200_KiB, options);
    ASSERT_TRUE(world.run_until([&] { return transfer.complete(); }, 120_s)) << world.replay();
    EXPECT_EQ(transfer.received_digest(), transfer.sent_digest());
  }
}
}  // namespace
}  // namespace anabranch::sim
