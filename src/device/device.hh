/// Where packets leave and arrive, in batches. Layer 3 on this side; link-layer headers are the device's business.
#pragma once
#include "packet/frame.hh"

#include <span>
#include <string_view>

namespace anabranch::device {

struct Traits {
  InterfaceId interface;
  std::uint32_t mtu = 1500;         ///< largest IP packet on the link
  std::uint32_t super_segment = 0;  ///< largest frame with `cut` it takes, IP header included; 0: none
  bool checksum_offload = false;    ///< takes frames whose checksum is `pending`
};

class Device {
 public:
  virtual ~Device() = default;
  virtual Traits traits() const = 0;
  /// Fills from the front; returns how many. Never blocks.
  virtual std::size_t receive(std::span<Frame> into) = 0;
  /// Returns how many it took, from the front; the rest waits with the caller until the device is writable again.
  /// A frame that cannot leave at all (no neighbour, link down) counts as taken and is dropped and counted.
  virtual std::size_t transmit(std::span<const Frame> frames) = 0;
  /// A file descriptor to wait on for reading and writing, or -1.
  virtual int descriptor() const = 0;
  virtual std::string_view name() const = 0;
};
}  // namespace anabranch::device
