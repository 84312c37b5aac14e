#include "base/network.hh"

#include <gtest/gtest.h>

namespace anabranch {
namespace {

Network network(std::initializer_list<InterfaceAddress> addresses) {
  Network out;
  out.interfaces.push_back({.id = {1}, .name = "a", .addresses = addresses});
  return out;
}

// RFC 1122 §3.3.6.
TEST(Network, TheLastAddressOfANetworkIsEverybodys) {
  const Network net = network({{Address::v4(10, 1, 0, 1), 24}, {Address::v4(10, 2, 64, 1), 18}});
  EXPECT_TRUE(is_broadcast(net, Address::v4(10, 1, 0, 255)));
  EXPECT_TRUE(is_broadcast(net, Address::v4(10, 2, 127, 255)));
  EXPECT_FALSE(is_broadcast(net, Address::v4(10, 1, 0, 254)));
  EXPECT_FALSE(is_broadcast(net, Address::v4(10, 2, 64, 255)));
  EXPECT_FALSE(is_broadcast(net, Address::v4(10, 3, 0, 255)));
}

// RFC 3021: both addresses of a network of two are hosts; so is the one of a network of one.
TEST(Network, ANetworkOfTwoHasNoSuchAddress) {
  const Network net = network({{Address::v4(10, 1, 0, 0), 31}, {Address::v4(10, 2, 0, 255), 32}});
  EXPECT_FALSE(is_broadcast(net, Address::v4(10, 1, 0, 1)));
  EXPECT_FALSE(is_broadcast(net, Address::v4(10, 2, 0, 255)));
}

TEST(Network, Ipv6HasNone) {
  const Network net = network({{*address_from_text("2001:db8::1"), 64}});
  EXPECT_FALSE(is_broadcast(net, *address_from_text("2001:db8::ffff:ffff:ffff:ffff")));
}
}  // namespace
}  // namespace anabranch
