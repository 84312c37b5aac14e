#include "device/packet_filter.hh"

#include <algorithm>
#include <gtest/gtest.h>

namespace anabranch::device {
namespace {
using Packet = std::vector<std::uint8_t>;

Packet ipv4(std::uint8_t protocol, std::uint8_t words, std::uint16_t fragment, std::vector<std::uint8_t> behind) {
  Packet p(words * 4u);
  p[0] = static_cast<std::uint8_t>(0x40 | words);
  p[6] = static_cast<std::uint8_t>(fragment >> 8);
  p[7] = static_cast<std::uint8_t>(fragment);
  p[9] = protocol;
  p.insert(p.end(), behind.begin(), behind.end());
  return p;
}
Packet ipv6(std::uint8_t next, std::vector<std::uint8_t> behind) {
  Packet p(40);
  p[0] = 0x60;
  p[6] = next;
  p.insert(p.end(), behind.begin(), behind.end());
  return p;
}
std::vector<std::uint8_t> tcp_to(std::uint16_t port) {
  std::vector<std::uint8_t> t(20);
  t[2] = static_cast<std::uint8_t>(port >> 8);
  t[3] = static_cast<std::uint8_t>(port);
  return t;
}
Packet on_ethernet(const Packet& ip) {
  Packet p(14);
  p[12] = ip[0] >> 4 == 4 ? 0x08 : 0x86;
  p[13] = ip[0] >> 4 == 4 ? 0x00 : 0xdd;
  p.insert(p.end(), ip.begin(), ip.end());
  return p;
}
bool passes(std::span<const std::uint16_t> ports, const Packet& ip) {
  const bool raw = filter_accepts(packet_filter(LinkHeader::none, ports), ip);
  const bool ethernet = filter_accepts(packet_filter(LinkHeader::ethernet, ports), on_ethernet(ip));
  EXPECT_EQ(raw, ethernet);
  return raw;
}
constexpr std::uint16_t kPorts[] = {80, 443, 40000, 40001, 40002, 65535};
}  // namespace

TEST(PacketFilter, LetsInOurPortsAndNoOthers) {
  for (std::uint32_t port = 0; port < 65536; ++port) {
    const auto number = static_cast<std::uint16_t>(port);
    const bool ours = std::ranges::find(kPorts, number) != std::end(kPorts);
    if (!ours && port % 97 != 0 && port != 79 && port != 81 && port != 39999 && port != 40003) { continue; }
    EXPECT_EQ(ours, passes(kPorts, ipv4(6, 5, 0, tcp_to(number)))) << port;
    EXPECT_EQ(ours, passes(kPorts, ipv4(6, 15, 0x4000, tcp_to(number)))) << port;
    EXPECT_EQ(ours, passes(kPorts, ipv6(6, tcp_to(number)))) << port;
  }
}
TEST(PacketFilter, KeepsOutWhatIsNotTcpOrAnIcmpError) {
  EXPECT_FALSE(passes(kPorts, ipv4(17, 5, 0, tcp_to(80))));
  EXPECT_FALSE(passes(kPorts, ipv6(17, tcp_to(80))));
  EXPECT_FALSE(passes(kPorts, ipv4(1, 5, 0, {8, 0, 0, 0})));  // echo
  EXPECT_TRUE(passes(kPorts, ipv4(1, 6, 0, {3, 4, 0, 0})));   // unreachable, behind an option
  EXPECT_TRUE(passes(kPorts, ipv6(58, {1, 0, 0, 0})));
  EXPECT_TRUE(passes(kPorts, ipv6(58, {2, 0, 0, 0})));
  EXPECT_FALSE(passes(kPorts, ipv6(58, {135, 0, 0, 0})));  // neighbour discovery is the kernel's
  EXPECT_FALSE(filter_accepts(packet_filter(LinkHeader::ethernet, kPorts), Packet(60)));  // not IP
}
TEST(PacketFilter, KeepsOutLaterFragmentsAndPacketsThatEndTooEarly) {
  EXPECT_FALSE(passes(kPorts, ipv4(6, 5, 0x0001, tcp_to(80))));
  EXPECT_TRUE(passes(kPorts, ipv4(6, 5, 0x2000, tcp_to(80))));  // the first one: refused, and counted, by the stack
  EXPECT_FALSE(passes(kPorts, ipv4(6, 5, 0, {0, 0, 0})));
  EXPECT_FALSE(passes(kPorts, Packet{0x45}));
}
TEST(PacketFilter, WithoutPortsLetsInNoTcp) {
  EXPECT_FALSE(passes({}, ipv4(6, 5, 0, tcp_to(80))));
  EXPECT_FALSE(passes({}, ipv6(6, tcp_to(0))));
}
TEST(PacketFilter, FitsTheKernelsLimitForAnyNumberOfPorts) {
  std::vector<std::uint16_t> every_second;
  for (std::uint32_t port = 1; port < 65536; port += 2) {
    every_second.push_back(static_cast<std::uint16_t>(port));
    if (every_second.size() == kMaxPortRanges) {
      EXPECT_LE(packet_filter(LinkHeader::ethernet, every_second).size(), BPF_MAXINSNS);
      EXPECT_FALSE(passes(every_second, ipv4(6, 5, 0, tcp_to(2))));
    }
  }
  EXPECT_LE(packet_filter(LinkHeader::ethernet, every_second).size(), BPF_MAXINSNS);
  EXPECT_TRUE(passes(every_second, ipv4(6, 5, 0, tcp_to(2))));  // too many to tell apart: all TCP
}
}  // namespace anabranch::device
