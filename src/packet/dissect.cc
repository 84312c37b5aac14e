#include "packet/dissect.hh"

#include "wire/checksum.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"
#include "wire/tcp_header.hh"

#include <array>

namespace anabranch {
namespace {

DropReason reason(wire::IpFailure failure) {
  switch (failure) {
    case wire::IpFailure::too_short: return DropReason::ip_too_short;
    case wire::IpFailure::wrong_version: return DropReason::unknown_ip_version;
    case wire::IpFailure::bad_header_length: return DropReason::ip_bad_header_length;
    case wire::IpFailure::bad_total_length: return DropReason::ip_bad_total_length;
    case wire::IpFailure::bad_checksum: return DropReason::ip_bad_checksum;
    case wire::IpFailure::fragment: return DropReason::ip_fragment;
    case wire::IpFailure::bad_extension_header: return DropReason::ip_bad_extension_header;
    case wire::IpFailure::too_many_extension_headers: return DropReason::ip_too_many_extension_headers;
  }
  return DropReason::ip_too_short;
}

DropReason reason(wire::TcpFailure failure) {
  switch (failure) {
    case wire::TcpFailure::too_short: return DropReason::tcp_too_short;
    case wire::TcpFailure::bad_data_offset: return DropReason::tcp_bad_data_offset;
    case wire::TcpFailure::bad_option_length: return DropReason::tcp_bad_option_length;
  }
  return DropReason::tcp_too_short;
}

DropReason reason(wire::IcmpFailure failure) {
  switch (failure) {
    case wire::IcmpFailure::too_short: return DropReason::icmp_too_short;
    case wire::IcmpFailure::bad_checksum: return DropReason::icmp_bad_checksum;
    case wire::IcmpFailure::not_an_error: return DropReason::icmp_not_an_error;
    case wire::IcmpFailure::bad_quote: return DropReason::icmp_bad_quote;
    case wire::IcmpFailure::quote_not_tcp: return DropReason::icmp_quote_not_tcp;
  }
  return DropReason::icmp_too_short;
}

/// What both IP versions come down to.
struct Network {
  Address source, destination;
  std::uint8_t protocol = 0;
  std::uint8_t tos = 0;
  std::size_t header = 0;  ///< bytes of IP headers
  std::size_t end = 0;     ///< bytes of the whole packet, without link padding
};

std::expected<Network, DropReason> network_of(const Frame& frame) {
  if (frame.bytes.empty()) { return std::unexpected{DropReason::empty_frame}; }
  const std::span<const std::uint8_t> head = frame.bytes.slices()[0].bytes();
  const std::size_t size = frame.bytes.size().n;
  if (head[0] >> 4 == 4) {
    const auto ip = wire::parse_ipv4(head, size);
    if (!ip) { return std::unexpected{reason(ip.error())}; }
    return Network{ip->source, ip->destination, ip->protocol, ip->tos, ip->header_length, ip->total_length};
  }
  if (head[0] >> 4 == 6) {
    const auto ip = wire::parse_ipv6(head, size);
    if (!ip) { return std::unexpected{reason(ip.error())}; }
    return Network{ip->source,        ip->destination,   ip->protocol,
                   ip->traffic_class, ip->header_length, wire::Ipv6Header::kSize + ip->payload_length};
  }
  return std::unexpected{DropReason::unknown_ip_version};
}

/// The front slice from `from` on, not beyond `end`.
std::span<const std::uint8_t> head_part(const Frame& frame, std::size_t from, std::size_t end) {
  const auto head = frame.bytes.slices()[0].bytes();
  return head.subspan(from, std::min(head.size(), end) - from);
}

/// Sums the bytes from `from` to `end`, over all slices.
void add_part(wire::Sum& sum, const Chain& bytes, std::size_t from, std::size_t end) {
  std::size_t at = 0;
  for (const Slice& slice : bytes.slices()) {
    const std::size_t begin = std::max(at, from), stop = std::min(at + slice.size(), end);
    if (begin < stop) { sum.add(slice.bytes().subspan(begin - at, stop - begin)); }
    at += slice.size();
  }
}

bool tcp_checksum_intact(const Frame& frame, const Network& ip) {
  wire::Sum sum = wire::pseudo_header_sum(ip.source, ip.destination, wire::kProtocolTcp,
                                          static_cast<std::uint32_t>(ip.end - ip.header));
  add_part(sum, frame.bytes, ip.header, ip.end);
  return sum.intact();
}

std::expected<Dissection, DropReason> dissect_tcp(const Frame& frame, const Network& ip) {
  std::expected<Dissection, DropReason> out{std::in_place, std::in_place_type<Dissected>};
  Dissected& d = std::get<Dissected>(*out);
  wire::TcpHeader header;
  const auto size = wire::parse_tcp_header(head_part(frame, ip.header, ip.end), header);
  if (!size) { return std::unexpected{reason(size.error())}; }
  if (frame.checksum == ChecksumState::complete && !tcp_checksum_intact(frame, ip)) {
    return std::unexpected{DropReason::tcp_bad_checksum};  // [9293-MUST-3]
  }
  d.addresses = {{ip.destination, header.destination_port}, {ip.source, header.source_port}};
  d.interface = frame.interface;
  d.tos = ip.tos;
  Segment& s = d.segment;
  s.seq = header.seq;
  s.ack = header.ack;
  s.flags = header.flags;
  s.window = header.window;
  s.tcp = header.tcp;
  s.mptcp = std::move(header.mptcp);
  s.cut = frame.cut;
  s.ecn = wire::ecn_of(ip.tos);
  const std::size_t from = ip.header + *size;
  if (from < ip.end) { s.payload = frame.bytes.part({from}, {ip.end - from}); }
  return out;
}

std::expected<Dissection, DropReason> dissect_icmp(const Frame& frame, const Network& ip) {
  // Errors quote little and come whole; a message spread over slices is gathered, as far as an error may reach.
  constexpr std::size_t kLongest = 1280;  // RFC 4443 §2.4 (c), and more than RFC 1812 allows for IPv4
  std::array<std::uint8_t, kLongest> gathered;
  std::span<const std::uint8_t> message = head_part(frame, ip.header, ip.end);
  if (message.size() < ip.end - ip.header) {
    if (ip.end > kLongest) { return std::unexpected{DropReason::icmp_not_an_error}; }
    frame.bytes.copy_to(gathered);
    message = std::span{gathered}.subspan(ip.header, ip.end - ip.header);
  }
  const auto error = ip.source.family == Family::v4 ? wire::parse_icmp_v4(message)
                                                    : wire::parse_icmp_v6(message, ip.source, ip.destination);
  if (!error) { return std::unexpected{reason(error.error())}; }
  return DissectedError{.addresses = {error->source, error->destination},
                        .seq = error->seq,
                        .kind = error->kind,
                        .mtu = error->mtu,
                        .quoted_length = error->quoted_length,
                        .reporter = ip.source,
                        .interface = frame.interface};
}
}  // namespace

std::expected<Dissection, DropReason> dissect(const Frame& frame) {
  const auto ip = network_of(frame);
  if (!ip) { return std::unexpected{ip.error()}; }
  if (ip->source.is_multicast() || ip->source.is_unspecified()) { return std::unexpected{DropReason::ip_bad_source}; }
  if (ip->protocol == wire::kProtocolTcp) { return dissect_tcp(frame, *ip); }
  const auto icmp = ip->source.family == Family::v4 ? wire::kProtocolIcmp : wire::kProtocolIcmpV6;
  if (ip->protocol == icmp) { return dissect_icmp(frame, *ip); }
  return std::unexpected{DropReason::unknown_protocol};
}

std::expected<Layout, DropReason> tcp_layout(const Frame& frame) {
  const auto ip = network_of(frame);
  if (!ip) { return std::unexpected{ip.error()}; }
  if (ip->protocol != wire::kProtocolTcp) { return std::unexpected{DropReason::unknown_protocol}; }
  const auto tcp = head_part(frame, ip->header, ip->end);
  if (tcp.size() < wire::TcpHeader::kSize) { return std::unexpected{DropReason::tcp_too_short}; }
  const std::size_t size = std::size_t{tcp[wire::TcpHeader::kOffsetAt]} / 16 * 4;
  if (size < wire::TcpHeader::kSize || size > tcp.size()) { return std::unexpected{DropReason::tcp_bad_data_offset}; }
  return Layout{ip->source.family == Family::v6, ip->header, ip->header + size, ip->end};
}
}  // namespace anabranch
