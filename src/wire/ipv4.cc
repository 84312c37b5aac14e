#include "wire/ipv4.hh"

#include "wire/checksum.hh"
#include "wire/reader.hh"

namespace anabranch::wire {
namespace {

constexpr std::uint16_t kDontFragment = 0x4000;  // RFC 791 §3.1, flags
constexpr std::uint16_t kFragmentOffset = 0x1fff;
constexpr std::uint16_t kMoreFragments = 0x2000;

/// Everything but checksum and total length, which a quoted packet need not have right.
std::expected<Ipv4Header, IpFailure> read(std::span<const std::uint8_t> packet) {
  if (packet.size() < Ipv4Header::kSize) { return std::unexpected{IpFailure::too_short}; }
  Reader in{packet};
  const std::uint8_t version_and_length = in.u8();
  if (version_and_length >> 4 != 4) { return std::unexpected{IpFailure::wrong_version}; }
  Ipv4Header h;
  h.header_length = static_cast<std::uint8_t>((version_and_length & 0x0f) * 4);  // [9293-MUST-50]
  if (h.header_length < Ipv4Header::kSize || h.header_length > packet.size()) {
    return std::unexpected{IpFailure::bad_header_length};
  }
  h.tos = in.u8();
  h.total_length = in.u16();
  h.id = in.u16();
  const std::uint16_t fragment = in.u16();
  h.dont_fragment = (fragment & kDontFragment) != 0;
  if ((fragment & (kMoreFragments | kFragmentOffset)) != 0) { return std::unexpected{IpFailure::fragment}; }
  h.ttl = in.u8();
  h.protocol = in.u8();
  in.skip(2);
  h.source = Address::of(Family::v4, in.take(4));
  h.destination = Address::of(Family::v4, in.take(4));
  return h;
}
}  // namespace

std::expected<Ipv4Header, IpFailure> parse_ipv4(std::span<const std::uint8_t> packet, std::size_t packet_size) {
  auto header = read(packet);
  if (!header) { return header; }
  if (header->total_length < header->header_length || header->total_length > packet_size) {
    return std::unexpected{IpFailure::bad_total_length};
  }
  if (!Sum{packet.first(header->header_length)}.intact()) { return std::unexpected{IpFailure::bad_checksum}; }
  return header;
}

std::expected<Ipv4Header, IpFailure> parse_quoted_ipv4(std::span<const std::uint8_t> packet) { return read(packet); }

void write_ipv4(Writer& out, const Ipv4Header& header) {
  const auto room = out.room(Ipv4Header::kSize);
  Writer w{room};
  w.u8(4 << 4 | Ipv4Header::kSize / 4);
  w.u8(header.tos);
  w.u16(header.total_length);
  w.u16(header.id);
  w.u16(header.dont_fragment ? kDontFragment : 0);
  w.u8(header.ttl);
  w.u8(header.protocol);
  w.u16(0);
  w.bytes(header.source.bytes());
  w.bytes(header.destination.bytes());
  if (!w.ok()) { return; }
  constexpr std::size_t kChecksumAt = 10;
  Writer{room.subspan(kChecksumAt)}.u16(Sum{room}.checksum());
}
}  // namespace anabranch::wire
