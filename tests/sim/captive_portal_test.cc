// RFC 8041 §3.10: the network that a phone prefers leads nowhere, or to a captive portal. What opening a connection costs.
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "sim/world.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

/// What stands behind a network that wants to be logged in to.
enum class Portal : std::uint8_t {
  swallows,  ///< packets vanish
  refuses,   ///< SYNs are answered with RSTs
  pretends,  ///< it answers in the server's place, in plain TCP, and sends everybody to its page
};

constexpr std::string_view kPage = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n";

/// Nothing gets past it.
class PortalBox final : public Middlebox {
 public:
  struct Seen {
    std::uint64_t data = 0, resets = 0, third_acks = 0;
  };
  PortalBox(Portal portal, SlabPool& pool, Seen& seen) : portal_{portal}, pool_{pool}, arena_{pool}, seen_{seen} {}

  void pass(Way way, Frame packet, Instant, std::vector<Sent>& out) override {
    const auto parsed = dissect(packet);
    const auto* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
    if (d == nullptr || way == Way::back) { return; }
    const Segment& s = d->segment;
    seen_.data += s.payload.size().n;
    seen_.resets += s.flags.rst ? 1 : 0;
    seen_.third_acks += !s.flags.syn && !s.flags.rst && s.payload.empty() ? 1 : 0;
    if (s.flags.rst || portal_ == Portal::swallows) { return; }
    if (s.flags.syn) { return answer_syn(*d, packet.interface, out); }
    if (portal_ == Portal::pretends && !s.payload.empty()) { answer_request(*d, packet.interface, out); }
  }

 private:
  static constexpr SeqNum kIsn{5000};

  void answer_syn(const Dissected& d, InterfaceId on, std::vector<Sent>& out) {
    Segment answer;
    answer.flags.ack = true;
    answer.ack = SeqNum{d.segment.seq.raw + 1};
    if (portal_ == Portal::refuses) {
      answer.flags.rst = true;
    } else {
      answer.flags.syn = true;
      answer.seq = kIsn;
      answer.window = 65535;
      answer.tcp.mss = 1460;
    }
    send(d, answer, on, out);
  }
  void answer_request(const Dissected& d, InterfaceId on, std::vector<Sent>& out) {
    Segment answer;
    answer.flags.ack = answer.flags.fin = true;
    answer.seq = SeqNum{kIsn.raw + 1};
    answer.ack = SeqNum{static_cast<std::uint32_t>(d.segment.seq.raw + d.segment.payload.size().n)};
    answer.window = 65535;
    Packer packer{pool_};
    answer.payload = packer.copy({reinterpret_cast<const std::uint8_t*>(kPage.data()), kPage.size()});
    send(d, answer, on, out);
  }
  void send(const Dissected& d, const Segment& answer, InterfaceId on, std::vector<Sent>& out) {
    out.push_back({Way::back, assemble(d.addresses, answer, {.ipv4_id = 1, .interface = on}, arena_)});
  }

  Portal portal_;
  SlabPool& pool_;
  HeaderArena arena_;
  Seen& seen_;
};

/// A phone on Wi-Fi, which it prefers, and on a mobile network; either leads to the server's only address.
class CaptivePortal : public testing::Test {
 protected:
  static constexpr std::uint16_t kPort = 80;

  World world{1, {.watched = false}};
  Host &phone = world.host("phone"), &server = world.host("server");
  Link& wifi = world.link(phone, server, {.rate = 40_Mbps, .delay = 10_ms}, {.default_route = true});
  Link& mobile = world.link(phone, server, {.rate = 20_Mbps, .delay = 30_ms}, {.default_route = true});
  PortalBox::Seen seen;

  CaptivePortal() { EXPECT_TRUE(server.stack().listen({.port = kPort})); }

  void put(Portal portal) { wifi.set_middlebox(std::make_unique<PortalBox>(portal, world.pool(), seen)); }
  stack::ConnectionId connect(bool race = true) {
    stack::ConnectOptions options;
    options.remote = {*wifi.address_of(server, Family::v4), kPort};
    options.race.on = race;
    const auto id = phone.stack().connect(options, world.now());
    EXPECT_TRUE(id);
    return id.value_or(stack::ConnectionId{});
  }
  mptcp::ConnectionInfo info(stack::ConnectionId id) { return phone.stack().info(id, world.now()).value(); }
  /// Until the application may use it; never if that takes longer than `limit`.
  Duration time_to_open(stack::ConnectionId id, Duration limit = 20_s) {
    const Instant began = world.now();
    const bool open = world.run_until([&] { return info(id).state == "open"; }, limit);
    EXPECT_FALSE(world.failure()) << world.replay();
    return open ? world.now() - began : Duration{std::numeric_limits<std::int64_t>::max()};
  }
  Address first_path(stack::ConnectionId id) { return phone.stack().local_address(id).address; }
  Address on(const Link& link) { return *link.address_of(phone, Family::v4); }
  void ask(stack::ConnectionId id) {
    const std::string request = "GET / HTTP/1.1\r\n\r\n";
    const std::span bytes{reinterpret_cast<const std::uint8_t*>(request.data()), request.size()};
    EXPECT_TRUE(phone.stack().write(id, bytes, world.now()));
  }
};

TEST_F(CaptivePortal, ThatSwallowsPacketsCosts300Milliseconds) {
  put(Portal::swallows);
  const auto id = connect();
  EXPECT_LE(time_to_open(id), 311_ms);  // a quarter of a second, and the other network's round trip
  EXPECT_EQ(info(id).protocol, mptcp::Protocol::mptcp);
  EXPECT_EQ(first_path(id), on(mobile));
}

TEST_F(CaptivePortal, ThatSwallowsPacketsCostsMuchMoreWithoutARace) {
  put(Portal::swallows);
  EXPECT_GT(time_to_open(connect(false), 10_s), 10_s);
}

TEST_F(CaptivePortal, ThatRefusesCostsItsRoundTrip) {
  put(Portal::refuses);
  const auto id = connect();
  EXPECT_LE(time_to_open(id), 85_ms);  // 20 and 60 ms
  EXPECT_EQ(info(id).protocol, mptcp::Protocol::mptcp);
  EXPECT_EQ(first_path(id), on(mobile));
}

TEST_F(CaptivePortal, ThatPretendsLosesToTheNetworkThatSpeaksMultipathTcp) {
  put(Portal::pretends);
  const auto id = connect();
  ask(id);
  EXPECT_LE(time_to_open(id), 85_ms);
  EXPECT_EQ(info(id).protocol, mptcp::Protocol::mptcp);
  EXPECT_EQ(first_path(id), on(mobile));
  ASSERT_TRUE(world.run_for(1_s));
  EXPECT_EQ(seen.data, 0u) << "the portal has read what was for the server";
  EXPECT_EQ(info(id).bytes_acknowledged, info(id).bytes_written);
}

TEST_F(CaptivePortal, ThatPretendsAndIsAllThereIsIsPlainTcpAndTheApplicationIsTold) {
  put(Portal::pretends);
  mobile.cut();
  const auto id = connect();
  ask(id);
  EXPECT_LE(time_to_open(id), 300_ms);
  EXPECT_EQ(info(id).protocol, mptcp::Protocol::tcp);
  EXPECT_EQ(info(id).fallback_reason, mptcp::FallbackReason::peer_refused);
  ASSERT_TRUE(world.run_for(1_s));
  std::vector<std::uint8_t> page(1000);
  const auto n = phone.stack().read(id, page, world.now());
  ASSERT_TRUE(n);
  EXPECT_EQ((std::string{page.begin(), page.begin() + static_cast<std::ptrdiff_t>(*n)}), kPage);
  EXPECT_EQ(phone.stack().read(id, page, world.now()).value_or(99), 0u);
  bool told = false;
  while (const auto event = phone.stack().poll_path_event(id)) {
    told = told || (event->what == mptcp::PathChange::fell_back && event->why == "peer_refused");
  }
  EXPECT_TRUE(told);
  // The next connection there does not wait for MPTCP again.
  EXPECT_LE(time_to_open(connect()), 25_ms);
}

TEST_F(CaptivePortal, ThatLetsGoIsJoinedLikeAnyOtherNetwork) {
  put(Portal::swallows);
  const auto id = connect();
  EXPECT_LE(time_to_open(id), 311_ms);
  ASSERT_TRUE(world.run_for(5_s));
  wifi.set_middlebox(nullptr);  // somebody has logged in
  const bool joined = world.run_until(
      [&] {
        return std::ranges::any_of(info(id).subflows, [&](const mptcp::SubflowInfo& s) {
          return s.state == "active" && s.local.address == on(wifi);
        });
      },
      120_s);
  EXPECT_TRUE(joined) << world.replay();
}

TEST_F(CaptivePortal, NoneOfThemLeavesAnythingBehind) {
  for (const Portal portal : {Portal::swallows, Portal::refuses, Portal::pretends}) {
    put(portal);
    const auto id = connect();
    (void)time_to_open(id);
    EXPECT_EQ(phone.stack().connection_count(), 1u);
    (void)phone.stack().abort(id, world.now());
    phone.stack().release(id, world.now());
    ASSERT_TRUE(world.run_for(5_s));
    EXPECT_EQ(phone.stack().connection_count(), 0u);
  }
}

TEST_F(CaptivePortal, AServerWithoutMultipathTcpIsWaitedForOnceOnly) {
  stack::ListenOptions plain{.port = kPort + 1};
  plain.config.multipath = false;
  ASSERT_TRUE(server.stack().listen(plain));
  const auto open = [&] {
    stack::ConnectOptions options;
    options.remote = {*wifi.address_of(server, Family::v4), kPort + 1};
    return time_to_open(phone.stack().connect(options, world.now()).value());
  };
  EXPECT_LE(open(), 85_ms);  // both networks have answered
  EXPECT_LE(open(), 21_ms);
  EXPECT_EQ(phone.stack().counters()[stack::Counter::race_plain_held], 1u);
}
}  // namespace
}  // namespace anabranch::sim
