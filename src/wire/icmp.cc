#include "wire/icmp.hh"

#include "wire/checksum.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"
#include "wire/reader.hh"

#include <optional>

namespace anabranch::wire {
namespace {

constexpr std::size_t kIcmpHeader = 8;
constexpr std::uint8_t kV4Unreachable = 3, kV4FragmentationNeeded = 4;  // RFC 792; RFC 1191 §4
constexpr std::uint8_t kV6Unreachable = 1, kV6PacketTooBig = 2;         // RFC 4443 §3.1, §3.2

/// RFC 1122 §3.2.2.1 lists codes 0 to 12, RFC 1812 §5.2.7.1 adds 13 to 15.
std::optional<IcmpKind> kind_of_v4(std::uint8_t code) {
  switch (code) {
    case 0:
    case 6:
    case 11: return IcmpKind::unreachable_network;
    case 1:
    case 5:
    case 7:
    case 8:
    case 12: return IcmpKind::unreachable_host;
    case 2: return IcmpKind::unreachable_protocol;
    case 3: return IcmpKind::unreachable_port;
    case 4: return IcmpKind::fragmentation_needed;
    case 9:
    case 10:
    case 13:
    case 14:
    case 15: return IcmpKind::unreachable_prohibited;
    default: return std::nullopt;
  }
}

std::uint8_t code_in_v4(IcmpKind kind) {
  switch (kind) {
    case IcmpKind::fragmentation_needed: return kV4FragmentationNeeded;
    case IcmpKind::unreachable_network: return 0;
    case IcmpKind::unreachable_host: return 1;
    case IcmpKind::unreachable_protocol: return 2;
    case IcmpKind::unreachable_port: return 3;
    case IcmpKind::unreachable_prohibited: return 13;
  }
  return 0;
}

std::optional<IcmpKind> kind_of_v6(std::uint8_t code) {
  switch (code) {
    case 0:
    case 2: return IcmpKind::unreachable_network;
    case 1:
    case 5:
    case 6: return IcmpKind::unreachable_prohibited;
    case 3: return IcmpKind::unreachable_host;
    case 4: return IcmpKind::unreachable_port;
    default: return std::nullopt;
  }
}

std::uint8_t code_in_v6(IcmpKind kind) {
  switch (kind) {
    case IcmpKind::fragmentation_needed: return 0;
    case IcmpKind::unreachable_network: return 0;
    case IcmpKind::unreachable_prohibited: return 1;
    case IcmpKind::unreachable_host: return 3;
    case IcmpKind::unreachable_protocol: return 4;  // ICMPv6 has no code for it in this type; the nearest
    case IcmpKind::unreachable_port: return 4;
  }
  return 0;
}

/// Ports and sequence number: the first eight bytes of the quoted TCP header, all that RFC 792 promises.
std::expected<IcmpError, IcmpFailure> with_quoted_tcp(IcmpError error, std::span<const std::uint8_t> tcp) {
  Reader in{tcp};
  error.source.port = in.u16();
  error.destination.port = in.u16();
  error.seq = SeqNum{in.u32()};
  if (!in.ok()) { return std::unexpected{IcmpFailure::bad_quote}; }
  return error;
}
}  // namespace

std::expected<IcmpError, IcmpFailure> parse_icmp_v4(std::span<const std::uint8_t> message) {
  if (message.size() < kIcmpHeader) { return std::unexpected{IcmpFailure::too_short}; }
  if (!Sum{message}.intact()) { return std::unexpected{IcmpFailure::bad_checksum}; }
  Reader in{message};
  const std::uint8_t type = in.u8();
  const auto kind = kind_of_v4(in.u8());
  if (type != kV4Unreachable || !kind) { return std::unexpected{IcmpFailure::not_an_error}; }  // [9293-MUST-55]
  in.skip(4);                                                                                  // checksum, unused
  const std::uint16_t mtu = in.u16();
  const auto quoted = parse_quoted_ipv4(in.rest());
  if (!quoted) { return std::unexpected{IcmpFailure::bad_quote}; }
  if (quoted->protocol != kProtocolTcp) { return std::unexpected{IcmpFailure::quote_not_tcp}; }
  IcmpError error{.kind = *kind,
                  .mtu = *kind == IcmpKind::fragmentation_needed ? mtu : 0u,
                  .quoted_length = quoted->total_length,
                  .source = {quoted->source, 0},
                  .destination = {quoted->destination, 0},
                  .seq = {}};
  return with_quoted_tcp(error, in.rest().subspan(quoted->header_length));
}

std::expected<IcmpError, IcmpFailure> parse_icmp_v6(std::span<const std::uint8_t> message, const Address& source,
                                                    const Address& destination) {
  if (message.size() < kIcmpHeader) { return std::unexpected{IcmpFailure::too_short}; }
  Sum sum = pseudo_header_sum(source, destination, kProtocolIcmpV6, static_cast<std::uint32_t>(message.size()));
  sum.add(message);
  if (!sum.intact()) { return std::unexpected{IcmpFailure::bad_checksum}; }
  Reader in{message};
  const std::uint8_t type = in.u8(), code = in.u8();
  const auto kind = type == kV6PacketTooBig ? IcmpKind::fragmentation_needed : kind_of_v6(code);
  if ((type != kV6Unreachable && type != kV6PacketTooBig) || !kind) {
    return std::unexpected{IcmpFailure::not_an_error};
  }
  in.skip(2);
  const std::uint32_t mtu = in.u32();
  const auto quoted = parse_quoted_ipv6(in.rest());
  if (!quoted) { return std::unexpected{IcmpFailure::bad_quote}; }
  if (quoted->protocol != kProtocolTcp) { return std::unexpected{IcmpFailure::quote_not_tcp}; }
  IcmpError error{.kind = *kind,
                  .mtu = *kind == IcmpKind::fragmentation_needed ? mtu : 0u,
                  .quoted_length = static_cast<std::uint32_t>(Ipv6Header::kSize) + quoted->payload_length,
                  .source = {quoted->source, 0},
                  .destination = {quoted->destination, 0},
                  .seq = {}};
  return with_quoted_tcp(error, in.rest().subspan(quoted->header_length));
}

namespace {

std::vector<std::uint8_t> v4_packet(const Address& router, IcmpKind kind, std::uint32_t mtu,
                                    std::span<const std::uint8_t> original) {
  const auto quoted = parse_quoted_ipv4(original);
  if (!quoted) { return {}; }
  constexpr std::size_t kLargest = 576;  // RFC 1812 §4.3.2.3: as much as fits without exceeding 576 bytes
  const std::size_t quote = std::min(original.size(), kLargest - Ipv4Header::kSize - kIcmpHeader);
  std::vector<std::uint8_t> packet(Ipv4Header::kSize + kIcmpHeader + quote);
  Writer out{packet};
  write_ipv4(out, {.total_length = static_cast<std::uint16_t>(packet.size()),
                   .dont_fragment = false,
                   .protocol = kProtocolIcmp,
                   .source = router,
                   .destination = quoted->source});
  const auto message = out.room(kIcmpHeader + quote);
  Writer icmp{message};
  icmp.u8(kV4Unreachable);
  icmp.u8(code_in_v4(kind));
  icmp.u32(0);  // checksum, unused
  icmp.u16(kind == IcmpKind::fragmentation_needed ? static_cast<std::uint16_t>(std::min(mtu, 0xffffu)) : 0);
  icmp.bytes(original.first(quote));
  Writer{message.subspan(2)}.u16(Sum{message}.checksum());
  return packet;
}

std::vector<std::uint8_t> v6_packet(const Address& router, IcmpKind kind, std::uint32_t mtu,
                                    std::span<const std::uint8_t> original) {
  const auto quoted = parse_quoted_ipv6(original);
  if (!quoted) { return {}; }
  constexpr std::size_t kLargest = 1280;  // RFC 4443 §2.4 (c): not beyond the minimum MTU
  const std::size_t quote = std::min(original.size(), kLargest - Ipv6Header::kSize - kIcmpHeader);
  std::vector<std::uint8_t> packet(Ipv6Header::kSize + kIcmpHeader + quote);
  Writer out{packet};
  const auto length = static_cast<std::uint16_t>(kIcmpHeader + quote);
  write_ipv6(out,
             {.payload_length = length, .protocol = kProtocolIcmpV6, .source = router, .destination = quoted->source});
  const auto message = out.room(length);
  Writer icmp{message};
  const bool too_big = kind == IcmpKind::fragmentation_needed;
  icmp.u8(too_big ? kV6PacketTooBig : kV6Unreachable);
  icmp.u8(code_in_v6(kind));
  icmp.u16(0);
  icmp.u32(too_big ? mtu : 0);
  icmp.bytes(original.first(quote));
  Sum sum = pseudo_header_sum(router, quoted->source, kProtocolIcmpV6, length);
  sum.add(message);
  Writer{message.subspan(2)}.u16(sum.checksum());
  return packet;
}
}  // namespace

std::vector<std::uint8_t> icmp_error_packet(const Address& router, IcmpKind kind, std::uint32_t mtu,
                                            std::span<const std::uint8_t> original) {
  return router.family == Family::v4 ? v4_packet(router, kind, mtu, original) : v6_packet(router, kind, mtu, original);
}
}  // namespace anabranch::wire
