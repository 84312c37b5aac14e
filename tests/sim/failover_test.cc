// Paths that fail, come back, cost money or have a limit: how long the application waits, and what goes where.
#include "packet/dissect.hh"
#include "sim/world.hh"

#include "phone_and_server.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <vector>

namespace anabranch::sim {
namespace {

struct Pair : PhoneAndServer {
  std::size_t alive(const Application& end) const {
    const auto all = info(end).subflows;
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [](const auto& s) { return s.ended_by.empty() && s.state == "active"; }));
  }
  /// The longest pause between two bytes that `end` reads, within `span` from now.
  Duration longest_pause(const Application& end, Duration span) {
    Duration longest{};
    const Instant until = world.now() + span;
    Instant last = world.now();
    std::uint64_t read = end.read();
    const auto news = [&] { return end.read() != read; };
    while (world.now() < until && world.run_until(news, until - world.now())) {
      longest = std::max(longest, world.now() - last);
      last = world.now();
      read = end.read();
    }
    return std::max(longest, world.now() - last);
  }
  /// From now until `link` has carried so much more.
  Duration until_carries(const Link& link, Bytes more, Duration limit) {
    const Instant from = world.now();
    const Bytes before = link.delivered();
    EXPECT_TRUE(world.run_until([&] { return link.delivered() >= before + more; }, limit)) << world.replay();
    return world.now() - from;
  }
  void use(Host& host, const Link& link, const AddressUse& use) {
    host.change(world.now(), [&](Network& network) {
      for (Interface& i : network.interfaces) {
        if (i.id != link.interface_of(host)) { continue; }
        for (InterfaceAddress& a : i.addresses) { a.use = use; }
      }
    });
  }
};

mptcp::Config with_manager(std::string_view name, const mptcp::PathRules& rules = {}) {
  mptcp::Config config;
  config.path_manager = name;
  config.paths = rules;
  return config;
}

TEST(Failover, EightSubflowsBetweenTwoAddressesOpenAtOnceAndAllCarryData) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  auto& transfer =
      pair.world.transfer(pair.phone, pair.server, 16_MiB, {.client = with_manager("ndiffports", {.ndiffports = 8})});
  ASSERT_TRUE(pair.world.run_for(1_s)) << pair.world.replay();
  EXPECT_EQ(pair.alive(transfer.client()), 8u) << pair.world.replay();
  ASSERT_TRUE(pair.world.run_for(2_s));
  for (const auto& s : pair.info(transfer.client()).subflows) { EXPECT_GT(s.bytes_sent, 0u) << s.id.raw; }
}

/// A transfer over two paths of which one swallows everything for a while: how long until it carries data again.
Duration healing(bool up, Duration outage) {
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  TransferOptions options;
  if (!up) { options.back = 1024_MiB; }
  pair.world.transfer(pair.phone, pair.server, up ? 1024_MiB : 1_KiB, options);
  EXPECT_TRUE(pair.world.run_for(3_s));
  wifi.cut(true);
  EXPECT_TRUE(pair.world.run_for(outage));
  wifi.heal();
  return pair.until_carries(wifi, 100'000_B, 60_s);
}

TEST(Failover, APathThatSwallowedEverythingCarriesDataAgainAfterAQuarterOfItsAbsence) {
  constexpr Duration kRoundTrip = 20_ms;
  for (const bool up : {true, false}) {
    for (const Duration outage : {5_s, 20_s}) {
      const Duration allowed = std::max(outage / 4, 1_s) + kRoundTrip * 5 / 2 + 100_ms;  // 100 KB take some more
      EXPECT_LE(healing(up, outage), allowed) << up << ' ' << milliseconds(outage);
    }
  }
}

/// What crosses a link from the instant in which it is whole again: the first packet, and the second one with data of
/// the application, which is no probe.
struct Return {
  std::optional<Instant> first, data;
  unsigned with_data = 0;
};

std::optional<Segment> segment_of(Frame& packet) {
  const auto parsed = dissect(packet);
  const auto* d = parsed ? std::get_if<Dissected>(&*parsed) : nullptr;
  return d ? std::optional{d->segment} : std::nullopt;
}

TEST(Failover, APathThatReturnsCarriesDataAgainWithinTwoAndAHalfRoundTripsOfItsFirstProbe) {
  constexpr Duration kRoundTrip = 20_ms;
  for (const bool up : {true, false}) {
    for (const Duration outage : {2_s, 7_s, 40_s}) {
      Pair pair;
      auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = kRoundTrip / 2});
      pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
      pair.world.transfer(pair.phone, pair.server, up ? 1024_MiB : 1_KiB, {.back = up ? 1_KiB : 1024_MiB});
      ASSERT_TRUE(pair.world.run_for(3_s));
      wifi.cut(true);
      ASSERT_TRUE(pair.world.run_for(outage));
      wifi.heal();
      Return seen;
      wifi.set_sieve([&](const Host& from, Frame& packet) {
        const auto segment = segment_of(packet);
        if (!seen.first) { seen.first = pair.world.now(); }
        const bool data = segment && &from == (up ? &pair.phone : &pair.server) && !segment->payload.empty();
        if (data && ++seen.with_data == 2) { seen.data = pair.world.now(); }
        return true;
      });
      ASSERT_TRUE(pair.world.run_until([&] { return seen.data.has_value(); }, 30_s)) << pair.world.replay();
      // It arrives half a round trip after it has left; a millisecond is for the packet itself.
      EXPECT_LE(milliseconds(*seen.data - *seen.first), milliseconds(kRoundTrip * 2 + 1_ms))
          << up << ' ' << milliseconds(outage) << pair.world.replay();
    }
  }
}

/// A network that takes joins and never answers: each attempt is one source port.
TEST(Failover, APathThatNeverAnswersIsTriedLessAndLessOften) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 1_Mbps, .delay = 10_ms});
  auto& dead = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  std::map<std::uint16_t, Instant> attempts;
  dead.set_sieve([&](const Host&, Frame& packet) {
    if (const auto segment = segment_of(packet); segment && wire::find<wire::JoinSyn>(segment->mptcp)) {
      attempts.emplace(std::get<Dissected>(*dissect(packet)).addresses.remote.port, pair.world.now());
    }
    return false;
  });
  pair.world.transfer(pair.phone, pair.server, 1024_MiB);
  ASSERT_TRUE(pair.world.run_for(240_s));
  std::vector<Instant> begun;
  for (const auto& [port, at] : attempts) { begun.push_back(at); }
  std::ranges::sort(begun);
  ASSERT_GE(begun.size(), 6u);
  EXPECT_LE(begun.size(), 8u);
  Duration before{};
  for (std::size_t i = 1; i < begun.size(); ++i) {
    EXPECT_GE(begun[i] - begun[i - 1] + 1_s, before) << i;
    before = begun[i] - begun[i - 1];
  }
  EXPECT_GT(before, 30_s);
}

/// One path at a time: nobody can tell the server before the new subflow is complete. It sends there what the old one
/// held in the instant in which it is: two round trips after the interface is there.
TEST(Failover, ADownloadGoesOnTwoRoundTripsAfterTheOnlyOtherInterfaceComesUp) {
  constexpr Duration kRoundTrip = 100_ms;
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 5_Mbps, .delay = 10_ms, .queue = 16_KiB});
  auto& lte = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = kRoundTrip / 2});
  lte.take_down_at(pair.phone);
  auto& transfer =
      pair.world.transfer(pair.phone, pair.server, 1_KiB, {.back = 1024_MiB, .client = with_manager("single_path")});
  ASSERT_TRUE(pair.world.run_for(3_s));
  wifi.take_down_at(pair.phone);
  lte.bring_up();
  EXPECT_LE(milliseconds(pair.longest_pause(transfer.client(), 500_ms)), milliseconds(kRoundTrip * 5 / 2))
      << pair.world.replay();
}

TEST(Failover, ASilentPathStopsADownloadForHalfASecondAtMost) {
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 1_KiB, {.back = 1024_MiB});
  ASSERT_TRUE(pair.world.run_for(3_s)) << pair.world.replay();
  wifi.cut(true);
  EXPECT_LE(pair.longest_pause(transfer.client(), 10_s), 500_ms) << pair.world.replay();
}

TEST(Failover, ALostAddressIsToldUntilThePeerHasHeardIt) {
  for (std::size_t lost = 0; lost < 3; ++lost) {
    Pair pair;
    auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
    auto& lte = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
    std::size_t seen = 0;
    lte.set_sieve([&](const Host& from, Frame& packet) {
      const auto segment = segment_of(packet);
      const bool tells = segment && &from == &pair.phone && wire::find<wire::RemoveAddr>(segment->mptcp);
      return !tells || seen++ >= lost;
    });
    auto& transfer = pair.world.transfer(pair.phone, pair.server, 1_KiB, {.back = 1024_MiB});
    ASSERT_TRUE(pair.world.run_for(3_s));
    wifi.take_down_at(pair.phone);
    // Told at once, a timeout later, or found out by the server itself: then a timeout and its own round trips.
    const Duration allowed[] = {250_ms, 500_ms, 600_ms};
    EXPECT_LE(milliseconds(pair.longest_pause(transfer.client(), 3_s)), milliseconds(allowed[lost])) << lost;
    EXPECT_EQ(seen, 3u);
    EXPECT_EQ(pair.alive(transfer.server()), 1u) << lost;
  }
}

TEST(Failover, ABackupCarriesNothingUntilItIsNeededAndNothingOnceItIsNotNeededAnyMore) {
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  auto& lte = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  pair.world.transfer(pair.phone, pair.server, 1_KiB, {.back = 1024_MiB, .client = with_manager("backup")});
  ASSERT_TRUE(pair.world.run_for(3_s));
  EXPECT_LT(lte.delivered(), 10_KiB);
  wifi.cut(true);
  (void)pair.until_carries(lte, 1_MiB, 3_s);
  wifi.heal();
  ASSERT_TRUE(pair.world.run_for(3_s));
  const Bytes before = lte.delivered();
  ASSERT_TRUE(pair.world.run_for(2_s));
  EXPECT_LT(lte.delivered(), before + 20_KiB) << pair.world.replay();
}

TEST(Failover, AMeteredLastResortIsOpenedWhenThePathInUseGoesSilent) {
  Pair pair;
  auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  auto& lte = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  pair.use(pair.phone, lte, {.metered = true});
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 1024_MiB,
                                       {.client = with_manager("backup", {.metered = mptcp::Metered::last_resort})});
  ASSERT_TRUE(pair.world.run_for(3_s));
  EXPECT_EQ(lte.delivered(), 0_B);
  wifi.cut(true);
  // A timeout (a round trip of 120 ms and 200) finds it silent, then a join of two round trips of the other path.
  EXPECT_LE(pair.longest_pause(transfer.server(), 5_s), 700_ms) << pair.world.replay();
  EXPECT_GT(lte.delivered(), 1_MiB);
  wifi.heal();
  ASSERT_TRUE(pair.world.run_for(10_s));
  EXPECT_EQ(pair.alive(transfer.client()), 1u) << pair.world.replay();
}

/// Whatever is under way when the interface goes: it leaves on the other path in the same instant.
TEST(Failover, AnUploadWhoseInterfaceGoesDownStopsForLittleMoreThanARoundTripWheneverThatIs) {
  for (int n = 0; n < 6; ++n) {
    Pair pair;
    auto& wifi = pair.world.link(pair.phone, pair.server, {.rate = 40_Mbps, .delay = 10_ms});
    pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 25_ms});
    auto& transfer = pair.world.transfer(pair.phone, pair.server, 1024_MiB);
    ASSERT_TRUE(pair.world.run_for(2_s + 331_ms * n)) << pair.world.replay();
    wifi.take_down_at(pair.phone);
    const Duration pause = pair.longest_pause(transfer.server(), 2_s);
    EXPECT_LE(milliseconds(pause), 150) << n;  // the queue of the other path (100 ms) and its round trip
  }
}

double mbps(const Link& link, World& world, Duration span) {
  const Bytes before = link.delivered();
  EXPECT_TRUE(world.run_for(span)) << world.replay();
  return static_cast<double>((link.delivered() - before).n) * 8 / seconds(span) / 1e6;
}

TEST(Failover, ACapHoldsForWhatWeSendOnAllSubflowsOfAnAddressTogether) {
  Pair pair;
  auto& link = pair.world.link(pair.phone, pair.server, {.rate = 50_Mbps, .delay = 10_ms});
  pair.use(pair.phone, link, {.cap = 5_Mbps});
  pair.world.transfer(pair.phone, pair.server, 1024_MiB, {.client = with_manager("ndiffports", {.ndiffports = 3})});
  ASSERT_TRUE(pair.world.run_for(2_s));
  const double rate = mbps(link, pair.world, 5_s);
  EXPECT_LE(rate, 5.4);  // and acknowledgments
  EXPECT_GE(rate, 4.5);
  pair.use(pair.phone, link, {});
  EXPECT_GT(mbps(link, pair.world, 5_s), 30);
}

TEST(Failover, ACapHoldsForWhatWeReceive) {
  Pair pair;
  auto& link = pair.world.link(pair.phone, pair.server, {.rate = 50_Mbps, .delay = 10_ms});
  pair.use(pair.phone, link, {.cap = 5_Mbps});
  auto& transfer = pair.world.transfer(pair.phone, pair.server, 1_KiB, {.back = 1024_MiB});
  ASSERT_TRUE(pair.world.run_for(5_s));
  const std::uint64_t before = transfer.client().read();
  ASSERT_TRUE(pair.world.run_for(10_s)) << pair.world.replay();
  const double rate = static_cast<double>(transfer.client().read() - before) * 8 / 10 / 1e6;
  EXPECT_LE(rate, 5.1);
  EXPECT_GE(rate, 3.5);
}

TEST(Failover, IdleSubflowsAreProbedIfThatIsWanted) {
  for (const bool wanted : {false, true}) {
    Pair pair;
    pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
    auto& idle = pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
    const mptcp::PathRules rules{.probe_idle = wanted ? 4_s : Duration{}};
    pair.world.transfer(pair.phone, pair.server, 1024_MiB, {.client = with_manager("backup", rules)});
    ASSERT_TRUE(pair.world.run_for(3_s));
    const Bytes before = idle.delivered();
    ASSERT_TRUE(pair.world.run_for(6_s));
    EXPECT_EQ(idle.delivered() > before, wanted);
  }
}

TEST(Failover, IdleSubflowsAreClosedIfThatIsWantedAndTheConnectionGoesOn) {
  Pair pair;
  pair.world.link(pair.phone, pair.server, {.rate = 20_Mbps, .delay = 10_ms});
  pair.world.link(pair.phone, pair.server, {.rate = 10_Mbps, .delay = 25_ms});
  auto& transfer = pair.world.transfer(
      pair.phone, pair.server, 1024_MiB,
      {.client = with_manager("backup", {.close_idle = 5_s}), .client_manners = {.write_at_most = 1000_B}});
  ASSERT_TRUE(pair.world.run_for(2_s));
  EXPECT_EQ(pair.alive(transfer.client()), 2u);
  ASSERT_TRUE(pair.world.run_for(5_s));
  EXPECT_EQ(pair.alive(transfer.client()), 1u) << pair.world.replay();
}
}  // namespace
}  // namespace anabranch::sim
