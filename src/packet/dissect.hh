/// A frame from a device, taken apart: TCP segments and ICMP errors as values; all else dropped with a reason.
///
/// The payload of the segment shares the frame's slabs. Headers must be contiguous in the frame's first slice.
/// Checksums are verified unless the frame says that somebody did (`verified`) or that none was needed (`pending`).
#pragma once
#include "base/names.hh"
#include "packet/frame.hh"
#include "packet/segment.hh"
#include "wire/icmp.hh"

#include <expected>
#include <variant>

namespace anabranch {

struct Dissected {
  Addresses addresses;  ///< local is the destination
  Segment segment;
  InterfaceId interface = {};
  std::uint8_t tos = 0;  ///< DSCP and ECN bits of the IP header
};
/// An ICMP error about a segment that somebody says we sent.
struct DissectedError {
  Addresses addresses;  ///< of the quoted segment: local is its source
  SeqNum seq;           ///< of the quoted segment
  wire::IcmpKind kind = wire::IcmpKind::fragmentation_needed;
  std::uint32_t mtu = 0;  ///< see wire::IcmpError
  std::uint32_t quoted_length = 0;
  Address reporter;  ///< who sent the error
  InterfaceId interface = {};
};
using Dissection = std::variant<Dissected, DissectedError>;

enum class DropReason : std::uint8_t {
  empty_frame,
  unknown_ip_version,
  ip_too_short,
  ip_bad_header_length,
  ip_bad_total_length,
  ip_bad_checksum,
  ip_fragment,
  ip_bad_extension_header,
  ip_too_many_extension_headers,
  ip_bad_source,     ///< unspecified or multicast: no such peer
  unknown_protocol,  ///< neither TCP nor ICMP
  tcp_too_short,
  tcp_bad_data_offset,
  tcp_bad_option_length,
  tcp_bad_checksum,
  icmp_too_short,
  icmp_bad_checksum,
  icmp_not_an_error,
  icmp_bad_quote,
  icmp_quote_not_tcp,
};
template <>
struct Names<DropReason> {
  static constexpr std::string_view list[] = {
      "empty_frame",          "unknown_ip_version",      "ip_too_short",
      "ip_bad_header_length", "ip_bad_total_length",     "ip_bad_checksum",
      "ip_fragment",          "ip_bad_extension_header", "ip_too_many_extension_headers",
      "ip_bad_source",        "unknown_protocol",        "tcp_too_short",
      "tcp_bad_data_offset",  "tcp_bad_option_length",   "tcp_bad_checksum",
      "icmp_too_short",       "icmp_bad_checksum",       "icmp_not_an_error",
      "icmp_bad_quote",       "icmp_quote_not_tcp"};
};

std::expected<Dissection, DropReason> dissect(const Frame& frame);

/// Where the parts of a TCP packet lie; for those who edit headers (offload, middleboxes).
struct Layout {
  bool v6 = false;
  std::size_t tcp_at = 0;      ///< offset of the TCP header: the length of the IP headers
  std::size_t payload_at = 0;  ///< offset of the payload
  std::size_t end = 0;         ///< offset behind the payload; link padding may follow
};
/// The layout of a TCP packet in a frame; lengths checked, checksums (but the IPv4 header's) not.
std::expected<Layout, DropReason> tcp_layout(const Frame& frame);
}  // namespace anabranch
