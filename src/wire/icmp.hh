/// ICMP errors about our packets: what went wrong and which segment it was (RFC 792, RFC 1191, RFC 4443).
///
/// Only destination unreachable (v4 type 3, v6 type 1) and packet too big (v6 type 2); everything else is refused
/// with a reason. Whether an error is believed (RFC 5927) is for the connection that owns the quoted ports.
#pragma once
#include "base/address.hh"
#include "base/names.hh"
#include "base/seq.hh"

#include <cstdint>
#include <expected>
#include <span>
#include <vector>

namespace anabranch::wire {

enum class IcmpKind : std::uint8_t {
  fragmentation_needed,
  unreachable_network,
  unreachable_host,
  unreachable_protocol,
  unreachable_port,
  unreachable_prohibited,
};
struct IcmpError {
  IcmpKind kind = IcmpKind::fragmentation_needed;
  std::uint32_t mtu = 0;              ///< fragmentation_needed: of the next hop; 0 when an old router did not say
  std::uint32_t quoted_length = 0;    ///< what the quoted packet says its size was, IP header included
  SocketAddress source, destination;  ///< of the quoted packet: source is the one who sent it
  SeqNum seq;                         ///< of the quoted TCP header
  bool operator==(const IcmpError&) const = default;
};
enum class IcmpFailure : std::uint8_t {
  too_short,
  bad_checksum,
  not_an_error,  ///< echo, redirect, neighbour discovery, ...: not for TCP
  bad_quote,     ///< the quoted packet's header makes no sense, or is cut before the sequence number
  quote_not_tcp,
};

/// `message`: the ICMP header and what follows, without the IP header.
std::expected<IcmpError, IcmpFailure> parse_icmp_v4(std::span<const std::uint8_t> message);
/// `source`, `destination`: of the packet that carries the message; its checksum covers them.
std::expected<IcmpError, IcmpFailure> parse_icmp_v6(std::span<const std::uint8_t> message, const Address& source,
                                                    const Address& destination);

/// The whole IP packet with which `router` tells the sender of `original` (an IP packet, at least its headers) about
/// an error; for simulators and emulators. Quotes as much as RFC 1812 §4.3.2.3 and RFC 4443 §2.4 allow. Empty when
/// `original` is not an IP packet of the router's family. `mtu` counts for fragmentation_needed only.
std::vector<std::uint8_t> icmp_error_packet(const Address& router, IcmpKind kind, std::uint32_t mtu,
                                            std::span<const std::uint8_t> original);
}  // namespace anabranch::wire

template <>
struct anabranch::Names<anabranch::wire::IcmpKind> {
  static constexpr std::string_view list[] = {"fragmentation_needed", "unreachable_network", "unreachable_host",
                                              "unreachable_protocol", "unreachable_port",    "unreachable_prohibited"};
};
template <>
struct anabranch::Names<anabranch::wire::IcmpFailure> {
  static constexpr std::string_view list[] = {"too_short", "bad_checksum", "not_an_error", "bad_quote",
                                              "quote_not_tcp"};
};
