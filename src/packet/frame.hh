/// A frame: one IP packet, or one super-segment's worth of them, between the stack and a device.
#pragma once
#include "base/address.hh"
#include "packet/slab.hh"

namespace anabranch {

/// Whose duty the TCP checksum is. A device may leave it to hardware or to the receiving kernel.
enum class ChecksumState : std::uint8_t {
  complete,  ///< out: it is right as it stands; in: not verified by anyone, verify it
  pending,   ///< out: not computed, device or peer completes it; in: came without one over a trusted virtual link
  verified,  ///< in: the device has verified it
};

struct Frame {
  /// The packet from the IP header on. The first slice holds all headers, contiguous; payload may follow in more.
  Chain bytes;
  InterfaceId interface;  ///< where it came in, or shall go out
  /// 0: one packet. Otherwise a TCP super-segment to be cut so that each packet has at most this much TCP payload.
  std::uint32_t cut = 0;
  ChecksumState checksum = ChecksumState::complete;
};
}  // namespace anabranch
