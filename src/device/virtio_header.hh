/// The ten bytes in front of a packet that say what is left to do with it: `struct virtio_net_hdr` (virtio 1.1 §5.1.6),
/// in the machine's byte order as PACKET_VNET_HDR and IFF_VNET_HDR have it.
#pragma once
#include "packet/frame.hh"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace anabranch::device {

/// As <linux/virtio_net.h> has it; that header is not C++.
struct VirtioHeader {
  enum Flag : std::uint8_t { needs_checksum = 1, data_valid = 2 };
  enum Gso : std::uint8_t { none = 0, tcp_v4 = 1, tcp_v6 = 4, with_ecn = 0x80 };
  std::uint8_t flags = 0;
  std::uint8_t gso_type = none;
  std::uint16_t header_length = 0;    ///< of link, IP and TCP header: what the kernel keeps contiguous
  std::uint16_t gso_size = 0;         ///< payload of each packet it is cut into
  std::uint16_t checksum_start = 0;   ///< where summing starts, from the link header on
  std::uint16_t checksum_offset = 0;  ///< where the sum goes, from checksum_start
};
inline constexpr std::size_t kVirtioHeader = sizeof(VirtioHeader);
static_assert(kVirtioHeader == 10);

/// Where the headers of a TCP packet lie, as far as offload needs it; offsets from the IP header.
struct TcpPlace {
  bool v6 = false;
  std::uint16_t tcp = 0;      ///< offset of the TCP header
  std::uint16_t payload = 0;  ///< offset behind the TCP header
};
/// None when `headers` is not the start of an IP packet with TCP right behind the IP header.
inline std::optional<TcpPlace> place_tcp(std::span<const std::uint8_t> headers) {
  if (headers.size() < 40) { return std::nullopt; }
  TcpPlace place{.v6 = headers[0] >> 4 == 6};
  place.tcp = place.v6 ? 40 : static_cast<std::uint16_t>((headers[0] & 0xf) * 4);
  if ((place.v6 ? headers[6] : headers[9]) != 6 || place.tcp < 20 || headers.size() < place.tcp + 20u) {
    return std::nullopt;
  }
  place.payload = static_cast<std::uint16_t>(place.tcp + (headers[place.tcp + 12u] >> 4) * 4);
  if (headers.size() < place.payload || place.payload < place.tcp + 20u) { return std::nullopt; }
  return place;
}

/// What a frame that leaves needs; `link`: bytes of link header in front of the IP header.
inline VirtioHeader offload_of(const Frame& frame, const std::optional<TcpPlace>& place, std::uint16_t link) {
  VirtioHeader h{};
  if (!place) { return h; }
  h.header_length = static_cast<std::uint16_t>(link + place->payload);
  const bool cut = frame.cut != 0 && frame.bytes.size().n > place->payload + std::uint64_t{frame.cut};
  if (cut) {
    h.gso_type = place->v6 ? VirtioHeader::tcp_v6 : VirtioHeader::tcp_v4;
    h.gso_size = static_cast<std::uint16_t>(frame.cut);
  }
  if (cut || frame.checksum == ChecksumState::pending) {
    h.flags = VirtioHeader::needs_checksum;
    h.checksum_start = static_cast<std::uint16_t>(link + place->tcp);
    h.checksum_offset = 16;  // of the checksum in the TCP header
  }
  return h;
}

/// Sets `cut` and `checksum` of a frame that came in; false: facts that make no sense for TCP.
inline bool read_offload(const VirtioHeader& h, Frame& frame) {
  const unsigned type = h.gso_type & ~unsigned{VirtioHeader::with_ecn};
  const bool tcp = type == VirtioHeader::tcp_v4 || type == VirtioHeader::tcp_v6;
  if (type != VirtioHeader::none && (!tcp || h.gso_size == 0)) { return false; }
  frame.cut = tcp ? h.gso_size : 0;
  frame.checksum = (h.flags & VirtioHeader::needs_checksum) != 0 ? ChecksumState::pending
                   : (h.flags & VirtioHeader::data_valid) != 0   ? ChecksumState::verified
                                                                 : ChecksumState::complete;
  return true;
}
}  // namespace anabranch::device
