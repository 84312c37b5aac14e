/// MP_JOINs that were answered and not yet proved: SYNs as values, in a table that never grows.
///
/// A join cannot be answered without memory: its third ACK names neither token nor nonce (RFC 8684 §3.2). But the
/// memory can be small and bounded. Sets of a few places, one set for all joins of a token, so that who floods one
/// connection with joins drives out nobody else's; in a full set the oldest goes (Linux has one place for each hash
/// and one table for all). Allocated when first needed. Owned by a stack.
#pragma once
#include "crypto/isn.hh"
#include "packet/segment.hh"
#include "wire/mptcp_option.hh"

#include <optional>
#include <unordered_map>
#include <vector>

namespace anabranch::stack {

struct PendingJoin {
  Addresses addresses;
  SeqNum peer_isn, our_isn;
  std::uint16_t mss = 0;  ///< 0: the SYN did not say
  std::optional<std::uint8_t> window_scale;
  bool sack = false, ecn = false;
  wire::JoinSyn option;
  std::uint32_t nonce = 0;  ///< ours
  Instant at{};

  static PendingJoin of(const Addresses& addresses, const Segment& syn, SeqNum our_isn, std::uint32_t nonce,
                        Instant now);
  /// The SYN as it was, but for the timestamp, which comes again with every segment.
  Segment syn(const std::optional<wire::Timestamps>& stamps) const;
};

class JoinTable {
 public:
  static constexpr std::size_t kPlaces = 16;        ///< of a set: more than an honest peer opens at a time
  static constexpr Duration kLife{64'000'000'000};  ///< longer than any peer repeats its third ACK

  JoinTable(std::size_t places, Random& random);

  /// Takes the place of the same 4-tuple, of one that is free, or of the oldest.
  void put(const PendingJoin& join);
  /// The join whose third segment this may be: same 4-tuple, and it acknowledges our SYN/ACK and nothing else.
  std::optional<PendingJoin> find(const Addresses& addresses, const Segment& third, Instant now) const;
  /// The join of which this SYN is a repetition: it must get the same answer.
  std::optional<PendingJoin> repeated(const Addresses& addresses, const Segment& syn) const;
  void erase(const Addresses& addresses);
  std::size_t size() const { return index_.size(); }
  std::size_t most() const { return sets_ * kPlaces; }

 private:
  struct Hash {
    crypto::SipKey key;
    std::size_t operator()(const Addresses& a) const { return crypto::tuple_hash(key, a.local, a.remote); }
  };
  std::size_t place_for(const PendingJoin& join) const;

  std::size_t sets_;
  crypto::SipKey key_;
  std::vector<std::optional<PendingJoin>> places_;
  std::unordered_map<Addresses, std::size_t, Hash> index_;  ///< of what is in places_; never iterated
};
}  // namespace anabranch::stack
