#include "cc/wvegas.hh"

#include <algorithm>
#include <cmath>
#include <utility>

namespace anabranch::cc {
namespace {
double segments(const Flow& self) { return static_cast<double>(self.window.n) / static_cast<double>(self.segment.n); }
}  // namespace

// --- rounds

void WVegas::observe(const Acked& acked, const Flow&) {
  acked_ += acked.bytes.n;
  if (acked.rtt && acked.rtt->ns > 0) {
    base_ = std::min(base_, *acked.rtt);
    sum_ = sum_ + *acked.rtt;
    ++samples_;
  }
  if (acked_ >= round_end_) { end_round(acked.in_flight - acked.bytes); }
}

void WVegas::end_round(Bytes in_flight) {
  round_end_ = acked_ + std::max<std::uint64_t>(in_flight.n, 1);
  round_samples_ = samples_;
  if (samples_ > 0) { rtt_ = sum_ / samples_; }
  sum_ = {};
  samples_ = 0;
  judged_ = false;
}

double WVegas::backlog(double window) const {
  if (rtt_.ns <= 0 || base_ == kUnknown) { return 0; }
  return window * seconds(rtt_ - base_) / seconds(rtt_);
}

// --- the window

bool WVegas::has_enough(const Flow& self) const {
  return round_samples_ > kFewSamples && backlog(segments(self)) > kGamma;
}

/// The change of a whole round at once, with the first acknowledgment after it.
double WVegas::growth(const Acked&, const Flow& self, const Siblings& siblings) {
  if (judged_) { return 0; }
  judged_ = true;
  const double window = segments(self), segment = static_cast<double>(self.segment.n);
  if (round_samples_ <= kFewSamples) { return segment; }
  const double queued = backlog(window);
  if (queued >= alpha_) { weigh(window * segment / seconds(rtt_), siblings); }
  double next = window;
  if (std::exchange(just_left_, false)) { next = std::min(next, window - queued + 1); }  // as Linux
  if (queued > alpha_) { next -= 1; }
  if (queued < alpha_) { next += 1; }
  // The draft drains whenever the delay has doubled. Before a flow has what it wants to have queued, its queue doubles
  // with every other packet it adds, and draining would keep it from ever filling the path.
  if (queued >= alpha_) { next = drained(next); }
  return (std::max(next, kLeastWindow) - window) * segment;
}

/// Takes a share of what all may have queued, as large as this flow's share of all rates.
void WVegas::weigh(double rate, const Siblings& siblings) {
  double all = rate - rate_;  // our own entry says what we told before
  for (const Flow& flow : siblings.flows()) { all += static_cast<double>(flow.rate.bytes_per_second); }
  rate_ = std::floor(rate);
  alpha_ = std::max(kTotalAlpha * rate / std::max(all, rate), kLeastAlpha);
}

/// Twice the smallest delay: everybody backs off for a moment, so that the empty path shows its delay again (§2).
double WVegas::drained(double window) {
  const Duration delay = rtt_ - base_;
  queue_delay_ = std::min(queue_delay_, delay);
  if (queue_delay_.ns <= 0 || delay < queue_delay_ * 2) { return window; }
  queue_delay_ = kUnknown;
  return window * 0.5 * seconds(base_) / seconds(rtt_);
}

Bytes WVegas::after_loss(const Lost&, const Flow& self, const Siblings&) {
  start_over();
  return self.window / 2;
}

void WVegas::start_over() {
  alpha_ = kLeastAlpha;
  rate_ = 0;
  queue_delay_ = kUnknown;
  judged_ = true;
}

Rate WVegas::rate() const { return {static_cast<std::uint64_t>(rate_)}; }
}  // namespace anabranch::cc
