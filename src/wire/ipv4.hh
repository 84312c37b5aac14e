/// The IPv4 header (RFC 791): bytes to value and back. Options are skipped, fragments refused.
#pragma once
#include "base/address.hh"
#include "wire/ip.hh"
#include "wire/writer.hh"

#include <expected>
#include <span>

namespace anabranch::wire {

struct Ipv4Header {
  static constexpr std::size_t kSize = 20;  ///< without options, as we write it

  std::uint8_t tos = 0;            ///< DSCP and ECN
  std::uint16_t total_length = 0;  ///< header and payload
  std::uint16_t id = 0;
  bool dont_fragment = true;
  std::uint8_t ttl = 64;  // the default of RFC 1700, still the custom
  std::uint8_t protocol = 0;
  Address source, destination;         ///< both IPv4
  std::uint8_t header_length = kSize;  ///< as parsed: 20 to 60; ignored when written
  bool operator==(const Ipv4Header&) const = default;
};

/// Parses the header at the front of `packet` and checks it: lengths against `packet_size` bytes in total (payload
/// may lie elsewhere; the header must be in `packet`), its checksum, no fragment. Bytes after `total_length` are
/// padding of the link: the caller cuts them off.
std::expected<Ipv4Header, IpFailure> parse_ipv4(std::span<const std::uint8_t> packet, std::size_t packet_size);
/// The same for a packet quoted by an ICMP error: it may be cut short, its checksum and length are not judged.
std::expected<Ipv4Header, IpFailure> parse_quoted_ipv4(std::span<const std::uint8_t> packet);
/// Writes 20 bytes, header checksum included.
void write_ipv4(Writer& out, const Ipv4Header& header);
}  // namespace anabranch::wire
