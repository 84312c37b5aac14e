/// Who knows the link-layer addresses of next hops: the kernel's neighbour table, seen through an interface.
///
/// A device asks and waits; it never speaks ARP or neighbour discovery itself. The runtime answers from netlink, tests
/// from a table. Answers may change at any time; `PacketSocket::neighbours_changed` tells the device to ask again.
#pragma once
#include "base/address.hh"

#include <array>
#include <cstdint>

namespace anabranch::device {

using Mac = std::array<std::uint8_t, 6>;

class Neighbours {
 public:
  enum class State : std::uint8_t { unknown, resolving, known, failed };
  struct Answer {
    State state = State::unknown;
    Mac mac{};  ///< only when known
  };
  virtual ~Neighbours() = default;
  /// What is known of `next_hop` on the link. Asking counts as use: the entry is kept fresh for a while.
  virtual Answer find(InterfaceId interface, const Address& next_hop) = 0;
  /// Starts resolution; does not wait for it.
  virtual void resolve(InterfaceId interface, const Address& next_hop) = 0;
};
}  // namespace anabranch::device
