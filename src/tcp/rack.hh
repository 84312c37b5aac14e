/// Loss by time: what left before something that has arrived, and long enough ago, is lost (RFC 8985 §6).
///
/// Knows the latest departure that is known to have arrived, whether the path reorders, and how much patience it has
/// earned: a D-SACK widens the reordering window for a while, since it tells that something was sent again too early.
/// Owned by recovery. Says how long to wait; which ranges that makes lost is `Sent`'s work, when to look is the
/// sender's. Needs SACK.
#pragma once
#include "tcp/sent.hh"

#include <optional>

namespace anabranch::tcp {

class Rack {
 public:
  /// Recoveries without a D-SACK after which the window is the first one again (RFC 8985 §6.2 step 4).
  static constexpr unsigned kPersist = 16;

  struct Heard {
    Instant now;
    SubPos una, next;
    bool duplicate_reported = false;  ///< a D-SACK came with it
  };
  /// An acknowledgment; `covered` is what it told for the first time (RFC 8985 §6.2 steps 2 to 4).
  void on_ack(const Heard& heard, const Covered& covered);
  void recovery_ended();
  /// What was sent again had been answered by its original: the answer says nothing of the repetition.
  void forget_newest() { newest_.reset(); }

  /// The latest departure that arrived; nothing before it is known to have come late.
  const std::optional<Departure>& newest() const { return newest_; }
  /// How long after its departure a segment older than `newest()` is given up. `sure`: recovering already, or as many
  /// segments as RFC 5681 asks for were SACKed; then nobody waits on a path that has never reordered.
  Duration patience(bool sure, Duration min_rtt, Duration srtt) const;
  bool reordering_seen() const { return reordering_seen_; }

 private:
  std::optional<Departure> newest_;
  Duration rtt_;                 ///< of that departure
  SubPos furthest_;              ///< RACK.fack: end of the highest that arrived
  std::optional<SubPos> round_;  ///< one more D-SACK counts when this is acknowledged
  unsigned quarters_ = 1;        ///< of the smallest round trip, as reordering window
  unsigned persist_ = 0;
  bool reordering_seen_ = false;
};
}  // namespace anabranch::tcp
