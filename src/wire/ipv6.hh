/// The IPv6 header (RFC 8200): bytes to value and back, through the extension headers to what the packet carries.
///
/// Options that may be skipped are, a routing header that has been walked to its end is, and so is the fragment header
/// of a packet that is no fragment (RFC 6946). Anything else a header asks for is not ours to give: the packet is
/// refused with a reason. No ICMPv6 is sent about it. Fragments are not reassembled.
#pragma once
#include "base/address.hh"
#include "wire/ip.hh"
#include "wire/writer.hh"

#include <expected>
#include <span>

namespace anabranch::wire {

struct Ipv6Header {
  static constexpr std::size_t kSize = 40;
  /// More than any stack sends (RFC 8200 §4.1 lists four we may meet, one of them twice): a bound on the work.
  static constexpr unsigned kMaxExtensionHeaders = 6;

  std::uint8_t traffic_class = 0;    ///< DSCP and ECN
  std::uint32_t flow_label = 0;      ///< 20 bits
  std::uint16_t payload_length = 0;  ///< after the fixed header: extension headers included
  std::uint8_t protocol = 0;         ///< the last next-header: what the payload is
  std::uint8_t hop_limit = 64;
  Address source, destination;          ///< both IPv6
  std::uint16_t header_length = kSize;  ///< as parsed, with extension headers; ignored when written
  bool operator==(const Ipv6Header&) const = default;
};

/// Parses the headers at the front of `packet` and checks them against `packet_size` bytes in total (see parse_ipv4).
std::expected<Ipv6Header, IpFailure> parse_ipv6(std::span<const std::uint8_t> packet, std::size_t packet_size);
/// The same for a packet quoted by an ICMP error: it may be cut short after its headers.
std::expected<Ipv6Header, IpFailure> parse_quoted_ipv6(std::span<const std::uint8_t> packet);
/// Writes 40 bytes; never extension headers.
void write_ipv6(Writer& out, const Ipv6Header& header);
}  // namespace anabranch::wire
