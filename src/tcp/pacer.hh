/// When the next packet may leave, so that a window is spread over a round trip instead of leaving as one burst.
///
/// Keeps the instant at which all that has left would have left at the rate. Bursts of a millisecond's worth are let
/// through, then it waits until the rate has caught up: one wake-up a millisecond, however fast the flow, and timers
/// that are a millisecond late cost nothing, since what they missed is remembered that long. The first ten packets
/// after silence leave at once (RFC 6928; Linux likewise). Owned by the sender. Knows no window.
#pragma once
#include "base/units.hh"

#include <algorithm>

namespace anabranch::tcp {

class Pacer {
 public:
  static constexpr Duration kBurst{1'000'000};  ///< as Linux's super-segments: a millisecond (sk_pacing_shift 10)
  static constexpr std::uint64_t kUnpacedPackets = 10;  ///< RFC 6928 §2

  /// Nothing may leave before `until()`.
  bool holds(Instant now) const { return held_ && now < even_; }
  Instant until() const { return even_; }
  /// The same as a plain value: nothing leaves before; in the past if nothing is held.
  Instant next() const { return held_ ? even_ : Instant{}; }
  /// Nothing is in flight: what comes next follows silence.
  void rest(Bytes segment) { unpaced_ = segment * kUnpacedPackets; }
  /// `bytes` leave; `rate` zero: no pace is known.
  void left(Instant now, Bytes bytes, Rate rate) {
    const Bytes free = std::min(bytes, unpaced_);
    unpaced_ -= free;
    if (rate == Rate{}) { return; }
    even_ = std::max(even_, now - kBurst) + time_for(bytes - free, rate);
    held_ = even_ - now >= kBurst || (held_ && now < even_);
  }
  /// All that was counted on is off (a timeout): nothing is held.
  void reset(Instant now) {
    even_ = now;
    held_ = false;
  }

 private:
  Instant even_{};  ///< at the rate, all that has left would have left by then
  bool held_ = false;
  Bytes unpaced_;
};
}  // namespace anabranch::tcp
