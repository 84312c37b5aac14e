#include "stream/rtt.hh"

#include <algorithm>

namespace anabranch::stream {

void WindowedMinimum::add(Instant now, Duration value) {
  const Sample latest{now, value};
  if (!known_ || value <= best_[0].value || now - best_[2].at > window_) {
    best_ = {latest, latest, latest};  // a new minimum, or all that is known is too old
    known_ = true;
    return;
  }
  if (value <= best_[1].value) {
    best_[1] = best_[2] = latest;
  } else if (value <= best_[2].value) {
    best_[2] = latest;
  }
  age(now, latest);
}

void WindowedMinimum::age(Instant now, Sample latest) {
  const Duration since = now - best_[0].at;
  if (since > window_) {  // the best is too old: the runners-up move up, the second may be too old as well
    best_ = {best_[1], best_[2], latest};
    if (now - best_[0].at > window_) { best_ = {best_[1], best_[2], latest}; }
  } else if (best_[1].at == best_[0].at && since > window_ / 4) {
    best_[1] = best_[2] = latest;  // a quarter has gone without a runner-up of its own
  } else if (best_[2].at == best_[1].at && since > window_ / 2) {
    best_[2] = latest;
  }
}

void RttEstimator::sample(Instant now, Duration rtt, unsigned samples_per_round) {  // [9293-MUST-18]
  rtt = std::max(rtt, Duration{1});
  minimum_.add(now, rtt);
  latest_ = rtt;
  backoff_ = 0;
  if (!known_) {  // RFC 6298 §2.2
    srtt_ = rtt;
    rttvar_ = rtt / 2;
    known_ = true;
    return;
  }
  // RFC 6298 §2.3: gains of 1/8 and 1/4 a round trip, spread over its samples (RFC 7323 §4.2).
  const std::int64_t n = std::max(1u, samples_per_round);
  const Duration off = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
  rttvar_ = rttvar_ + (off - rttvar_) / (4 * n);
  srtt_ = srtt_ + (rtt - srtt_) / (8 * n);
}

Duration RttEstimator::base_rto() const {
  if (!known_) { return syn_lost_ ? limits_.rto_after_lost_syn : limits_.initial_rto; }
  return std::min(srtt_ + std::max(rttvar_ * 4, limits_.min_rto), limits_.max_rto);
}

Duration RttEstimator::rto() const {
  Duration out = base_rto();
  for (unsigned i = 0; i < backoff_ && out < limits_.max_rto; ++i) { out = out * 2; }
  return std::min(out, limits_.max_rto);
}

void RttEstimator::back_off() { ++backoff_; }

void RttEstimator::was_too_short(Duration rtt) {
  srtt_ = std::max(srtt_, rtt);
  rttvar_ = std::max(rttvar_, rtt / 2);
}
}  // namespace anabranch::stream
