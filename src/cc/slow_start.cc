#include "cc/slow_start.hh"

#include <algorithm>

namespace anabranch::cc {

void AckTrain::on_acked(const Acked& acked, Duration smallest) {
  if (count_ == 0 || acked.now - last_ > smallest / kPauses) {
    *this = {};
    began_ = acked.now;
  } else {
    bytes_ += acked.bytes.n;
  }
  ++count_;
  last_ = acked.now;
  if (acked.rtt) {
    if (!first_rtt_) { first_rtt_ = acked.rtt; }
    last_rtt_ = acked.rtt;
  }
}

std::optional<Bytes> AckTrain::pipe(Bytes in_flight, Duration smallest) const {
  const Duration length = last_ - began_;
  if (count_ < kEnough || bytes_ < in_flight.n / 4 || length <= Duration{}) { return std::nullopt; }
  if (!first_rtt_ || *last_rtt_ - *first_rtt_ < length / kSpread) { return std::nullopt; }
  const double share = static_cast<double>(smallest.ns) / static_cast<double>(length.ns);
  return Bytes{static_cast<std::uint64_t>(std::min(static_cast<double>(bytes_) * share, 1e15))};
}

void HyStart::on_acked(const Acked& acked) {
  if (phase_ == Phase::finished) { return; }
  if (acked.rtt) { smallest_ = std::min(smallest_, *acked.rtt); }
  if (smallest_ != kUnknown) { train_.on_acked(acked, smallest_); }
  if (pipe_is_full(acked)) {
    phase_ = Phase::finished;
    return;
  }
  acked_ += acked.bytes.n;
  if (acked_ >= round_end_) {
    begin_round(acked.in_flight - acked.bytes);
    if (phase_ == Phase::finished) { return; }
  }
  if (acked.rtt) {
    this_round_ = std::min(this_round_, *acked.rtt);
    ++samples_;
    judge();
  }
}

bool HyStart::pipe_is_full(const Acked& acked) const {
  if (acked.app_limited) { return false; }  // then acknowledgments come at the application's rate
  const auto pipe = train_.pipe(acked.in_flight, smallest_);
  return pipe && static_cast<double>(acked.in_flight.n) >= static_cast<double>(pipe->n) * kFill;
}

void HyStart::begin_round(Bytes in_flight) {
  round_end_ = acked_ + in_flight.n;
  last_round_ = this_round_;
  this_round_ = kUnknown;
  samples_ = 0;
  // The round in which the rise was noticed counts, although only its rest was conservative.
  if (phase_ == Phase::conservative && ++conservative_rounds_ >= kConservativeRounds) { phase_ = Phase::finished; }
}

void HyStart::judge() {
  if (samples_ < kSamples) { return; }
  if (phase_ == Phase::conservative) {
    if (this_round_ < baseline_) {  // the rise was noise
      phase_ = Phase::standard;
      baseline_ = kUnknown;
    }
    return;
  }
  if (last_round_ == kUnknown) { return; }
  if (this_round_ >= last_round_ + std::clamp(last_round_ / 8, kMinThreshold, kMaxThreshold)) {
    phase_ = Phase::conservative;
    baseline_ = this_round_;
    conservative_rounds_ = 0;
  }
}
}  // namespace anabranch::cc
