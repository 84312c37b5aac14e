/// Weighted Vegas (draft-xu-mptcp-congestion-control-05): keeps a few packets queued on each path, and shares a fixed
/// number of them between the paths by their rates, so that all are equally congested.
///
/// Looks at the round-trip times of each round and moves the window by one segment; a round is over when as much is
/// acknowledged as was in flight when it began. Slow start ends with the first sign of a queue. After a loss it is
/// Reno. Windows in segments here, as in the draft. Yields to loss-based flows on the same queue: choose it knowingly.
#pragma once
#include "cc/controller.hh"

#include <limits>

namespace anabranch::cc {

class WVegas {
 public:
  static constexpr std::string_view kName = "wvegas";
  static constexpr bool kPaced = true;  ///< bursts queue by themselves, and a queue is what it measures

  // The draft leaves total_alpha to configuration; these are the Linux module's values.
  static constexpr double kTotalAlpha = 10;   ///< segments queued by all flows of a connection
  static constexpr double kLeastAlpha = 2;    ///< by one flow, and what it begins with
  static constexpr double kGamma = 1;         ///< slow start ends when more than this is queued
  static constexpr double kLeastWindow = 2;   ///< segments
  static constexpr unsigned kFewSamples = 2;  ///< a round with no more says nothing: Reno's step

  double growth(const Acked& acked, const Flow& self, const Siblings& siblings);
  Bytes after_loss(const Lost& lost, const Flow& self, const Siblings& siblings);
  void observe(const Acked& acked, const Flow& self);
  bool has_enough(const Flow& self) const;
  void left_slow_start(Instant) { just_left_ = true; }
  void idled(Instant) { start_over(); }
  Rate rate() const;

  double alpha() const { return alpha_; }      ///< segments this flow keeps queued
  double backlog(double window) const;         ///< what of `window` is queued, by the latest round
  Duration base_rtt() const { return base_; }  ///< of the empty path, as far as it has been seen

 private:
  static constexpr Duration kUnknown{std::numeric_limits<std::int64_t>::max()};
  void end_round(Bytes in_flight);
  void weigh(double rate, const Siblings& siblings);
  double drained(double window);
  void start_over();

  Duration base_ = kUnknown;
  Duration rtt_{};  ///< average of the latest complete round
  Duration sum_{};
  unsigned samples_ = 0, round_samples_ = 0;
  std::uint64_t acked_ = 0, round_end_ = 0;
  bool judged_ = true;  ///< the latest complete round has had its effect
  double alpha_ = kLeastAlpha;
  double rate_ = 0;                  ///< bytes a second in equilibrium; 0: not known since the latest loss
  bool just_left_ = false;           ///< slow start
  Duration queue_delay_ = kUnknown;  ///< the smallest since the queue was drained last
};
static_assert(WindowRule<WVegas>);
}  // namespace anabranch::cc
