#include "wire/checksum.hh"
#include "wire/icmp.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

namespace anabranch::wire {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer v4_packet(std::size_t payload) {
  Buffer packet(Ipv4Header::kSize + payload);
  Writer out{packet};
  write_ipv4(out, {.tos = 0x2e,
                   .total_length = static_cast<std::uint16_t>(packet.size()),
                   .id = 77,
                   .ttl = 3,
                   .protocol = kProtocolTcp,
                   .source = Address::v4(10, 0, 0, 1),
                   .destination = Address::v4(10, 0, 0, 2)});
  for (std::size_t i = 0; i < payload; ++i) { packet[Ipv4Header::kSize + i] = static_cast<std::uint8_t>(i + 1); }
  return packet;
}

Buffer v6_packet(std::size_t payload) {
  Buffer packet(Ipv6Header::kSize + payload);
  Writer out{packet};
  write_ipv6(out, {.traffic_class = 0x2e,
                   .flow_label = 0xabcde,
                   .payload_length = static_cast<std::uint16_t>(payload),
                   .protocol = kProtocolTcp,
                   .hop_limit = 3,
                   .source = *address_from_text("2001:db8::1"),
                   .destination = *address_from_text("2001:db8::2")});
  for (std::size_t i = 0; i < payload; ++i) { packet[Ipv6Header::kSize + i] = static_cast<std::uint8_t>(i + 1); }
  return packet;
}

void fix_checksum(Buffer& packet, std::size_t header) {
  packet[10] = packet[11] = 0;
  const std::uint16_t sum = Sum{std::span{packet}.first(header)}.checksum();
  packet[10] = static_cast<std::uint8_t>(sum >> 8);
  packet[11] = static_cast<std::uint8_t>(sum);
}

TEST(Ipv4, SurvivesTheWire) {
  const Buffer packet = v4_packet(5);
  const auto header = parse_ipv4(packet, packet.size());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->tos, 0x2e);
  EXPECT_EQ(header->total_length, 25);
  EXPECT_EQ(header->id, 77);
  EXPECT_TRUE(header->dont_fragment);
  EXPECT_EQ(header->ttl, 3);
  EXPECT_EQ(header->protocol, kProtocolTcp);
  EXPECT_EQ(to_text(header->source), "10.0.0.1");
  EXPECT_EQ(to_text(header->destination), "10.0.0.2");
  EXPECT_EQ(header->header_length, 20);
}

TEST(Ipv4, OptionsAreSkipped) {  // [9293-MUST-50]
  Buffer packet = v4_packet(5);
  packet.insert(packet.begin() + 20, {1, 1, 1, 0});
  packet[0] = 0x46;
  packet[3] = static_cast<std::uint8_t>(packet.size());
  fix_checksum(packet, 24);
  const auto header = parse_ipv4(packet, packet.size());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->header_length, 24);
}

TEST(Ipv4, IsRefusedWithAReason) {
  struct Row {
    std::size_t at;
    unsigned value;
    IpFailure failure;
  };
  const Row rows[] = {{0, 0x65, IpFailure::wrong_version},     {0, 0x44, IpFailure::bad_header_length},
                      {0, 0x4f, IpFailure::bad_header_length}, {3, 19, IpFailure::bad_total_length},
                      {3, 26, IpFailure::bad_total_length},    {6, 0x60, IpFailure::fragment},
                      {7, 0x01, IpFailure::fragment}};
  for (const Row& row : rows) {
    Buffer packet = v4_packet(5);
    packet[row.at] = static_cast<std::uint8_t>(row.value);
    fix_checksum(packet, 20);
    EXPECT_EQ(parse_ipv4(packet, packet.size()).error(), row.failure) << row.at;
  }
  Buffer packet = v4_packet(5);
  packet[8] ^= 1;
  EXPECT_EQ(parse_ipv4(packet, packet.size()).error(), IpFailure::bad_checksum);
  for (std::size_t n = 0; n < 20; ++n) {
    EXPECT_EQ(parse_ipv4(std::span{packet}.first(n), n).error(), IpFailure::too_short);
  }
}

TEST(Ipv4, WritingIntoTooLittleRoomFailsAndTouchesNothing) {
  Buffer packet(19, 7);
  Writer out{packet};
  write_ipv4(out, {.source = Address::v4(1, 2, 3, 4), .destination = Address::v4(1, 2, 3, 4)});
  EXPECT_FALSE(out.ok());
  EXPECT_EQ(packet, Buffer(19, 7));
}

TEST(Ipv6, SurvivesTheWire) {
  const Buffer packet = v6_packet(5);
  const auto header = parse_ipv6(packet, packet.size());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->traffic_class, 0x2e);
  EXPECT_EQ(header->flow_label, 0xabcdeu);
  EXPECT_EQ(header->payload_length, 5);
  EXPECT_EQ(header->protocol, kProtocolTcp);
  EXPECT_EQ(header->hop_limit, 3);
  EXPECT_EQ(to_text(header->source), "2001:db8::1");
  EXPECT_EQ(to_text(header->destination), "2001:db8::2");
  EXPECT_EQ(header->header_length, 40);
  for (std::size_t n = 0; n < packet.size(); ++n) {
    EXPECT_EQ(parse_ipv6(std::span{packet}.first(n), n).error(),
              n < 40 ? IpFailure::too_short : IpFailure::bad_total_length);
  }
}

TEST(Ipv6, ExtensionHeadersThatRunAwayAreRefused) {
  Buffer packet = v6_packet(16);
  packet[6] = 60;                                                     // destination options
  std::ranges::fill(std::span{packet}.subspan(40), std::uint8_t{0});  // Pad1 all over
  packet[40] = kProtocolTcp;
  packet[41] = 1;  // 16 bytes: all there is
  EXPECT_EQ(parse_ipv6(packet, packet.size())->header_length, 56);
  packet[41] = 2;
  EXPECT_EQ(parse_ipv6(packet, packet.size()).error(), IpFailure::bad_extension_header);
  packet.resize(80);  // the packet ends before its extension header does, though the buffer goes on
  EXPECT_EQ(parse_ipv6(packet, packet.size()).error(), IpFailure::bad_total_length);
}

/// A packet whose extension headers are `headers`, one after the other, and then 8 bytes of TCP.
Buffer v6_with(std::uint8_t first, const Buffer& headers) {
  Buffer packet = v6_packet(headers.size() + 8);
  packet[6] = first;
  std::ranges::copy(headers, packet.begin() + 40);
  return packet;
}
constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestination = 60;

TEST(Ipv6, ExtensionHeadersOfEveryKindLeadToWhatIsBehindThem) {
  const Buffer headers = {
      kDestination, 0,    5,   2, 0, 0, 1, 0,                             // hop by hop: router alert, PadN
      kRouting,     1,    1,   4, 0, 0, 0, 0, 0x1e, 2, 7, 7, 0, 0, 0, 0,  // destination: PadN, unknown 0x1e
      kFragment,    0,    253, 0, 0, 0, 0, 0,                             // routing, walked to its end
      kDestination, 0x55, 0,   6, 1, 2, 3, 4,                             // fragment, atomic; reserved bits set
      kProtocolTcp, 0,    1,   4, 0, 0, 0, 0,
  };
  const Buffer packet = v6_with(kHopByHop, headers);
  const auto header = parse_ipv6(packet, packet.size());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->protocol, kProtocolTcp);
  EXPECT_EQ(header->header_length, 40 + headers.size());
  for (std::size_t n = 41; n < 40 + headers.size(); ++n) {  // cut anywhere: refused, never read beyond
    EXPECT_FALSE(parse_quoted_ipv6(std::span{packet}.first(n)).has_value()) << n;
  }
}

TEST(Ipv6, WhatAnExtensionHeaderAsksAndWeDoNotDoRefusesThePacket) {
  struct Row {
    const char* what;
    std::uint8_t first;
    Buffer headers;
    std::optional<IpFailure> failure;
  };
  const Row rows[] = {
      {"an option that discards", kDestination, {6, 0, 0x5e, 4, 0, 0, 0, 0}, IpFailure::bad_extension_header},
      {"one that wants ICMP", kDestination, {6, 0, 0x9e, 4, 0, 0, 0, 0}, IpFailure::bad_extension_header},
      {"a jumbogram", kHopByHop, {6, 0, 0xc2, 4, 0, 1, 0, 0}, IpFailure::bad_extension_header},
      {"an option beyond its header", kDestination, {6, 0, 0x1e, 5, 0, 0, 0, 0}, IpFailure::bad_extension_header},
      {"an option without length", kDestination, {6, 0, 1, 3, 0, 0, 0, 0x1e}, IpFailure::bad_extension_header},
      {"only Pad1", kDestination, {6, 0, 0, 0, 0, 0, 0, 0}, {}},
      {"hop by hop in second place",
       kDestination,
       {0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0},
       IpFailure::bad_extension_header},
      {"segments left", kRouting, {6, 0, 4, 1, 0, 0, 0, 0}, IpFailure::bad_extension_header},
      {"routing type 0, at its end", kRouting, {6, 0, 0, 0, 0, 0, 0, 0}, {}},
      {"a first fragment", kFragment, {6, 0, 0, 1, 0, 0, 0, 9}, IpFailure::fragment},
      {"a last fragment", kFragment, {6, 0, 0, 8, 0, 0, 0, 9}, IpFailure::fragment},
      {"an atomic fragment", kFragment, {6, 0xff, 0, 0, 0, 0, 0, 9}, {}},
  };
  for (const Row& row : rows) {
    const Buffer packet = v6_with(row.first, row.headers);
    const auto header = parse_ipv6(packet, packet.size());
    EXPECT_EQ(header.has_value(), !row.failure) << row.what;
    if (row.failure && !header) { EXPECT_EQ(header.error(), *row.failure) << row.what; }
  }
}

TEST(Ipv6, AnUnknownNextHeaderIsWhatThePacketCarries) {
  const Buffer packet = v6_with(59, {});  // no next header
  EXPECT_EQ(parse_ipv6(packet, packet.size())->protocol, 59);
}

TEST(Ipv6, TheChainOfExtensionHeadersIsBounded) {
  Buffer headers;
  for (unsigned n = 1; n <= Ipv6Header::kMaxExtensionHeaders + 1; ++n) {
    if (!headers.empty()) { headers[headers.size() - 8] = kFragment; }
    headers.insert(headers.end(), {kProtocolTcp, 0, 0, 0, 0, 0, 0, 1});
    const Buffer packet = v6_with(kFragment, headers);
    EXPECT_EQ(parse_ipv6(packet, packet.size()).has_value(), n <= Ipv6Header::kMaxExtensionHeaders) << n;
  }
}

// RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1 name the codes.
TEST(Icmp, CodesOfIpv4HaveTheirMeaning) {  // [9293-MUST-56]
  using K = IcmpKind;
  const K kinds[] = {
      K::unreachable_network,  K::unreachable_host,       K::unreachable_protocol,   K::unreachable_port,
      K::fragmentation_needed, K::unreachable_host,       K::unreachable_network,    K::unreachable_host,
      K::unreachable_host,     K::unreachable_prohibited, K::unreachable_prohibited, K::unreachable_network,
      K::unreachable_host,     K::unreachable_prohibited, K::unreachable_prohibited, K::unreachable_prohibited};
  const Buffer packet = icmp_error_packet(Address::v4(9, 9, 9, 9), K::unreachable_port, 0, v4_packet(8));
  for (unsigned code = 0; code < 18; ++code) {
    Buffer message(packet.begin() + 20, packet.end());
    message[1] = static_cast<std::uint8_t>(code);
    message[2] = message[3] = 0;
    const std::uint16_t sum = Sum{message}.checksum();
    message[2] = static_cast<std::uint8_t>(sum >> 8);
    message[3] = static_cast<std::uint8_t>(sum);
    const auto error = parse_icmp_v4(message);
    ASSERT_EQ(error.has_value(), code < 16) << code;
    if (error) { EXPECT_EQ(error->kind, kinds[code]) << code; }
  }
}

TEST(Icmp, EveryKindIsToldAndUnderstood) {
  for (std::size_t i = 0; i < std::size(Names<IcmpKind>::list); ++i) {
    const auto kind = static_cast<IcmpKind>(i);
    const bool too_big = kind == IcmpKind::fragmentation_needed;
    const Buffer v4 = icmp_error_packet(Address::v4(9, 9, 9, 9), kind, 1280, v4_packet(8));
    const auto error4 = parse_icmp_v4(std::span{v4}.subspan(20));
    ASSERT_TRUE(error4.has_value());
    EXPECT_EQ(*error4, (IcmpError{.kind = kind,
                                  .mtu = too_big ? 1280u : 0u,
                                  .quoted_length = 28,
                                  .source = {Address::v4(10, 0, 0, 1), 0x0102},
                                  .destination = {Address::v4(10, 0, 0, 2), 0x0304},
                                  .seq = {0x05060708}}));
    const Address router = *address_from_text("2001:db8::9");
    const Buffer v6 = icmp_error_packet(router, kind, 70'000, v6_packet(8));
    const auto error6 = parse_icmp_v6(std::span{v6}.subspan(40), router, *address_from_text("2001:db8::1"));
    ASSERT_TRUE(error6.has_value());
    EXPECT_EQ(error6->kind, kind == IcmpKind::unreachable_protocol ? IcmpKind::unreachable_port : kind);
    EXPECT_EQ(error6->mtu, too_big ? 70'000u : 0u);
    EXPECT_EQ(error6->source.port, 0x0102);
    EXPECT_EQ(error6->seq.raw, 0x05060708u);
  }
}

TEST(Icmp, WhatIsNoUsableErrorIsRefusedWithAReason) {  // [9293-MUST-55]
  const auto refused = [](Buffer message) {
    message[2] = message[3] = 0;
    const std::uint16_t sum = Sum{message}.checksum();
    message[2] = static_cast<std::uint8_t>(sum >> 8);
    message[3] = static_cast<std::uint8_t>(sum);
    return parse_icmp_v4(message).error();
  };
  const Buffer packet = icmp_error_packet(Address::v4(9, 9, 9, 9), IcmpKind::unreachable_host, 0, v4_packet(8));
  const Buffer good(packet.begin() + 20, packet.end());
  Buffer message = good;
  message[0] = 8;  // echo request
  EXPECT_EQ(refused(message), IcmpFailure::not_an_error);
  message[0] = 4;  // source quench
  EXPECT_EQ(refused(message), IcmpFailure::not_an_error);
  message = good;
  message[8 + 9] = 17;
  EXPECT_EQ(refused(message), IcmpFailure::quote_not_tcp);
  message = good;
  message.pop_back();  // the sequence number is cut
  EXPECT_EQ(refused(message), IcmpFailure::bad_quote);
  message = good;
  message[8] = 0x65;
  EXPECT_EQ(refused(message), IcmpFailure::bad_quote);
  message = good;
  message[3] ^= 1;
  EXPECT_EQ(parse_icmp_v4(message).error(), IcmpFailure::bad_checksum);
  EXPECT_EQ(parse_icmp_v4(std::span{good}.first(7)).error(), IcmpFailure::too_short);
  EXPECT_TRUE(icmp_error_packet(Address::v4(9, 9, 9, 9), IcmpKind::unreachable_host, 0, v6_packet(8)).empty());
}
}  // namespace
}  // namespace anabranch::wire
