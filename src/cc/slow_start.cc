#include "cc/slow_start.hh"

#include <algorithm>

namespace anabranch::cc {

void HyStart::on_acked(const Acked& acked) {
  if (phase_ == Phase::finished) { return; }
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
