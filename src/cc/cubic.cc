#include "cc/cubic.hh"

#include <algorithm>
#include <cmath>

namespace anabranch::cc {
namespace {
double segments(Bytes bytes, const Flow& self) {
  return static_cast<double>(bytes.n) / static_cast<double>(self.segment.n);
}
}  // namespace

void Cubic::begin_epoch(Instant now, double window) {
  in_epoch_ = true;
  epoch_ = latest_ = now;
  reno_ = window;
  if (from_here_ || window >= plateau_) {  // §4.8, §4.10, or beyond the old plateau already
    k_ = 0;
    plateau_ = window;
  } else {
    k_ = std::cbrt((plateau_ - window) / kC);
  }
  from_here_ = false;
}

double Cubic::growth(const Acked& acked, const Flow& self, const Siblings&) {
  const double window = segments(self.window, self);
  const double newly = segments(acked.bytes, self);
  if (!in_epoch_) { begin_epoch(acked.now, window); }
  latest_ = acked.now;
  const double t = seconds(acked.now - epoch_);
  reno_ += (reno_ >= prior_ ? 1.0 : kAlpha) * newly / window;
  double step = 0;
  if (window_at(t, k_, plateau_) < reno_) {
    step = std::max(0.0, reno_ - window);
  } else {
    const double ahead = window_at(t + seconds(self.srtt), k_, plateau_);
    const double target = std::clamp(ahead, window, 1.5 * window);
    step = (target - window) / window * newly;
  }
  return step * static_cast<double>(self.segment.n);
}

Bytes Cubic::after_loss(const Lost& lost, const Flow& self, const Siblings&) {
  const double window = segments(self.window, self);
  prior_ = window;
  plateau_ = window < plateau_ ? window * (1 + kBeta) / 2 : window;  // fast convergence (§4.7)
  in_epoch_ = false;
  from_here_ = lost.sign == Sign::timeout;
  return {static_cast<std::uint64_t>(static_cast<double>(self.window.n) * kBeta)};
}

void Cubic::grew_not(Instant now) {
  if (!in_epoch_) { return; }
  if (now > latest_) { epoch_ = epoch_ + (now - latest_); }
  latest_ = std::max(latest_, now);
}
}  // namespace anabranch::cc
