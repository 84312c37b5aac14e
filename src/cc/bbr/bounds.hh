/// What losses say of a path: how much may be in flight at most, in the long run and for now (§3.4.2, §4.5.6).
///
/// The long-term bound is found by probing and raised by probing; the short-term bounds follow what was delivered in
/// rounds with losses and are forgotten when the next probe begins. Bytes and bytes a second; infinite: no bound.
/// Owned by BBR. draft-cardwell-iccrg-bbr-congestion-control-02. (Its bw_hi never becomes finite and is left out.)
#pragma once
#include "cc/controller.hh"

#include <algorithm>
#include <limits>

namespace anabranch::cc::bbr {

inline constexpr double kNone = std::numeric_limits<double>::infinity();
inline constexpr double kLossThreshold = 0.02;  ///< of a flight: more means that too much was in flight
inline constexpr double kBeta = 0.7;            ///< as far as a round of losses may reduce at once
inline constexpr double kHeadroom = 0.15;       ///< left free for others
inline constexpr double kMargin = 0.99;  ///< paced below the bandwidth, so that what noise queues drains (§4.6.2)

/// The delivery process of the latest round, and what losses in it say.
class ShortTerm {
 public:
  /// Beginning of an acknowledgment.
  void on_acked(const Delivery& d) {
    bandwidth_latest_ = std::max(bandwidth_latest_, static_cast<double>(d.rate.bytes_per_second));
    delivered_latest_ = std::max(delivered_latest_, delivered_in(d));
    lost_ |= d.newly_lost > Bytes{};
    round_over_ = d.known && d.total_then >= until_;
    if (round_over_) { until_ = d.total; }
  }
  /// A mark means what a loss means.
  void note_loss() { lost_ = true; }
  bool round_over() const { return round_over_; }
  /// At the end of a round, in a phase that does not probe: adapts to what was delivered if something was lost.
  void adapt(double largest_bandwidth, double window) {
    if (!lost_) { return; }
    if (bandwidth == kNone) { bandwidth = largest_bandwidth; }
    if (volume == kNone) { volume = window; }
    // Who paces a hundredth below the bound also delivers so much less: that is no news of the path.
    bandwidth = std::max(std::min(bandwidth_latest_ / kMargin, bandwidth), kBeta * bandwidth);
    volume = std::max(delivered_latest_, kBeta * volume);
  }
  void forget_losses() { lost_ = false; }
  /// End of an acknowledgment.
  void advance(const Delivery& d) {
    if (!round_over_) { return; }
    bandwidth_latest_ = static_cast<double>(d.rate.bytes_per_second);
    delivered_latest_ = delivered_in(d);
  }
  void forget_round() {
    lost_ = false;
    bandwidth_latest_ = delivered_latest_ = 0;
  }
  void reset() { bandwidth = volume = kNone; }

  double bandwidth = kNone, volume = kNone;  ///< bw_lo, inflight_lo

 private:
  static double delivered_in(const Delivery& d) { return d.known ? static_cast<double>(d.total - d.total_then) : 0; }
  double bandwidth_latest_ = 0, delivered_latest_ = 0;
  std::uint64_t until_ = 0;
  bool lost_ = false, round_over_ = false;
};

/// inflight_hi, and how fast it is raised while probing: by one segment in the first round, then by twice as much in
/// each (§4.3.3.4).
class LongTerm {
 public:
  static bool too_high(Bytes lost, Bytes flight) {
    return static_cast<double>(lost.n) > static_cast<double>(flight.n) * kLossThreshold;
  }
  double with_headroom(double least, double segment) const {
    return volume == kNone ? kNone : std::max(volume - std::max(segment, kHeadroom * volume), least);
  }
  void begin_refill() {
    rounds_ = 0;
    acked_ = 0;
  }
  void raise_slope(double window, double segment) {
    const double growth = segment * static_cast<double>(std::uint64_t{1} << rounds_);
    rounds_ = std::min(rounds_ + 1, 30u);
    bytes_a_segment_ = std::max(window / growth, 1.0) * segment;
  }
  void raise(double acked, double segment) {
    acked_ += acked;
    const double steps = static_cast<double>(static_cast<std::uint64_t>(acked_ / bytes_a_segment_));
    acked_ -= steps * bytes_a_segment_;
    volume += steps * segment;
  }
  void stop_raising() { bytes_a_segment_ = kNone; }

  double volume = kNone;

 private:
  unsigned rounds_ = 0;
  double acked_ = 0, bytes_a_segment_ = kNone;
};
}  // namespace anabranch::cc::bbr
