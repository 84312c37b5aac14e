/// Which version of MPTCP to offer a destination, from what it took of late (RFC 8684 §3.1: "MAY cache").
///
/// For those who speak both. Version 1 is offered first; where it was refused, version 0 is tried next time, because a
/// listener of version 0 takes no notice of a SYN without a key. That is kept for an hour and forgotten when version 0
/// is refused too. Bounded: the oldest makes room. Owned by a stack.
#pragma once
#include "base/address.hh"
#include "base/units.hh"
#include "wire/mptcp_option.hh"

#include <map>

namespace anabranch::stack {

class VersionMemory {
 public:
  wire::Version offer(const SocketAddress& destination, Instant now) const;
  /// A handshake has shown whether the destination takes that version.
  void note(const SocketAddress& destination, wire::Version offered, bool taken, Instant now);
  std::size_t size() const { return version_0_until_.size(); }

  static constexpr std::size_t kMost = 256;            ///< destinations; about 20 kB
  static constexpr Duration kKept{3'600'000'000'000};  ///< as long as Linux avoids MPTCP after a failure

 private:
  void make_room();
  std::map<SocketAddress, Instant> version_0_until_;
};
}  // namespace anabranch::stack
