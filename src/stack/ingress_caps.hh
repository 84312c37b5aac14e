/// Polices what arrives at addresses with a cap (AddressUse::cap): data above the rate is dropped, so that the peer's
/// congestion control settles below it, as behind an ISP's policer.
///
/// One token bucket for an address, shared by all connections. Only the sender can slow down before that: this is for
/// peers that were not told. Segments without data always pass. Owned by a stack.
#pragma once
#include "base/network.hh"

#include <map>

namespace anabranch::stack {

class IngressCaps {
 public:
  /// The addresses of `network` and their caps are what counts from now on; buckets of addresses that stay are kept.
  void update(const Network& network, Instant now);
  /// Whether a packet of so many bytes may pass; if so, it is counted.
  bool admits(const Address& to, Bytes packet, Instant now);

  /// What may come at once after silence: as long as a long round trip takes, so that a window that is spread over one
  /// passes; RFC 6928's initial window at least.
  static constexpr Duration kDepth = 200_ms;
  static constexpr Bytes kLeastDepth{15'000};

 private:
  struct Bucket {
    Rate rate;
    Bytes depth;
    Bytes tokens;
    Instant filled_at{};
    bool operator==(const Bucket&) const = default;
  };
  std::map<Address, Bucket> buckets_;
};
}  // namespace anabranch::stack
