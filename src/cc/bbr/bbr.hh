/// BBR, second version, as in draft-cardwell-iccrg-bbr-congestion-control-02 (2022): sends at the rate at which the
/// path delivers, keeps about its bandwidth-delay product in flight, and takes losses for what they prove, not more.
///
/// Startup doubles the rate until it grows no more or losses last; drain empties the queue that left; then cycles of
/// down, cruise, refill and up probe for more; now and then probe_rtt empties the path to measure it. Needs delivery
/// samples and pacing. Knows nothing of its siblings: on a shared bottleneck each flow takes a share of its own.
/// Bytes and bytes a second in floating point. What we do otherwise than the draft: docs/congestion.md.
#pragma once
#include "cc/bbr/bounds.hh"
#include "cc/bbr/filters.hh"

namespace anabranch::cc::bbr {

/// §4.3. The last five are entered one after another again and again.
enum class State : std::uint8_t { startup, drain, probe_rtt, down, cruise, refill, up };

class Bbr final : public Controller {
 public:
  static constexpr std::string_view kName = "bbr";

  explicit Bbr(Bytes segment);

  void on_sent(Instant now, Bytes bytes, Bytes in_flight) override;
  void on_acked(const Acked& acked, const Siblings& siblings) override;
  void on_lost(const Lost& lost, const Siblings& siblings) override;
  void on_recovery_exit(Instant now) override;
  void on_spurious_loss(Instant now) override;
  void on_lossy_handshake() override { window_ = segment(); }
  void after_idle(Instant now, Duration rto) override;
  void on_underused(Instant, Bytes) override {}
  void set_segment(Bytes segment) override;

  Bytes window() const override { return {static_cast<std::uint64_t>(window_)}; }
  Bytes threshold() const override { return in_slow_start() ? kNoThreshold : window(); }
  bool in_slow_start() const override { return state_ == State::startup; }
  Rate pacing() const override { return {static_cast<std::uint64_t>(pace_)}; }
  bool needs_pacing() const override { return true; }
  bool wants_delivery() const override { return true; }
  bool governs_recovery() const override { return true; }
  bool holds_back() const override { return state_ == State::probe_rtt; }
  Rate rate() const override { return {static_cast<std::uint64_t>(bandwidth_)}; }
  std::string_view name() const override { return kName; }

  State state() const { return state_; }
  Duration min_rtt() const { return empty_path_.rtt(); }
  const FullPipe& full_pipe() const { return full_pipe_; }
  const LongTerm& long_term() const { return long_term_; }
  const ShortTerm& short_term() const { return short_term_; }

 private:
  /// §4.3.3.6: what the acknowledgments that come in now answer to.
  enum class Answers : std::uint8_t { nothing, refilling, starting, feedback, stopping };
  enum class Mending : std::uint8_t { nothing, conserving, growing };  ///< §4.6.4.4

  double segment() const { return static_cast<double>(segment_.n); }
  double least() const;
  bool in_cycle() const { return state_ >= State::down; }
  bool probes() const;

  // bbr.cc: the model, and what follows from it
  void update_model(const Acked& acked);
  double product(double bandwidth, double gain) const;
  double with_budget(double volume) const;
  double quantum() const;
  void set_pace(double gain);
  void set_window(const Acked& acked);
  void bound_window();
  double rest_window() const;

  // states.cc: the state machine
  void enter(State state) { state_ = state; }
  void check_startup(const Acked& acked);
  void check_drain(const Acked& acked);
  void adapt_long_term(const Acked& acked);
  void on_flight_too_high(const Acked& acked, double flight, bool limited);
  void judge_loss(const Acked& acked);
  void turn_cycle(const Acked& acked);
  bool time_to_probe(const Acked& acked);
  void start_down(Instant now);
  void start_refill();
  void start_up(Instant now);
  void check_probe_rtt(const Acked& acked);
  void finish_probe_rtt(Instant now);

  Bytes segment_;
  State state_ = State::startup;
  Rounds rounds_;
  TwoSlotMaximum max_bandwidth_;
  FullPipe full_pipe_;
  EmptyPath empty_path_;
  Aggregation aggregation_;
  ShortTerm short_term_, before_loss_;
  LongTerm long_term_;

  double bandwidth_ = 0;  ///< what may be sent a second, all bounds considered
  double pace_ = 0;
  double window_, prior_window_ = 0;  ///< and the one before recovery or probe_rtt
  Mending mending_ = Mending::nothing;
  std::uint64_t mending_since_ = 0, conserving_until_ = 0;  ///< round; delivered bytes

  // of the cycle
  Answers answers_ = Answers::nothing;
  bool samples_of_probe_ = false;  ///< of the latest probe no loss has been answered yet
  Instant phase_began_;
  Duration wait_{};           ///< from then until the next probe
  unsigned loss_events_ = 0;  ///< in this round

  // of probe_rtt
  std::optional<Instant> probe_rtt_ends_;
  bool probe_rtt_round_ = false;
  bool restarted_ = false;  ///< after silence: nothing was in flight
  std::uint64_t delivered_ = 0;
};
}  // namespace anabranch::cc::bbr

template <>
struct anabranch::Names<anabranch::cc::bbr::State> {
  static constexpr std::string_view list[] = {"startup", "drain", "probe_rtt", "down", "cruise", "refill", "up"};
};
