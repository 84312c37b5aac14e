// Attackers who are not on the path, or were and have written down what they saw (RFC 6181, RFC 7430, RFC 5961).
#include "crypto/keys.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "sim/world.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

struct Scene {
  explicit Scene(std::uint64_t seed) : world{seed}, dice{seed} {
    first = &world.link(phone, server, {.rate = 20_Mbps, .delay = 10_ms});
    second = &world.link(phone, server, {.rate = 10_Mbps, .delay = 20_ms});
  }
  World world;
  Host &phone = world.host("phone"), &server = world.host("server");
  Link *first = nullptr, *second = nullptr;
  Generator dice;
  HeaderArena arena{world.pool()};

  /// As if a packet from elsewhere reached the host, with whatever source address.
  void inject(Host& to, const Link& over, const Addresses& from_to, const Segment& segment) {
    Frame frame = assemble(from_to, segment, {.interface = over.interface_of(to)}, arena);
    to.stack().receive({&frame, 1}, world.now());
  }
  void again(Duration every, Instant until, std::function<void()> action) {
    world.at(every, [this, every, until, action] {
      action();
      if (world.now() < until) { again(every, until, action); }
    });
  }
  const stack::Counters& counted(const Host& host) const { return host.stack().counters(); }
};

// RFC 5961: who knows the 4-tuple and nothing else. 20,000 packets a second at each end.
TEST(Attack, ABlindStrangerWhoKnowsTheAddressesDisturbsNothing) {
  Scene scene{1};
  TransferOptions options{.back = 1_MiB};
  options.client_manners.linger = true;
  auto& transfer = scene.world.transfer(scene.phone, scene.server, 16_MiB, options);
  ASSERT_TRUE(scene.world.run_for(500_ms)) << scene.world.replay();
  const auto info = scene.phone.stack().info(*transfer.client().id(), scene.world.now());
  ASSERT_TRUE(info);
  const Addresses up{info->subflows.front().local, info->subflows.front().remote};
  const Addresses down{up.remote, up.local};
  const std::uint64_t sent_before = scene.counted(scene.server)[stack::Counter::segments_sent];
  const auto forged = [&] {
    Segment out;
    out.seq = {static_cast<std::uint32_t>(scene.dice.next())};
    out.ack = {static_cast<std::uint32_t>(scene.dice.next())};
    out.window = static_cast<std::uint16_t>(scene.dice.next());
    out.flags.ack = true;
    out.tcp.timestamps = wire::Timestamps{static_cast<std::uint32_t>(scene.dice.next()), 0};
    switch (scene.dice.below(5)) {
      case 0: out.flags.rst = true; break;
      case 1: out.flags = {.syn = true}; break;
      case 2: out.flags.fin = true; break;
      case 3: out.mptcp.push_back(wire::FastClose{{scene.dice.next()}}); break;
      default: out.mptcp.push_back(wire::RemoveAddr{.ids = {{0}, {1}, {2}}});
    }
    return out;
  };
  scene.again(1_ms, scene.world.now() + 5_s, [&] {
    for (unsigned i = 0; i < 20; ++i) {
      scene.inject(scene.server, *scene.first, up, forged());
      scene.inject(scene.phone, *scene.first, down, forged());
    }
  });
  ASSERT_TRUE(scene.world.run_until([&] { return transfer.complete(); }, 30_s)) << scene.world.replay();
  EXPECT_EQ(transfer.received_digest(), transfer.sent_digest());
  for (const Host* host : {&scene.phone, &scene.server}) {
    EXPECT_EQ(scene.counted(*host)[stack::Counter::subflows_lost], 0u);
    EXPECT_EQ(scene.counted(*host)[stack::Counter::mp_fastclose_received], 0u);
    EXPECT_EQ(scene.counted(*host)[stack::Counter::remove_addr_received], 0u);
    EXPECT_GT(scene.counted(*host)[stack::Counter::dropped_by_endpoint], 80'000u);
  }
  // Data and its ACKs are some 20,000 segments; 100,000 forged ones bring no more than a hundred answers a second.
  EXPECT_LT(scene.counted(scene.server)[stack::Counter::segments_sent] - sent_before, 40'000u);
}

// RFC 8684 §3.2, RFC 7430 §2: an eavesdropper of a join has token, nonce and MAC. The other side's nonce is new.
TEST(Attack, AReplayedProofOpensNoSubflow) {
  Scene scene{2};
  wire::JoinSyn syn_seen;
  std::optional<wire::JoinAck> ack_seen;
  scene.second->set_sieve([&](const Host& from, Frame& frame) {
    const auto parsed = dissect(frame);
    const auto* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
    if (!d || &from != &scene.phone) { return true; }
    if (const auto* o = wire::find<wire::JoinSyn>(d->segment.mptcp)) { syn_seen = *o; }
    if (const auto* o = wire::find<wire::JoinAck>(d->segment.mptcp)) { ack_seen = *o; }
    return true;
  });
  auto& transfer = scene.world.transfer(scene.phone, scene.server, 64_MiB);
  ASSERT_TRUE(scene.world.run_for(1_s)) << scene.world.replay();
  ASSERT_TRUE(ack_seen);

  const Addresses replay{{Address::v4(10, 2, 0, 66), 4000}, {Address::v4(10, 2, 0, 2), transfer.port()}};
  Segment syn;
  syn.seq = {1000};
  syn.flags.syn = true;
  syn.mptcp.push_back(syn_seen);
  scene.inject(scene.server, *scene.second, replay, syn);
  Frame out[4];
  const std::size_t n = scene.server.stack().poll_transmit(out, scene.world.now());
  ASSERT_EQ(n, 1u);
  const auto answer = std::get<Dissected>(*dissect(out[0])).segment;
  ASSERT_TRUE(wire::find<wire::JoinSynAck>(answer.mptcp));
  Segment proof;
  proof.seq = {1001};
  proof.ack = {answer.seq.raw + 1};
  proof.flags.ack = true;
  proof.mptcp.push_back(*ack_seen);
  const auto joined = scene.counted(scene.server)[stack::Counter::mp_join_established];
  scene.inject(scene.server, *scene.second, replay, proof);
  EXPECT_EQ(scene.counted(scene.server)[stack::Counter::mp_join_bad_mac], 1u);
  EXPECT_EQ(scene.counted(scene.server)[stack::Counter::mp_join_established], joined);
  ASSERT_TRUE(scene.world.run_for(1_s)) << scene.world.replay();
  EXPECT_GT(transfer.server().read(), 1'000'000u);
}

// RFC 7430 §3: all that a client ever sent, once more, when its connection is over: nothing begins again.
TEST(Attack, AReplayOfAWholeConnectionMakesNone) {
  Scene scene{3};
  std::vector<std::pair<Frame, InterfaceId>> recorded;
  for (Link* link : {scene.first, scene.second}) {
    link->set_sieve([&, link](const Host& from, Frame& frame) {
      if (&from == &scene.phone) { recorded.emplace_back(frame, link->interface_of(scene.server)); }
      return true;
    });
  }
  auto& transfer = scene.world.transfer(scene.phone, scene.server, 256_KiB);
  ASSERT_TRUE(scene.world.run_until([&] { return transfer.complete(); }, 30_s)) << scene.world.replay();
  ASSERT_TRUE(scene.world.run_until([&] { return scene.world.quiet(); }, 200_s)) << scene.world.replay();
  ASSERT_GT(recorded.size(), 100u);
  const auto accepted = scene.counted(scene.server)[stack::Counter::connections_accepted];
  for (auto& [frame, interface] : recorded) {
    frame.interface = interface;
    frame.checksum = ChecksumState::verified;
    scene.server.stack().receive({&frame, 1}, scene.world.now());
    Frame out[16];
    while (scene.server.stack().poll_transmit(out, scene.world.now()) > 0) {}
  }
  EXPECT_EQ(scene.counted(scene.server)[stack::Counter::connections_accepted], accepted);
  EXPECT_LE(scene.server.stack().connection_count(), 1u);  // half-open, at most: its SYN was a good one
  EXPECT_FALSE(scene.server.stack().poll_event());
}

// RFC 8684 §3.4.1: who is not on the path cannot make an MAC for an address, however often he tries.
TEST(Attack, GuessedAnnouncementsOpenNoPath) {
  Scene scene{4};
  scene.second->cut();
  auto& transfer = scene.world.transfer(scene.phone, scene.server, 8_MiB);
  ASSERT_TRUE(scene.world.run_for(500_ms)) << scene.world.replay();
  const auto joins = [&] { return scene.world.counters()[stack::Counter::mp_join_syn_received]; };
  const auto before = joins();
  // On the path as far as sequence numbers go, but without the keys: the worst case of RFC 7430 §2.1.
  unsigned changed = 0, seen = 0;
  scene.first->set_sieve([&](const Host& from, Frame& frame) {
    const auto parsed = dissect(frame);
    const auto* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
    if (!d || &from != &scene.server || !d->segment.payload.empty()) { return true; }
    if (++seen % 2 == 0 || ++changed > 200) { return true; }  // without any DATA_ACK the transfer would only wait
    Segment forged = d->segment;
    forged.mptcp.clear();
    forged.tcp.sack.clear();
    forged.mptcp.push_back(wire::AddAddr{false, {9}, Address::v4(10, 1, 0, 66), std::nullopt, scene.dice.next()});
    const Addresses way{d->addresses.remote, d->addresses.local};
    frame = assemble(way, forged, {.interface = frame.interface}, scene.arena);
    return true;
  });
  ASSERT_TRUE(scene.world.run_until([&] { return transfer.complete(); }, 60_s)) << scene.world.replay();
  EXPECT_EQ(scene.counted(scene.phone)[stack::Counter::add_addr_bad_mac], 200u);
  EXPECT_EQ(joins(), before);
  EXPECT_EQ(transfer.received_digest(), transfer.sent_digest());
}
}  // namespace
}  // namespace anabranch::sim
