/// A probe for a lost tail, before the retransmission timer would expire (RFC 8985 §7).
///
/// One a flight: fresh bytes if there are, else the last packet again; the answer shows by SACK what is missing. A
/// probe that repaired the loss by itself hides it from everybody else, so whether it did is decided here (§7.4.2).
/// In recovery the oldest packet leaves once more instead (`Sender::rescue`).
/// Where the timeout would come first there is no probe (the RFC would send one in its place): a timeout tells the
/// connection that a path may be dead, and a needless one is taken back. Owned by the sender.
#pragma once
#include "tcp/needless.hh"

#include <algorithm>
#include <utility>

namespace anabranch::tcp {

class TailProbe {
 public:
  /// How much an acknowledgment of a lone segment may be delayed (TLP.max_ack_delay): what most receivers keep below.
  static constexpr Duration kDelayedAck{200'000'000};
  static constexpr Duration kLeast{10'000'000};  ///< a probe sooner than that gains nothing on coarse timers

  /// When to probe a flight that is complete now: twice the round trip.
  static Instant when(Instant now, Duration srtt, bool lone) {
    return now + std::max(srtt * 2 + (lone ? kDelayedAck : Duration{}), kLeast);
  }

  /// It shall leave: fresh data if there is any.
  void expire() { due_ = Due::fresh; }
  /// All have been asked, nobody has fresh data.
  void no_fresh() { due_ = due_ == Due::fresh ? Due::again : due_; }
  bool due() const { return due_ != Due::no; }
  bool wants_fresh() const { return due_ == Due::fresh; }
  void cancel() { due_ = Due::no; }
  /// It left, when `next` was what comes next. `repeated`: it was the last packet once more.
  void left(SubPos next, bool repeated, Instant now);
  /// One is under way: no other.
  bool outstanding() const { return end_.has_value(); }
  void forget() { *this = {}; }

  struct Answer {
    SubPos ack;
    std::optional<Block> duplicate;  ///< its D-SACK
    bool bare_duplicate = false;     ///< a duplicate acknowledgment without SACK blocks
    std::optional<Instant> echoed;
  };
  /// True: something was lost, and the probe alone has mended it.
  bool mended(const Answer& answer);

 private:
  enum class Due : std::uint8_t { no, fresh, again };
  Due due_ = Due::no;
  bool repeated_ = false;
  std::optional<SubPos> end_;  ///< TLP.end_seq
  Instant left_at_;
};
}  // namespace anabranch::tcp
