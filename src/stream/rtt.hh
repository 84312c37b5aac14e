/// Round-trip time: smoothed value, variation and retransmission timeout (RFC 6298), and a windowed minimum.
///
/// Integers in nanoseconds. Takes only samples that Karn's rule allows: the owner must not pass the time of a
/// segment that was sent twice (timestamps make it unambiguous, RFC 7323 §4). No timers: `rto()` is a length.
#pragma once
#include "base/units.hh"

#include <array>
#include <cstdint>

namespace anabranch::stream {

/// The smallest of the samples of the last `window`, in constant space: the best sample and two later runners-up,
/// one from each of the later parts of the window, so that one is at hand when the best grows too old.
class WindowedMinimum {
 public:
  explicit WindowedMinimum(Duration window) : window_{window} {}
  void add(Instant now, Duration value);
  bool empty() const { return !known_; }
  Duration get() const { return best_[0].value; }  ///< zero when empty

 private:
  struct Sample {
    Instant at;
    Duration value;
  };
  void age(Instant now, Sample latest);
  Duration window_;
  std::array<Sample, 3> best_{};
  bool known_ = false;
};

struct RttLimits {
  Duration initial_rto{1'000'000'000};  ///< RFC 6298 §2.1
  /// The variation's part of the timeout is at least this, so `rto()` is more than it: a quiet path with delayed
  /// acknowledgments must not time out. Shorter than RFC 6298's 1 s, as all large implementations have it.
  Duration min_rto{200'000'000};
  Duration max_rto{120'000'000'000};           ///< RFC 6298 §2.5 asks for at least 60 s
  Duration rto_after_lost_syn{3'000'000'000};  ///< RFC 6298 §5.7
  Duration minimum_window{300'000'000'000};    ///< a route change is noticed after five minutes at the latest
};

class RttEstimator {
 public:
  explicit RttEstimator(RttLimits limits = {}) : limits_{limits}, minimum_{limits.minimum_window} {}

  /// One measurement. `samples_per_round`: how many are expected in one round trip, so that the memory of the
  /// smoothing stays one of several round trips when each acknowledgment is a sample (RFC 7323 §4.2). Ends a backoff.
  void sample(Instant now, Duration rtt, unsigned samples_per_round = 1);
  /// The retransmission timer expired: the next timeout is twice as long, up to the maximum (RFC 6298 §5.5).
  void back_off();
  /// New data was acknowledged: the timeout is the computed one again.
  void end_backoff() { backoff_ = 0; }
  /// A timeout was needless; `rtt` is what the answer took (RFC 4015 §3.2, ADAPT).
  void was_too_short(Duration rtt);
  /// The SYN was retransmitted: without a sample, data starts with the longer timeout (RFC 6298 §5.7).
  void syn_was_lost() { syn_lost_ = true; }

  bool has_sample() const { return known_; }
  Duration srtt() const { return srtt_; }      ///< zero without a sample
  Duration rttvar() const { return rttvar_; }  ///< zero without a sample
  Duration latest() const { return latest_; }
  Duration min_rtt() const { return minimum_.get(); }
  unsigned backoff() const { return backoff_; }  ///< how often the timer expired in a row
  Duration rto() const;                          ///< with backoff
  Duration base_rto() const;                     ///< without

 private:
  RttLimits limits_;
  WindowedMinimum minimum_;
  Duration srtt_, rttvar_, latest_;
  unsigned backoff_ = 0;
  bool known_ = false, syn_lost_ = false;
};
}  // namespace anabranch::stream
