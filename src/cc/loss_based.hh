/// What loss-based controllers share, around a rule of their own: slow start with appropriate byte counting
/// (RFC 3465) and HyStart++, one reduction an episode, undo, limits (RFC 5681, RFC 6928), and the decay of a window
/// that is not used, by silence or by an application with less to say (RFC 2861, as Linux; decision 0009).
///
/// Invariants: window >= one segment; threshold >= two, or what the rule says among siblings. The window does not grow while recovering from a reduction,
/// nor on acknowledgments of a flow that its window did not limit. A further timeout within an episode collapses the
/// window again but leaves the threshold (RFC 5681 §3.1).
#pragma once
#include "base/check.hh"
#include "cc/controller.hh"
#include "cc/slow_start.hh"

#include <algorithm>
#include <optional>
#include <utility>

namespace anabranch::cc {

struct LossBasedOptions {
  bool hystart = true;
  /// What one acknowledgment may add in slow start. RFC 3465 says two segments, which assumes acknowledgments of every
  /// second one; receivers with offload acknowledge a whole burst at once, so a burst is the limit here (RFC 9406 §4.2
  /// lifts the limit for paced senders likewise). After a timeout it is one segment, as RFC 3465 §2.3 demands.
  Bytes slow_start_per_ack{64 * 1024};
};

/// RFC 6928 §2.
constexpr Bytes initial_window(Bytes segment) { return std::min(segment * 10, std::max(segment * 2, Bytes{14'600})); }

template <WindowRule R>
class LossBased final : public Controller {  // [9293-MUST-19]
 public:
  explicit LossBased(Bytes segment, R rule = {}, LossBasedOptions options = {})
      : options_{options},
        state_{.rule = std::move(rule), .window = initial_window(segment)},
        segment_{segment} {
    ANABRANCH_CHECK(segment > Bytes{});
    if (!options_.hystart) { state_.hystart.finish(); }
  }

  void on_sent(Instant now, Bytes, Bytes) override {
    last_sent_ = now;
    has_sent_ = true;
  }
  void on_acked(const Acked& acked, const Siblings& siblings) override;
  void on_lost(const Lost& lost, const Siblings& siblings) override;
  void on_recovery_exit(Instant) override { episode_ = Episode::none; }
  void on_spurious_loss(Instant now) override;
  void on_return(Instant) override {
    state_.window = std::max(state_.window, std::min(state_.threshold, initial_window(segment_)));
  }
  void on_lossy_handshake() override { state_.window = segment_; }
  void after_idle(Instant now, Duration rto) override;
  void on_underused(Instant now, Bytes used) override;
  void on_penalised(Instant now) override;
  void set_segment(Bytes segment) override;

  Bytes window() const override { return state_.window; }
  Bytes threshold() const override { return state_.threshold; }
  bool in_slow_start() const override { return state_.window < state_.threshold; }
  Rate pacing() const override;
  bool needs_pacing() const override { return paced(); }
  Bytes between_losses() const override { return {std::max(state_.acked_since_loss, state_.acked_before_loss)}; }
  Rate rate() const override;
  std::string_view name() const override { return R::kName; }
  const R& rule() const { return state_.rule; }

 private:
  enum class Episode : std::uint8_t {
    none,
    reduced,    ///< duplicate or ecn: the window stands at the threshold until the end
    collapsed,  ///< timeout: slow start from one segment
  };
  /// What a reduction changes and an undo restores.
  struct State {
    R rule;
    Bytes window;
    Bytes threshold = kNoThreshold;
    HyStart hystart{};
    double carry = 0;  ///< growth not yet worth a byte
    std::uint64_t acked_since_loss = 0, acked_before_loss = 0;
  };
  static constexpr std::uint64_t kFloorSegments = 2;  ///< RFC 5681 §3.1
  static constexpr Bytes kLargestWindow{std::uint64_t{1} << 40};
  static constexpr std::uint64_t smallest_floor() {
    if constexpr (requires { R::kFloorAmongSiblings; }) { return R::kFloorAmongSiblings; }
    return kFloorSegments;
  }
  static constexpr bool paced() {
    if constexpr (requires { R::kPaced; }) { return R::kPaced; }
    return false;
  }

  Flow self(Bytes in_flight) const {
    return {.window = state_.window,
            .in_flight = in_flight,
            .srtt = srtt_,
            .segment = segment_,
            .between_losses = between_losses()};
  }
  bool slow_start_ends(const Acked& acked);
  void grow_in_slow_start(const Acked& acked);
  void grow_in_avoidance(const Acked& acked, const Siblings& siblings);
  void reduce_threshold(const Lost& lost, const Siblings& siblings);

  LossBasedOptions options_;
  State state_;
  std::optional<State> before_loss_;
  Bytes segment_;
  Duration srtt_;
  Instant last_sent_;
  Episode episode_ = Episode::none;
  bool has_sent_ = false;
};

template <WindowRule R>
void LossBased<R>::on_acked(const Acked& acked, const Siblings& siblings) {
  state_.acked_since_loss += acked.bytes.n;
  if (acked.srtt.ns > 0) { srtt_ = acked.srtt; }
  if constexpr (requires(R r, Flow f) { r.observe(acked, f); }) { state_.rule.observe(acked, self(acked.in_flight)); }
  if (episode_ == Episode::reduced) { return; }
  const bool first_slow_start = state_.threshold == kNoThreshold;
  if (first_slow_start) { state_.hystart.on_acked(acked); }
  if (acked.app_limited) {
    if constexpr (requires(R r) { r.grew_not(acked.now); }) { state_.rule.grew_not(acked.now); }
    return;
  }
  if (in_slow_start() && slow_start_ends(acked)) {
    state_.threshold = state_.window;
    if constexpr (requires(R r) { r.left_slow_start(acked.now); }) { state_.rule.left_slow_start(acked.now); }
  }
  if (in_slow_start()) {
    grow_in_slow_start(acked);
  } else {
    grow_in_avoidance(acked, siblings);
  }
}

template <WindowRule R>
bool LossBased<R>::slow_start_ends(const Acked& acked) {
  if constexpr (requires(R r, Flow f) { r.has_enough(f); }) {
    if (state_.rule.has_enough(self(acked.in_flight))) { return true; }
  }
  return state_.threshold == kNoThreshold && options_.hystart && state_.hystart.phase() == HyStart::Phase::finished;
}

template <WindowRule R>
void LossBased<R>::grow_in_slow_start(const Acked& acked) {
  const Bytes limit = episode_ == Episode::collapsed ? segment_ : std::max(options_.slow_start_per_ack, segment_ * 2);
  const Bytes step = std::min(acked.bytes, limit) / state_.hystart.growth_divisor();
  state_.window = std::min({state_.window + step, state_.threshold, kLargestWindow});
}

template <WindowRule R>
void LossBased<R>::grow_in_avoidance(const Acked& acked, const Siblings& siblings) {
  state_.carry += state_.rule.growth(acked, self(acked.in_flight), siblings);
  if (state_.carry >= 1) {
    const auto whole = static_cast<std::uint64_t>(std::min(state_.carry, 1e12));
    state_.window = std::min(state_.window + Bytes{whole}, kLargestWindow);
    state_.carry -= static_cast<double>(whole);
  } else if (state_.carry <= -1) {  // coupled rules may shift window to a sibling
    const auto whole = static_cast<std::uint64_t>(std::min(-state_.carry, 1e12));
    state_.window = std::max(state_.window - Bytes{whole}, segment_);
    state_.carry += static_cast<double>(whole);
  }
}

template <WindowRule R>
void LossBased<R>::on_lost(const Lost& lost, const Siblings& siblings) {
  if (lost.sign == Sign::timeout) {
    if (episode_ == Episode::none) {
      reduce_threshold(lost, siblings);
    } else if (episode_ == Episode::reduced) {
      before_loss_ = state_;  // should only the timeout prove spurious, the reduction stays
    }
    state_.window = segment_;
    state_.carry = 0;
    episode_ = Episode::collapsed;
    return;
  }
  if (episode_ != Episode::none) { return; }
  reduce_threshold(lost, siblings);
  state_.window = state_.threshold;
  episode_ = Episode::reduced;
}

template <WindowRule R>
void LossBased<R>::reduce_threshold(const Lost& lost, const Siblings& siblings) {
  before_loss_ = state_;
  std::uint64_t floor = kFloorSegments;
  if (smallest_floor() < floor && siblings.flows().size() > 1) { floor = smallest_floor(); }
  state_.threshold = std::max(state_.rule.after_loss(lost, self(lost.in_flight), siblings), segment_ * floor);
  state_.hystart.finish();
  state_.carry = 0;
  state_.acked_before_loss = std::exchange(state_.acked_since_loss, 0);
}

template <WindowRule R>
void LossBased<R>::on_spurious_loss(Instant) {
  episode_ = Episode::none;
  if (!before_loss_) { return; }
  const Bytes reached = state_.window;
  const std::uint64_t acked = state_.acked_since_loss;
  state_ = *std::exchange(before_loss_, std::nullopt);
  state_.window = std::max(state_.window, reached);
  state_.acked_since_loss += acked;
}

template <WindowRule R>
void LossBased<R>::after_idle(Instant now, Duration rto) {
  if (!has_sent_ || rto.ns <= 0) { return; }
  Duration idle = now - last_sent_;
  const Bytes floor = std::min(state_.window, initial_window(segment_));
  if (idle <= rto || state_.window == floor) { return; }
  // RFC 7661's spirit: remember three quarters as the place where slow start ends, decay by half each timeout.
  if (state_.threshold != kNoThreshold) { state_.threshold = std::max(state_.threshold, state_.window * 3 / 4); }
  while (idle > rto && state_.window > floor) {
    state_.window = std::max(state_.window / 2, floor);
    idle = idle - rto;
  }
  state_.carry = 0;
  last_sent_ = now;  // what has decayed does not decay again
  if constexpr (requires(R r) { r.idled(now); }) { state_.rule.idled(now); }
}

template <WindowRule R>
void LossBased<R>::on_underused(Instant now, Bytes used) {
  const Bytes keep = std::max(used, initial_window(segment_));
  if (episode_ != Episode::none || state_.window <= keep) { return; }
  if (state_.threshold != kNoThreshold) { state_.threshold = std::max(state_.threshold, state_.window * 3 / 4); }
  state_.window = (state_.window + keep) / 2;
  state_.carry = 0;
  if constexpr (requires(R r) { r.idled(now); }) { state_.rule.idled(now); }
}

/// The window is halved and slow start is over: it would be where it was a round trip later (Raiciu et al., NSDI 2012).
template <WindowRule R>
void LossBased<R>::on_penalised(Instant now) {
  if (episode_ != Episode::none) { return; }
  const Bytes floor = segment_ * kFloorSegments;
  state_.threshold = state_.window = std::max(state_.window / 2, floor);
  state_.carry = 0;
  if constexpr (requires(R r) { r.idled(now); }) { state_.rule.idled(now); }
}

template <WindowRule R>
void LossBased<R>::set_segment(Bytes segment) {
  ANABRANCH_CHECK(segment > Bytes{});
  segment_ = segment;
  state_.window = has_sent_ ? std::max(state_.window, segment) : initial_window(segment);
  if (state_.threshold != kNoThreshold) { state_.threshold = std::max(state_.threshold, segment * smallest_floor()); }
}

template <WindowRule R>
Rate LossBased<R>::pacing() const {
  if (srtt_.ns <= 0) { return {}; }
  // Twice the window a round trip while it doubles, a fifth more than it afterwards (Linux's tcp_pacing_ss_ratio and
  // tcp_pacing_ca_ratio): never the limit by itself.
  const double ratio = in_slow_start() ? 2 : 1.2;
  return {static_cast<std::uint64_t>(std::min(ratio * static_cast<double>(state_.window.n) / seconds(srtt_), 1e18))};
}

template <WindowRule R>
Rate LossBased<R>::rate() const {
  if constexpr (requires(R r) { r.rate(); }) { return state_.rule.rate(); }
  return {};
}
}  // namespace anabranch::cc
