/// CUBIC (draft-ietf-tcpm-rfc8312bis-15, later RFC 9438): the window as a cubic function of the time since the last
/// reduction, never slower than Reno would be.
///
/// In segments and seconds, floating point, as the formulas are; bytes outside. Time that the flow spent without
/// growing because it was application-limited does not count (§4.2). Section numbers below are the draft's.
#pragma once
#include "cc/controller.hh"

namespace anabranch::cc {

class Cubic {
 public:
  static constexpr std::string_view kName = "cubic";
  static constexpr double kC = 0.4;     ///< segments per cubic second (§5)
  static constexpr double kBeta = 0.7;  ///< §4.6
  /// Growth a Reno flow would need to have the same average window with this beta (§4.3).
  static constexpr double kAlpha = 3 * (1 - kBeta) / (1 + kBeta);

  double growth(const Acked& acked, const Flow& self, const Siblings& siblings);
  Bytes after_loss(const Lost& lost, const Flow& self, const Siblings& siblings);
  void grew_not(Instant now);
  void left_slow_start(Instant) { from_here_ = true; }
  void idled(Instant) { in_epoch_ = false; }

  /// W_cubic(t) of §4.2, in segments, for a plateau and the time until it is reached.
  static double window_at(double t, double k, double plateau) { return kC * (t - k) * (t - k) * (t - k) + plateau; }
  double plateau() const { return plateau_; }  ///< W_max, segments
  double k() const { return k_; }              ///< K, seconds

 private:
  void begin_epoch(Instant now, double window);

  double plateau_ = 0;  ///< W_max; 0: none yet
  double prior_ = 0;    ///< the window at the latest reduction
  double reno_ = 0;     ///< W_est
  double k_ = 0;
  Instant epoch_, latest_;
  bool in_epoch_ = false;
  bool from_here_ = false;  ///< the next epoch begins on its plateau: after a timeout, or slow start left by choice
};
static_assert(WindowRule<Cubic>);
}  // namespace anabranch::cc
