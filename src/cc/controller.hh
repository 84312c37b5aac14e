/// Congestion control of one flow: told what happened, shown its siblings, asked for a window.
///
/// The sender decides *that* something is lost and keeps the pipe (RFC 6675, RFC 6937); a controller only decides
/// how large the window is. Calls in order of time. Bytes, not segments. `siblings` are all flows of the connection,
/// this one included; none means: alone. Owned by the sender of one subflow; no timers, no clock. docs/congestion.md.
#pragma once
#include "base/names.hh"
#include "base/units.hh"

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace anabranch::cc {

inline constexpr Bytes kNoThreshold{std::numeric_limits<std::uint64_t>::max()};

/// What the flows of one connection may know of each other.
struct Flow {
  Bytes window;  ///< congestion window; in recovery: what it will be afterwards (RFC 6356 §3)
  Bytes in_flight;
  Duration srtt;         ///< zero: no sample yet; such a flow is left out of coupled sums
  Bytes segment;         ///< largest payload of a segment
  Bytes between_losses;  ///< see Controller::between_losses
  Duration min_rtt{};    ///< smallest of the last minutes; zero: no sample yet
  Rate rate{};           ///< see Controller::rate
};

/// Where a sender finds its siblings. The connection implements it; a lone TCP has none.
class Group {
 public:
  virtual ~Group() = default;
  /// Those that compete for the network now; valid until the next call. Costs as much as there are flows.
  virtual std::span<const Flow> flows() const = 0;
};
class NoGroup final : public Group {
 public:
  std::span<const Flow> flows() const override { return {}; }
};

/// All flows of the connection, gathered only when a rule looks at them.
class Siblings {
 public:
  Siblings() = default;                             ///< alone
  Siblings(const Group& group) : group_{&group} {}  // NOLINT(google-explicit-constructor): flows are siblings
  template <class Flows>
    requires std::convertible_to<const Flows&, std::span<const Flow>>
  Siblings(const Flows& flows) : flows_{flows} {}  // NOLINT(google-explicit-constructor)
  std::span<const Flow> flows() const { return group_ != nullptr ? group_->flows() : flows_; }

 private:
  const Group* group_ = nullptr;
  std::span<const Flow> flows_;
};

/// What an acknowledgment says of the path (draft-cheng-iccrg-delivery-rate-estimation-02), for controllers that want it.
/// "Then" is when the newest of what was acknowledged had left.
struct Delivery {
  bool known = false;            ///< it can be said what was acknowledged; if not, of the rest only totals and losses
  Rate rate{};                   ///< zero: not to be relied on
  std::uint64_t total = 0;       ///< bytes delivered so far
  std::uint64_t total_then = 0;  ///< and then
  Bytes flight;                  ///< in flight then, itself included
  Bytes lost_since;              ///< found lost since then
  bool limited = false;          ///< for a while the flow had nothing to say: the path could do more
  Bytes newly_lost;              ///< found lost with this acknowledgment, or since the last
  Bytes lost_flight;             ///< in flight when the newest of what was lost had left; zero: unknown
  Bytes lost_since_that;         ///< found lost since that
};

/// One acknowledgment that newly acknowledged something, cumulatively or selectively.
struct Acked {
  Instant now;
  Bytes bytes;                  ///< newly acknowledged, each byte once
  Bytes in_flight;              ///< before this acknowledgment
  std::optional<Duration> rtt;  ///< the sample it gave, if any
  Duration srtt;                ///< smoothed, this sample included; zero if there never was one
  bool app_limited = false;     ///< the window was not what limited sending when these bytes left
  Bytes pipe{};                 ///< in flight now: neither acknowledged nor lost
  Delivery delivery{};          ///< if the controller wants it
};

/// Why the window must shrink.
enum class Sign : std::uint8_t { duplicate /* or RACK */, timeout, ecn };
struct Lost {
  Instant now;
  Bytes bytes;      ///< found lost (0 for ecn)
  Bytes in_flight;  ///< before the loss was found: RFC 5681's FlightSize
  Sign sign = Sign::duplicate;
  Bytes pipe{};  ///< in flight after it was found
};

class Controller {
 public:
  virtual ~Controller() = default;

  /// `bytes` of payload left, retransmissions included; `in_flight` includes them.
  virtual void on_sent(Instant now, Bytes bytes, Bytes in_flight) = 0;
  virtual void on_acked(const Acked&, const Siblings& siblings) = 0;
  /// Once when a recovery episode begins (duplicate, ecn), and at each expiry of the retransmission timer (timeout),
  /// within an episode or not. One episode reduces the window's target once.
  virtual void on_lost(const Lost&, const Siblings& siblings) = 0;
  /// The episode is over: all that was outstanding when it began is acknowledged.
  virtual void on_recovery_exit(Instant now) = 0;
  /// The loss that began the latest episode was none (RFC 3522, RFC 4015, RFC 5682, D-SACK): undo the reduction.
  /// Ends the episode too.
  virtual void on_spurious_loss(Instant now) = 0;
  /// The first answer after a silence of several timeouts, on a flow whose siblings went on: a flow opened anew would
  /// have its initial window by now (RFC 6928), and nothing of this one is in flight.
  virtual void on_return(Instant) {}
  /// The SYN or SYN/ACK had to be sent again: the initial window is one segment (RFC 5681 §3.1). Before data is sent.
  virtual void on_lossy_handshake() = 0;
  /// Before sending after nothing was in flight: the window decays if that lasted longer than `rto`.
  virtual void after_idle(Instant now, Duration rto) = 0;
  /// For a whole retransmission timeout the window was not what limited sending, and at most `used` was in flight.
  virtual void on_underused(Instant now, Bytes used) = 0;
  /// The connection wants less of this flow for a while, though nothing was lost: it holds up quicker ones. Not while
  /// recovering.
  virtual void on_penalised(Instant) {}
  /// The largest payload of a segment is now `segment` (handshake done, path MTU changed).
  virtual void set_segment(Bytes segment) = 0;

  virtual Bytes window() const = 0;     ///< how much may be in flight; at least one segment
  virtual Bytes threshold() const = 0;  ///< slow start below it; kNoThreshold until the first loss
  virtual bool in_slow_start() const = 0;
  virtual Rate pacing() const { return {}; }             ///< for a sender that paces; zero: no pace is known
  virtual bool needs_pacing() const { return false; }    ///< whatever the configuration says
  virtual bool wants_delivery() const { return false; }  ///< shall be told `Acked::delivery`
  /// Its window is right while losses are mended, too: no proportional rate reduction (RFC 6937) beside it.
  virtual bool governs_recovery() const { return false; }
  /// What is measured now is less than the path could do, because the controller wants it so; asked after on_acked.
  virtual bool holds_back() const { return false; }
  /// The larger of: bytes acknowledged since the last loss, and between the two before it (OLIA's estimate of the
  /// distance between losses).
  virtual Bytes between_losses() const { return {}; }
  /// What it believes the path gives this flow; zero: no belief of its own.
  virtual Rate rate() const { return {}; }
  virtual std::string_view name() const = 0;
};

/// A rule for growing in congestion avoidance and one for shrinking: what most algorithms are. `LossBased<Rule>`
/// owns slow start, episodes, undo and limits, once. Rules are plain values: copying one is a snapshot of it.
///
/// growth: bytes (may be fractional, or negative) to add to self.window for this acknowledgment.
/// after_loss: the new threshold; the caller applies the floor. Optional members, called when there:
///   grew_not(Instant)        an acknowledgment came that must not grow the window (application-limited)
///   left_slow_start(Instant)  congestion avoidance begins without a loss
///   idled(Instant)            the window decayed because nothing was sent
///   observe(Acked, Flow self)       each acknowledgment, before anything else is done with it
///   has_enough(Flow self)           slow start shall end here
///   rate()                    see Controller::rate
/// and constants: kFloorAmongSiblings, the smallest threshold in segments where the connection has several flows, if
/// it is not RFC 5681's two; kPaced, bursts would spoil what it measures.
template <class R>
concept WindowRule = std::copyable<R> && requires(R rule, const Acked& acked, const Lost& lost, const Flow& self,
                                                  const Siblings& siblings) {
  { rule.growth(acked, self, siblings) } -> std::convertible_to<double>;
  { rule.after_loss(lost, self, siblings) } -> std::same_as<Bytes>;
  { R::kName } -> std::convertible_to<std::string_view>;
};
}  // namespace anabranch::cc

template <>
struct anabranch::Names<anabranch::cc::Sign> {
  static constexpr std::string_view list[] = {"duplicate", "timeout", "ecn"};
};
