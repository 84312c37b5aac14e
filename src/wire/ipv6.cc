#include "wire/ipv6.hh"

#include "wire/reader.hh"

namespace anabranch::wire {
namespace {

constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kDestinationOptions = 60;  // IANA protocol numbers

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
    if (h.protocol == kFragment) { return std::unexpected{IpFailure::fragment}; }
    if (h.protocol != kHopByHop && h.protocol != kRouting && h.protocol != kDestinationOptions) { return h; }
    if (seen == Ipv6Header::kMaxExtensionHeaders) { return std::unexpected{IpFailure::too_many_extension_headers}; }
    const std::uint8_t next = in.u8();
    const std::size_t size = (std::size_t{in.u8()} + 1) * 8;  // RFC 8200 §4.3: in units of 8, not counting the first
    in.skip(size - 2);
    if (!in.ok()) { return std::unexpected{IpFailure::bad_extension_header}; }
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
