// The state machine: startup, drain, the cycle that probes for bandwidth, and probe_rtt (§4.3).
#include "cc/bbr/bbr.hh"

namespace anabranch::cc::bbr {
namespace {
constexpr unsigned kStartupLosses = 3;         // §4.3.1.3: in one round, apart from each other
constexpr Duration kProbeRtt{200'000'000};     // §2.14.2
constexpr std::uint64_t kRenoRounds = 63;      // §4.3.3.5.3: Reno's loss-free time at 25 Mb/s and 30 ms
constexpr Duration kLeastWait{2'000'000'000};  // §4.3.3.5.3, and up to a second more
constexpr std::uint64_t kWaitSpread = 1'000'000'000;

/// Flows must not probe in step (§4.3.3.5.2). What a flow has delivered by now is not what another has; mixed as in
/// splitmix64, it serves as chance, and a run can still be repeated.
std::uint64_t chance(Instant now, std::uint64_t delivered) {
  std::uint64_t x = static_cast<std::uint64_t>(now.ns) * 0x9e3779b97f4a7c15u + delivered;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
}  // namespace

bool Bbr::probes() const { return state_ == State::startup || state_ == State::refill || state_ == State::up; }

// --- startup and drain

void Bbr::check_startup(const Acked& acked) {
  if (state_ != State::startup) { return; }
  const Delivery& d = acked.delivery;
  if (rounds_.started() && !d.limited) { full_pipe_.on_round(max_bandwidth_.get()); }
  const bool mending_long = mending_ != Mending::nothing && rounds_.count() > mending_since_;
  if (short_term_.round_over() && mending_long && loss_events_ >= kStartupLosses &&
      LongTerm::too_high(d.lost_since, d.flight)) {
    full_pipe_.set();
  }
  if (full_pipe_.filled()) { enter(State::drain); }
}

void Bbr::check_drain(const Acked& acked) {
  if (state_ != State::drain) { return; }
  if (static_cast<double>(acked.pipe.n) <= with_budget(product(max_bandwidth_.get(), 1))) { start_down(acked.now); }
}

// --- the cycle

void Bbr::start_down(Instant now) {
  enter(State::down);
  short_term_.forget_round();
  long_term_.stop_raising();
  const std::uint64_t drawn = chance(now, delivered_);
  rounds_.count_from(drawn & 1);
  wait_ = kLeastWait + Duration{static_cast<std::int64_t>((drawn >> 1) % kWaitSpread)};
  phase_began_ = now;
  answers_ = Answers::stopping;
  rounds_.restart(delivered_);
}

void Bbr::start_refill() {
  enter(State::refill);
  short_term_.reset();
  long_term_.begin_refill();
  answers_ = Answers::refilling;
  rounds_.restart(delivered_);
}

void Bbr::start_up(Instant now) {
  enter(State::up);
  samples_of_probe_ = true;
  answers_ = Answers::starting;
  phase_began_ = now;
  rounds_.restart(delivered_);
  long_term_.raise_slope(window_, segment());
}

bool Bbr::time_to_probe(const Acked& acked) {
  const double target = std::min(product(bandwidth_, 1), window_);
  const auto reno = static_cast<std::uint64_t>(target / segment());
  if (acked.now <= phase_began_ + wait_ && rounds_.since_probe() < std::min(reno, kRenoRounds)) { return false; }
  start_refill();
  return true;
}

void Bbr::turn_cycle(const Acked& acked) {
  const auto pipe = static_cast<double>(acked.pipe.n);
  switch (state_) {
    case State::down:
      if (time_to_probe(acked)) { return; }
      if (pipe <= long_term_.with_headroom(least(), segment()) &&
          pipe <= with_budget(product(max_bandwidth_.get(), 1))) {
        enter(State::cruise);
      }
      return;
    case State::cruise: time_to_probe(acked); return;
    case State::refill:
      if (rounds_.started()) { start_up(acked.now); }
      return;
    case State::up:
      if (acked.now > phase_began_ + empty_path_.rtt() && pipe > with_budget(product(max_bandwidth_.get(), 1.25))) {
        start_down(acked.now);
      }
      return;
    case State::startup:
    case State::drain:
    case State::probe_rtt: return;
  }
}

// --- the long-term bound (§4.3.3.6, §4.5.6.2)

void Bbr::adapt_long_term(const Acked& acked) {
  const Delivery& d = acked.delivery;
  if (rounds_.started() && answers_ == Answers::starting) { answers_ = Answers::feedback; }
  if (rounds_.started() && answers_ == Answers::stopping) {
    if (in_cycle() && !d.limited) { max_bandwidth_.advance(); }
    answers_ = Answers::nothing;  // once a cycle
  }
  if (!d.known) { return; }
  if (LongTerm::too_high(d.lost_since, d.flight)) {
    if (samples_of_probe_) { on_flight_too_high(acked, static_cast<double>(d.flight.n), d.limited); }
    return;
  }
  if (long_term_.volume == kNone) { return; }
  long_term_.volume = std::max(long_term_.volume, static_cast<double>(d.flight.n));
  if (state_ != State::up) { return; }
  if (!acked.app_limited && window_ >= long_term_.volume) {
    long_term_.raise(static_cast<double>(acked.bytes.n), segment());
  }
  if (rounds_.started()) { long_term_.raise_slope(window_, segment()); }
}

void Bbr::on_flight_too_high(const Acked& acked, double flight, bool limited) {
  samples_of_probe_ = false;
  if (!limited) {
    const double target = std::min(product(bandwidth_, 1), window_);
    long_term_.volume = std::max({flight, target * kBeta, least()});
  }
  if (state_ == State::up) { start_down(acked.now); }
}

/// What was lost had left in a flight of its own, before what the acknowledgment answers: at what part of it did
/// losses exceed what is tolerated (§4.5.6.2)?
void Bbr::judge_loss(const Acked& acked) {
  const Delivery& d = acked.delivery;
  if (!samples_of_probe_ || d.newly_lost == Bytes{} || d.lost_flight == Bytes{}) { return; }
  if (!LongTerm::too_high(d.lost_since_that, d.lost_flight)) { return; }
  const auto size = static_cast<double>(d.newly_lost.n);
  const double before = std::max(static_cast<double>(d.lost_flight.n) - size, 0.0);
  const double lost_before = std::max(static_cast<double>(d.lost_since_that.n) - size, 0.0);
  const double prefix = std::max((kLossThreshold * before - lost_before) / (1 - kLossThreshold), 0.0);
  on_flight_too_high(acked, before + prefix, d.limited);
}

// --- probe_rtt (§4.3.4)

void Bbr::check_probe_rtt(const Acked& acked) {
  if (state_ != State::probe_rtt && empty_path_.expired() && !restarted_) {
    prior_window_ = mending_ == Mending::nothing ? window_ : std::max(prior_window_, window_);
    enter(State::probe_rtt);
    probe_rtt_ends_.reset();
    answers_ = Answers::stopping;
    rounds_.restart(delivered_);
  }
  if (state_ == State::probe_rtt) {
    if (!probe_rtt_ends_ && static_cast<double>(acked.pipe.n) <= rest_window()) {
      probe_rtt_ends_ = acked.now + kProbeRtt;
      probe_rtt_round_ = false;
      rounds_.restart(delivered_);
    } else if (probe_rtt_ends_) {
      probe_rtt_round_ |= rounds_.started();
      if (probe_rtt_round_) { finish_probe_rtt(acked.now); }
    }
  }
  restarted_ = false;
}

void Bbr::finish_probe_rtt(Instant now) {
  if (!probe_rtt_ends_ || now <= *probe_rtt_ends_) { return; }
  empty_path_.probed(now);
  window_ = std::max(window_, prior_window_);
  short_term_.reset();
  if (!full_pipe_.filled()) { return enter(State::startup); }
  start_down(now);
  enter(State::cruise);  // what is in flight is below the product already
}
}  // namespace anabranch::cc::bbr
