#include "wire/ipv6.hh"

#include "wire/reader.hh"

#include <optional>

namespace anabranch::wire {
namespace {

constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestinationOptions = 60;  // IANA protocol numbers

/// The options of a hop-by-hop or destination options header, without its first two bytes. An option that we do not
/// know says itself what shall become of the packet (RFC 8200 §4.2): 0 in the two highest bits skips it, all else
/// discards the packet. We know those that pad, and need none of the others.
bool options_allow(std::span<const std::uint8_t> options) {
  constexpr std::uint8_t kPad1 = 0, kAction = 0xc0;
  Reader in{options};
  while (in.left() != 0) {
    const std::uint8_t type = in.u8();
    if (type == kPad1) { continue; }
    if ((type & kAction) != 0) { return false; }
    in.skip(in.u8());
  }
  return in.ok();
}

/// What an extension header means for us, who are the destination: nothing, or that the packet is not for us.
/// `body`: without next header and length.
std::optional<IpFailure> obstacle(std::uint8_t kind, std::span<const std::uint8_t> body, bool first) {
  switch (kind) {
    case kHopByHop:  // RFC 8200 §4.1: right behind the fixed header, or it is an unknown next header
      return first && options_allow(body) ? std::nullopt : std::optional{IpFailure::bad_extension_header};
    case kDestinationOptions:
      return options_allow(body) ? std::nullopt : std::optional{IpFailure::bad_extension_header};
    case kRouting: {  // RFC 8200 §4.4, RFC 5095 §3: no type is known; one that has been walked to its end is ignored
      constexpr std::size_t kSegmentsLeft = 1;
      return body[kSegmentsLeft] == 0 ? std::nullopt : std::optional{IpFailure::bad_extension_header};
    }
    default: {  // fragment: offset, two reserved bits, more fragments; RFC 6946 §4: an atomic one is a whole packet
      constexpr unsigned kReserved = 0x6;
      const unsigned word = unsigned{body[0]} << 8 | body[1];
      return (word & ~kReserved) == 0 ? std::nullopt : std::optional{IpFailure::fragment};
    }
  }
}

/// Walks extension headers from the fixed header on; `packet` may be cut short anywhere.
std::expected<Ipv6Header, IpFailure> read(std::span<const std::uint8_t> packet) {
  if (packet.size() < Ipv6Header::kSize) { return std::unexpected{IpFailure::too_short}; }
  Reader in{packet};
  const std::uint32_t first = in.u32();
  if (first >> 28 != 6) { return std::unexpected{IpFailure::wrong_version}; }
  Ipv6Header h;
  h.traffic_class = static_cast<std::uint8_t>(first >> 20);
  h.flow_label = first & 0xfffff;
  h.payload_length = in.u16();
  h.protocol = in.u8();
  h.hop_limit = in.u8();
  h.source = Address::of(Family::v6, in.take(16));
  h.destination = Address::of(Family::v6, in.take(16));
  for (unsigned seen = 0;; ++seen) {
    const std::uint8_t kind = h.protocol;
    if (kind != kHopByHop && kind != kRouting && kind != kDestinationOptions && kind != kFragment) { return h; }
    if (seen == Ipv6Header::kMaxExtensionHeaders) { return std::unexpected{IpFailure::too_many_extension_headers}; }
    const std::uint8_t next = in.u8();
    // RFC 8200 §4.3: in units of 8, not counting the first; a fragment header has 8 and a reserved byte there.
    const std::uint8_t units = in.u8();
    const std::size_t size = kind == kFragment ? 8 : (std::size_t{units} + 1) * 8;
    const auto body = in.take(size - 2);
    if (!in.ok()) { return std::unexpected{IpFailure::bad_extension_header}; }
    if (const auto why = obstacle(kind, body, seen == 0)) { return std::unexpected{*why}; }
    h.protocol = next;
    h.header_length = static_cast<std::uint16_t>(h.header_length + size);
  }
}
}  // namespace

std::expected<Ipv6Header, IpFailure> parse_ipv6(std::span<const std::uint8_t> packet, std::size_t packet_size) {
  auto header = read(packet);
  if (!header) { return header; }
  const std::size_t total = Ipv6Header::kSize + header->payload_length;
  if (total > packet_size || header->header_length > total) { return std::unexpected{IpFailure::bad_total_length}; }
  return header;
}

std::expected<Ipv6Header, IpFailure> parse_quoted_ipv6(std::span<const std::uint8_t> packet) { return read(packet); }

void write_ipv6(Writer& out, const Ipv6Header& header) {
  out.u32(6u << 28 | std::uint32_t{header.traffic_class} << 20 | (header.flow_label & 0xfffff));
  out.u16(header.payload_length);
  out.u8(header.protocol);
  out.u8(header.hop_limit);
  out.bytes(header.source.bytes());
  out.bytes(header.destination.bytes());
}
}  // namespace anabranch::wire
