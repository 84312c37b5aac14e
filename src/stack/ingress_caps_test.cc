#include "stack/ingress_caps.hh"

#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {
const Address kCapped = Address::v4(10, 0, 0, 1), kFree = Address::v4(10, 0, 1, 1);

Network network(Rate cap) {
  Interface i{.id = {1}, .name = "wlan0"};
  i.addresses.push_back({.address = kCapped, .prefix = 24, .use = {.cap = cap}});
  i.addresses.push_back({.address = kFree, .prefix = 24, .use = {}});
  return {.interfaces = {i}, .routes = {}};
}

/// Bytes that pass in a second if `offered` are offered evenly.
std::uint64_t passes(IngressCaps& caps, Rate offered, Bytes packet, Instant from) {
  std::uint64_t passed = 0;
  const Duration gap = time_for(packet, offered);
  for (Instant t = from; t < from + 1_s; t = t + gap) { passed += caps.admits(kCapped, packet, t) ? packet.n : 0; }
  return passed;
}

TEST(IngressCaps, OnlyWhatTheCapAllowsPassesWhateverThePacketsSize) {
  for (const std::uint64_t packet : {100, 1500, 65000}) {
    IngressCaps caps;
    caps.update(network(8_Mbps), {});
    (void)passes(caps, 80_Mbps, {packet}, {});  // the bucket is emptied
    const std::uint64_t second = passes(caps, 80_Mbps, {packet}, Instant{} + 1_s);
    EXPECT_NEAR(static_cast<double>(second), 1'000'000, 70'000) << packet;
  }
}
TEST(IngressCaps, WhatStaysBelowTheCapPassesWhole) {
  IngressCaps caps;
  caps.update(network(8_Mbps), {});
  EXPECT_NEAR(static_cast<double>(passes(caps, {950'000}, {1500}, {})), 950'000, 1500);
}
TEST(IngressCaps, ABurstAfterSilencePassesAsFarAsTheBucketIsDeep) {
  IngressCaps caps;
  caps.update(network(8_Mbps), {});
  std::uint64_t passed = 0;
  for (int i = 0; i < 1000; ++i) { passed += caps.admits(kCapped, {1500}, Instant{} + 5_s) ? 1500 : 0; }
  EXPECT_NEAR(static_cast<double>(passed), 200'000, 1500);
}
TEST(IngressCaps, AddressesWithoutACapAreNotPoliced) {
  IngressCaps caps;
  caps.update(network(1_Mbps), {});
  for (int i = 0; i < 1000; ++i) { ASSERT_TRUE(caps.admits(kFree, {1500}, {})); }
  caps.update(network({}), {});
  for (int i = 0; i < 1000; ++i) { ASSERT_TRUE(caps.admits(kCapped, {1500}, {})); }
}
TEST(IngressCaps, TheSameNetworkOnceMoreDoesNotFillTheBucket) {
  IngressCaps caps;
  caps.update(network(1_Mbps), {});
  while (caps.admits(kCapped, {1500}, {})) {}
  caps.update(network(1_Mbps), {});
  EXPECT_FALSE(caps.admits(kCapped, {1500}, {}));
}
}  // namespace
}  // namespace anabranch::stack
