// The model of the path, and the three things that follow from it: pace, quantum, window (§4.5, §4.6).
#include "cc/bbr/bbr.hh"

#include "cc/loss_based.hh"

namespace anabranch::cc::bbr {
namespace {
constexpr double kStartupPace = 2.77;  // §4.3.1.1
constexpr double kWindowGain = 2;      // §4.6.1
constexpr double kProbeRttGain = 0.5;  // §2.14.2
constexpr double kLeastSegments = 4;   // §4.6.4.3
constexpr double kSlow = 1.2e6 / 8;    // §4.6.3, bytes a second
constexpr double kLargestQuantum = 64 * 1024;
constexpr double kLargest = 1e12;  // bytes a second, and bytes: what cannot be is not computed with

double pace_gain(State state) {
  switch (state) {
    case State::startup: return kStartupPace;
    case State::drain: return 1 / kWindowGain;
    case State::down: return 0.9;
    case State::up: return 1.25;
    case State::probe_rtt:
    case State::cruise:
    case State::refill: break;
  }
  return 1;
}
}  // namespace

Bbr::Bbr(Bytes segment) : segment_{segment}, window_{static_cast<double>(initial_window(segment).n)} {
  ANABRANCH_CHECK(segment > Bytes{});
}

double Bbr::least() const { return kLeastSegments * segment(); }

// --- events

void Bbr::on_sent(Instant, Bytes, Bytes) {}

void Bbr::on_acked(const Acked& acked, const Siblings&) {
  delivered_ = acked.delivery.total;
  if (pace_ <= 0 && acked.srtt.ns > 0) {
    pace_ = kStartupPace * static_cast<double>(initial_window(segment_).n) / seconds(acked.srtt);
  }
  judge_loss(acked);
  update_model(acked);
  set_pace(pace_gain(state_));
  set_window(acked);
}

void Bbr::update_model(const Acked& acked) {
  const Delivery& d = acked.delivery;
  short_term_.on_acked(d);
  rounds_.on_acked(d);
  const auto rate = static_cast<double>(d.rate.bytes_per_second);
  if (rate >= max_bandwidth_.get() || !d.limited) { max_bandwidth_.add(std::min(rate, kLargest)); }
  if (d.newly_lost > Bytes{}) { ++loss_events_; }
  if (short_term_.round_over()) {
    if (!probes()) { short_term_.adapt(max_bandwidth_.get(), window_); }
    short_term_.forget_losses();
  }
  aggregation_.on_acked(acked, bandwidth_, window_, rounds_.count());
  check_startup(acked);
  check_drain(acked);
  if (full_pipe_.filled()) {
    adapt_long_term(acked);
    turn_cycle(acked);
  }
  empty_path_.on_acked(acked.now, acked.rtt);
  check_probe_rtt(acked);
  short_term_.advance(d);
  if (short_term_.round_over()) { loss_events_ = 0; }
  bandwidth_ = std::min(max_bandwidth_.get(), short_term_.bandwidth);
}

void Bbr::on_lost(const Lost& lost, const Siblings&) {
  if (lost.sign == Sign::ecn) { return short_term_.note_loss(); }  // the draft knows no marks
  const bool first = mending_ == Mending::nothing;
  prior_window_ = first && state_ != State::probe_rtt ? window_ : std::max(prior_window_, window_);
  if (first) {
    before_loss_ = short_term_;
    mending_since_ = rounds_.count();
  }
  const auto pipe = static_cast<double>(lost.pipe.n);
  if (lost.sign == Sign::timeout) {
    mending_ = Mending::growing;
    window_ = pipe + segment();
    return;
  }
  mending_ = Mending::conserving;
  conserving_until_ = delivered_;
  window_ = pipe + segment();
}

void Bbr::on_recovery_exit(Instant) {
  if (mending_ == Mending::nothing) { return; }  // of a mark, or of what was undone
  mending_ = Mending::nothing;
  window_ = std::max(window_, prior_window_);
  bound_window();
}

void Bbr::on_spurious_loss(Instant now) {
  if (mending_ != Mending::nothing) {
    short_term_.bandwidth = before_loss_.bandwidth;
    short_term_.volume = before_loss_.volume;
    short_term_.forget_losses();
  }
  on_recovery_exit(now);
}

void Bbr::after_idle(Instant now, Duration) {
  restarted_ = true;
  aggregation_.restart(now);
  if (in_cycle()) { set_pace(1); }
  if (state_ == State::probe_rtt) { finish_probe_rtt(now); }
}

void Bbr::set_segment(Bytes segment) {
  ANABRANCH_CHECK(segment > Bytes{});
  if (delivered_ == 0 && mending_ == Mending::nothing) { window_ = static_cast<double>(initial_window(segment).n); }
  segment_ = segment;
  window_ = std::max(window_, this->segment());
}

// --- what follows

double Bbr::product(double bandwidth, double gain) const {
  if (!empty_path_.known()) { return static_cast<double>(initial_window(segment_).n); }
  return gain * bandwidth * seconds(empty_path_.rtt());
}

double Bbr::quantum() const {
  const double floor = (pace_ < kSlow ? 1 : 2) * segment();
  return std::max(std::min(pace_ * 0.001, kLargestQuantum), floor);
}

/// §4.6.4.2: enough for the quanta that hosts and offloads keep for themselves.
double Bbr::with_budget(double volume) const {
  const double extra = state_ == State::up ? 2 * segment() : 0;
  return std::max({volume, 3 * quantum(), least()}) + extra;
}

void Bbr::set_pace(double gain) {
  const double pace = gain * bandwidth_ * kMargin;
  if (pace > 0 && (full_pipe_.filled() || pace > pace_)) { pace_ = std::max(pace, 1.0); }
}

double Bbr::rest_window() const { return std::max(product(bandwidth_, kProbeRttGain), least()); }

/// §4.6.4.4 to §4.6.4.7.
void Bbr::set_window(const Acked& acked) {
  const auto newly = static_cast<double>(acked.bytes.n), pipe = static_cast<double>(acked.pipe.n);
  const double gain = state_ == State::probe_rtt ? kProbeRttGain : kWindowGain;
  const double most = with_budget(product(bandwidth_, gain) + aggregation_.extra());
  if (mending_ != Mending::nothing) {
    window_ = std::max(window_ - static_cast<double>(acked.delivery.newly_lost.n), segment());
    if (mending_ == Mending::conserving) {
      window_ = std::max(window_, pipe + newly);
      if (acked.delivery.known && acked.delivery.total_then >= conserving_until_) { mending_ = Mending::growing; }
    }
  }
  if (mending_ != Mending::conserving) {
    const bool unknown = bandwidth_ <= 0 || delivered_ < initial_window(segment_).n;
    if (full_pipe_.filled()) {
      window_ = std::min(window_ + newly, most);
    } else if (window_ < most || unknown) {
      window_ = std::min(window_ + newly, kLargest);
    }
    window_ = std::max(window_, least());
  }
  bound_window();
}

void Bbr::bound_window() {
  double cap = kNone;
  if (state_ == State::probe_rtt || state_ == State::cruise) {
    cap = long_term_.with_headroom(least(), segment());
  } else if (in_cycle()) {
    cap = long_term_.volume;
  }
  if (state_ == State::probe_rtt) { cap = std::min(cap, rest_window()); }
  window_ = std::min(window_, std::max(std::min(cap, short_term_.volume), least()));
}
}  // namespace anabranch::cc::bbr
