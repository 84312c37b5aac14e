/// What IPv4 and IPv6 parsing have in common: protocol numbers and the reasons to refuse a packet.
#pragma once
#include "base/names.hh"

#include <cstdint>

namespace anabranch::wire {

inline constexpr std::uint8_t kProtocolIcmp = 1;  // IANA protocol numbers
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolIcmpV6 = 58;

/// The congestion bits of the IP header, low in TOS and traffic class (RFC 3168 §5).
enum class Ecn : std::uint8_t {
  not_ect,
  ect1,
  ect0,  ///< may be marked instead of dropped
  ce,    ///< was marked: congestion experienced
};
inline constexpr std::uint8_t kEcnBits = 0x03;
constexpr Ecn ecn_of(std::uint8_t tos) { return static_cast<Ecn>(tos & kEcnBits); }

enum class IpFailure : std::uint8_t {
  too_short,  ///< fewer bytes than the header says it has
  wrong_version,
  bad_header_length,     ///< IPv4 header length below 20 bytes, or beyond the packet
  bad_total_length,      ///< the header promises more than came, or less than itself
  bad_checksum,          ///< IPv4 header
  fragment,              ///< not reassembled: TCP with path MTU discovery does not produce fragments
  bad_extension_header,  ///< IPv6: runs beyond the packet, is out of place, or asks for what we do not do
  too_many_extension_headers,
};
}  // namespace anabranch::wire

template <>
struct anabranch::Names<anabranch::wire::Ecn> {
  static constexpr std::string_view list[] = {"not_ect", "ect1", "ect0", "ce"};
};
template <>
struct anabranch::Names<anabranch::wire::IpFailure> {
  static constexpr std::string_view list[] = {
      "too_short",    "wrong_version", "bad_header_length",    "bad_total_length",
      "bad_checksum", "fragment",      "bad_extension_header", "too_many_extension_headers"};
};
