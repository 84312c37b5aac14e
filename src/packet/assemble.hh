/// A segment made into a frame: headers written once, contiguous, in front of payload slices that are not copied.
#pragma once
#include "packet/frame.hh"
#include "packet/segment.hh"

namespace anabranch {

/// Hands out room for headers from slabs, one behind the other, so that a segment costs no allocation. A slab goes
/// back to its pool when the arena has moved on and the last frame with a header in it is gone.
class HeaderArena {
 public:
  /// `headroom`: bytes left free in front of each header for whoever wants to put a link header there.
  explicit HeaderArena(SlabPool& pool, std::uint32_t headroom = 0) : pool_{&pool}, headroom_{headroom} {}
  /// Room for `size` bytes, at most kMaxHeader; to be filled before the next call.
  struct Room {
    std::span<std::uint8_t> bytes;
    SlabRef slab;
    Slice slice() const { return {slab, bytes}; }
  };
  Room reserve(std::size_t size);
  std::uint32_t headroom() const { return headroom_; }
  void clear() { open_ = {}; }  ///< lets go of the slab it fills

  static constexpr std::size_t kMaxHeader = 2048;  ///< IPv6 extension headers of forwarded packets included

 private:
  SlabPool* pool_;
  std::uint32_t headroom_;
  SlabRef open_;
};

/// What a packet says that is neither the connection's address nor in its segment.
struct Envelope {
  std::uint8_t ttl = 64;         ///< or hop limit
  std::uint8_t tos = 0;          ///< DSCP (IPv6: traffic class); the two bits of ECN are the segment's
  std::uint16_t ipv4_id = 0;     ///< of the first packet; a super-segment uses the following ones too
  std::uint32_t flow_label = 0;  ///< IPv6 only, 20 bits (RFC 6437)
  /// `pending`: the TCP checksum field holds the sum of the pseudo header, as checksum offload wants it.
  ChecksumState checksum = ChecksumState::complete;
  InterfaceId interface = {};
};

/// Bytes of IP and TCP header that `assemble` will write for this segment.
std::size_t header_size(const Addresses& addresses, const Segment& segment);

/// The frame for `segment` from `addresses.local` to `addresses.remote`. `segment.cut` becomes `frame.cut` (0 when the
/// payload fits in one cut anyway). Headers plus payload must not exceed 65,535 bytes and the options must fit.
Frame assemble(const Addresses& addresses, const Segment& segment, const Envelope& envelope, HeaderArena& arena);
}  // namespace anabranch
