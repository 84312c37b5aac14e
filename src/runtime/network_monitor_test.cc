// Netlink as it is spoken by the kernel of a namespace of our own.
#include "runtime/network_monitor.hh"
#include "device/lab.hh"
#include "runtime/offload.hh"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <poll.h>

namespace anabranch::runtime {
namespace {
using test::Lab;
using State = device::Neighbours::State;

struct NetworkMonitorInALab : testing::Test {
  void SetUp() override {
    ANABRANCH_NEEDS_LAB();
    lab.emplace();
    monitor = Lab::inside(lab->a(), [] { return NetworkMonitor::open(); }).value();
  }
  /// Takes in notifications until `happened` or eight seconds of silence (resolution fails after three).
  bool until(const std::function<bool()>& happened) {
    while (!happened()) {
      pollfd wait{.fd = monitor->descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 8000) <= 0) { return false; }
      const auto changes = monitor->receive();
      network_changes += changes.network;
      neighbour_changes += changes.neighbours;
    }
    return true;
  }
  const Interface* interface(const std::string& name) const {
    const auto& all = monitor->network().interfaces;
    const auto it = std::ranges::find(all, name, &Interface::name);
    return it == all.end() ? nullptr : &*it;
  }
  bool has_address(const std::string& name, const char* address) const {
    const Interface* i = interface(name);
    return i && std::ranges::find(i->addresses, *address_from_text(address), &InterfaceAddress::address) !=
                    i->addresses.end();
  }
  std::optional<Lab> lab;
  std::unique_ptr<NetworkMonitor> monitor;
  int network_changes = 0, neighbour_changes = 0;
};
}  // namespace

TEST_F(NetworkMonitorInALab, KnowsInterfacesAddressesAndRoutesFromTheStart) {
  lab->ip(lab->a(), "route add 192.0.2.0/24 via 10.77.0.2 metric 7");
  lab->ip(lab->a(), "route add default via 10.77.0.2 dev a0 table 100");
  lab->ip(lab->a(), "-6 route add default via fd77:0::2 dev a0");
  ASSERT_TRUE(until(
      [&] { return has_address("a0", "fd77:0::1") && interface("a0")->up && monitor->network().routes.size() >= 5; }));
  EXPECT_TRUE(has_address("a0", "10.77.0.1"));
  EXPECT_EQ(nullptr, interface("lo"));
  EXPECT_EQ(1500u, interface("a0")->mtu);
  const InterfaceId id = interface("a0")->id;
  const auto route = route_over(monitor->network(), id, *address_from_text("192.0.2.9"));
  ASSERT_TRUE(route.has_value());
  EXPECT_EQ(Address::v4(10, 77, 0, 2), route->gateway);
  EXPECT_EQ(7u, route->metric);
  // The default route lies in a table of its own, as hosts with two uplinks have it.
  EXPECT_EQ(Address::v4(10, 77, 0, 2), route_over(monitor->network(), id, *address_from_text("198.51.100.1"))->gateway);
  EXPECT_EQ(address_from_text("fd77:0::2"),
            route_over(monitor->network(), id, *address_from_text("2001:db8::1"))->gateway);
  EXPECT_FALSE(route_over(monitor->network(), id, *address_from_text("10.77.0.7"))->gateway.has_value());
}

TEST_F(NetworkMonitorInALab, SeesALinkGoDownAndComeUp) {
  ASSERT_TRUE(until([&] { return interface("a0")->up; }));
  lab->ip(lab->b(), "link set b0 down");  // a0 loses its carrier
  EXPECT_TRUE(until([&] { return !interface("a0")->up; }));
  lab->ip(lab->b(), "link set b0 up");
  EXPECT_TRUE(until([&] { return interface("a0")->up; }));
  lab->ip(lab->a(), "link del a0");
  EXPECT_TRUE(until([&] { return interface("a0") == nullptr; }));
}

TEST_F(NetworkMonitorInALab, SeesAddressesInterfacesAndMtusChange) {
  lab->ip(lab->a(), "address add 10.77.0.33/24 dev a0");
  EXPECT_TRUE(until([&] { return has_address("a0", "10.77.0.33"); }));
  lab->ip(lab->a(), "address del 10.77.0.33/24 dev a0");
  EXPECT_TRUE(until([&] { return !has_address("a0", "10.77.0.33"); }));
  lab->ip(lab->a(), "link set a0 mtu 1400");
  EXPECT_TRUE(until([&] { return interface("a0")->mtu == 1400; }));
  lab->add_link(1);
  EXPECT_TRUE(until([&] { return interface("a1") != nullptr && has_address("a1", "10.77.1.1"); }));
}

TEST_F(NetworkMonitorInALab, HasTheKernelResolveNeighbours) {
  for (const char* text : {"10.77.0.2", "fd77:0::2"}) {
    const Address hop = *address_from_text(text);
    const InterfaceId id = interface("a0")->id;
    EXPECT_NE(State::known, monitor->find(id, hop).state);
    monitor->resolve(id, hop);
    EXPECT_TRUE(until([&] { return monitor->find(id, hop).state == State::known; })) << text;
  }
  EXPECT_GE(neighbour_changes, 2);
  monitor->resolve(interface("a0")->id, Address::v4(10, 77, 0, 99));
  EXPECT_TRUE(
      until([&] { return monitor->find(interface("a0")->id, Address::v4(10, 77, 0, 99)).state == State::failed; }));
}

TEST_F(NetworkMonitorInALab, KeepsNeighboursInUseFreshAndHearsOfNewMacs) {
  const Address hop = Address::v4(10, 77, 0, 2);
  const InterfaceId id = interface("a0")->id;
  lab->ip(lab->a(), "neighbour replace 10.77.0.2 dev a0 lladdr 02:00:00:00:00:07 nud stale");
  ASSERT_TRUE(until([&] { return monitor->find(id, hop).state == State::known; }));
  EXPECT_EQ(0x07, monitor->find(id, hop).mac[5]);
  lab->ip(lab->a(), "neighbour replace 10.77.0.2 dev a0 lladdr 02:00:00:00:00:08 nud stale");
  ASSERT_TRUE(until([&] { return monitor->find(id, hop).mac[5] == 0x08; }));
  lab->ip(lab->a(), "neighbour del 10.77.0.2 dev a0");
  EXPECT_TRUE(until([&] { return monitor->find(id, hop).state != State::known; }));
  for (int i = 0; i < 5; ++i) { monitor->tick(); }  // in use: the kernel is asked to find it again
  EXPECT_TRUE(until([&] { return monitor->find(id, hop).state == State::known; }));
  EXPECT_NE(0x08, monitor->find(id, hop).mac[5]);
}

TEST_F(NetworkMonitorInALab, TellsWhatTheLinkTakesInOnePiece) {
  const auto limit = [&] {
    const auto it = std::ranges::find(monitor->links(), "a0", &Link::name);
    return Lab::inside(lab->a(), [&] { return super_segment_limit(*it); });
  };
  EXPECT_GE(limit(), 65000u);
  EXPECT_LE(limit(), 65535u);
  if (Lab::exec(lab->a(), "ethtool -K a0 gso off") == 0) { EXPECT_EQ(0u, limit()); }
  lab->ip(lab->a(), "link set a0 gso_max_size 20000");
  ASSERT_TRUE(until([&] { return std::ranges::find(monitor->links(), "a0", &Link::name)->gso_max == 20000; }));
  Lab::exec(lab->a(), "ethtool -K a0 gso on");
  EXPECT_LT(limit(), 20000u);
}
}  // namespace anabranch::runtime
