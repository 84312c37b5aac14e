#include "base/address.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

namespace anabranch {
namespace {

Address address(std::string_view text) { return address_from_text(text).value(); }

TEST(Address, TextAndValueFindEachOther) {
  for (const std::string_view text :
       {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2"}) {
    EXPECT_EQ(to_text(address(text)), text);
  }
  EXPECT_EQ(to_text(address("2001:0DB8:0:0::0001")), "2001:db8::1");
}

TEST(Address, NonsenseIsRefused) {
  for (const std::string_view text :
       {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "host", "1::2::3", ":::", "fe80::1%eth0"}) {
    EXPECT_EQ(address_from_text(text), std::nullopt) << text;
  }
  EXPECT_EQ(address_from_text(std::string(1000, '1')), std::nullopt);
}

TEST(Address, KindsAreRecognised) {
  EXPECT_TRUE(address("0.0.0.0").is_unspecified() && address("::").is_unspecified());
  EXPECT_TRUE(address("127.9.9.9").is_loopback() && address("::1").is_loopback());
  EXPECT_FALSE(address("::2").is_loopback() || address("1::1").is_loopback() || address("128.0.0.1").is_loopback());
  EXPECT_TRUE(address("169.254.3.4").is_link_local() && address("fe80::1").is_link_local());
  EXPECT_TRUE(address("febf::1").is_link_local());
  EXPECT_FALSE(address("fec0::1").is_link_local() || address("169.253.1.1").is_link_local());
  EXPECT_TRUE(address("224.0.0.1").is_multicast() && address("ff02::1").is_multicast());
  EXPECT_FALSE(address("223.255.255.255").is_multicast());
}

TEST(Address, OrderIsByFamilyThenBytes) {
  std::vector<Address> all = {address("::1"), address("10.0.0.2"), address("9.255.0.0"), address("::")};
  std::sort(all.begin(), all.end());
  const std::vector<Address> want = {address("9.255.0.0"), address("10.0.0.2"), address("::"), address("::1")};
  EXPECT_EQ(all, want);
}

TEST(Address, BytesAreFourOrSixteen) {
  EXPECT_EQ(address("10.1.2.3").bytes().size(), 4u);
  EXPECT_EQ(address("::1").bytes().size(), 16u);
  const Address a = address("10.1.2.3");
  EXPECT_EQ(Address::of(Family::v4, a.bytes()), a);
  EXPECT_EQ(Address::v4(10, 1, 2, 3), a);
  const Address b = address("2001:db8::7");
  EXPECT_EQ(Address::of(Family::v6, b.bytes()), b);
}

TEST(Address, PrefixesAreComparedBitByBit) {
  EXPECT_TRUE(same_prefix(address("10.0.1.0"), address("10.0.1.255"), 24));
  EXPECT_FALSE(same_prefix(address("10.0.1.0"), address("10.0.1.255"), 25));
  EXPECT_TRUE(same_prefix(address("10.0.1.127"), address("10.0.1.0"), 25));
  EXPECT_TRUE(same_prefix(address("1.2.3.4"), address("9.9.9.9"), 0));
  EXPECT_FALSE(same_prefix(address("10.0.0.1"), address("::1"), 0));
  EXPECT_FALSE(same_prefix(address("10.0.0.1"), address("10.0.0.1"), 33));
  EXPECT_TRUE(same_prefix(address("2001:db8::1"), address("2001:db8::1"), 128));
}

TEST(SocketAddress, TextAndValueFindEachOther) {
  for (const std::string_view text : {"10.0.0.1:80", "[2001:db8::1]:443", "[::]:0", "1.2.3.4:65535"}) {
    const auto s = socket_address_from_text(text);
    ASSERT_TRUE(s) << text;
    EXPECT_EQ(to_text(*s), text);
  }
}

TEST(SocketAddress, NonsenseIsRefused) {
  for (const std::string_view text :
       {"", ":", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:80x", "[::1]", "10.0.0.1:-1", ":80"}) {
    EXPECT_EQ(socket_address_from_text(text), std::nullopt) << text;
  }
}
}  // namespace
}  // namespace anabranch
