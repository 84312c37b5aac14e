/// The sending half: what may leave next, and what the answers to it mean.
///
/// Retransmissions first, then fresh bytes of the source, then FIN; each at most one super-segment. Holds no bytes:
/// it asks the source for them, again if need be, and the source may end a piece where a mapping ends. Keeps its own
/// timers (retransmission, persist, pacing) as instants to be asked for. RFC 9293 §3.8, RFC 6298, RFC 5681.
/// Owned by the endpoint. Does not build segments: it says what shall be in one.
#pragma once
#include "stream/deadlines.hh"
#include "stream/rtt.hh"
#include "tcp/context.hh"
#include "tcp/delivery_rate.hh"
#include "tcp/mtu_search.hh"
#include "tcp/pacer.hh"
#include "tcp/peer_window.hh"
#include "tcp/recovery.hh"
#include "tcp/sent.hh"
#include "tcp/tail_probe.hh"
#include "tcp/throughput.hh"
#include "tcp/window_use.hh"

#include <memory>
#include <optional>

namespace anabranch::tcp {

/// What shall be in a segment that is about to leave.
struct Outgoing {
  SegmentKind kind = SegmentKind::ack;
  SubPos at;
  Chain payload;
  bool fin = false, push = false, retransmission = false;
  bool markable = false;        ///< may be marked instead of dropped (RFC 3168 §6.1.1: fresh data only)
  bool reduced = false;         ///< the first fresh data after the window was reduced (RFC 3168 §6.1.2)
  bool probe = false;           ///< of the path's MTU
  std::uint32_t cut = 0;        ///< payload of one packet; a smaller payload is one packet
  std::size_t option_room = 0;  ///< for the role, so that the packets are not larger than the path takes
};

class Sender {
 public:
  /// An acceptable acknowledgment, in positions.
  struct Heard {
    Instant now;
    SubPos at, ack;
    Bytes window;
    bool bare = false;    ///< neither payload nor FIN
    bool marked = false;  ///< it echoes a congestion mark
    std::span<const Block> sacks;
    std::optional<Instant> echoed;  ///< when the timestamp it echoes was made
  };
  struct News {
    bool recovered = false;  ///< progress after a timeout
    bool fin_acked = false;
    bool may_send = false;  ///< window, congestion window or what is lost changed
  };
  enum class Expired : std::uint8_t { nothing, stalled, again, probe, gave_up };

  explicit Sender(Context& context);

  /// The handshake is done: `rtt` if the SYN was sent once.
  void open(Instant now, std::optional<Duration> rtt, bool syn_was_lost);
  bool is_open() const { return controller_ != nullptr; }
  /// Of a SYN at `at` that acknowledges up to `ack`: never scaled.
  void first_window(SubPos at, SubPos ack, Bytes window) { window_.on_segment(context_.role, at, ack, window); }
  /// The bytes that rode on our SYN, up to `end`, have arrived. What it carried beyond leaves as if it never had.
  void syn_data_arrived(SubPos end, Instant left_at);
  /// The round trip of a handshake that ends when data flows already.
  void handshake_took(Duration rtt, Instant now) { rtt_.sample(now, rtt); }
  void halve_window(Instant now) {
    if (is_open() && recovery_.phase() == Recovery::Phase::open) { controller_->on_penalised(now); }
  }
  News on_ack(const Heard& heard);
  std::optional<Outgoing> next(Instant now);
  Expired on_deadline(Instant now);
  Instant deadline() const { return timers_.next(); }
  /// Siblings carry what this one does not: when it has gone silent it is tried more often than RFC 6298 §5.5 would
  /// have it, and begins like a new one when it is back. Somebody has to notice that a path has returned.
  void set_probing(bool on) { probing_ = on; }
  bool probing() const { return probing_; }
  /// Packets leave at no more than this, headers counted; zero: no limit. What is not paced otherwise is by this.
  void set_cap(Rate cap) { cap_ = cap; }
  /// The path may be back: what is unanswered leaves again now, if it is unanswered for a round trip.
  void try_again(Instant now);
  /// The next hop takes only packets of `mtu` bytes; 0: it did not say (RFC 1191 §7.1).
  void on_packet_too_big(std::uint32_t mtu, Instant now);

  /// How many fresh bytes beyond what the source has already may leave now.
  Bytes room(Instant now) const { return pacer_.holds(now) ? Bytes{} : room_but_for_pace(); }
  /// When they may, if nothing is heard before: now, at the pace, or never.
  Instant opens(Instant now) const {
    if (room_but_for_pace() == Bytes{}) { return Instant::never(); }
    return pacer_.holds(now) ? pacer_.until() : now;
  }
  Bytes burst() const;
  std::uint32_t segment() const;  ///< payload of a full packet without the role's options
  SubPos una() const { return sent_.una(); }
  SubPos sent_up_to() const { return sent_.next(); }
  const Sent& sent() const { return sent_; }
  SubPos limit() const { return window_.limit(); }
  Bytes largest_window() const { return window_.largest(); }
  bool idle() const { return sent_.empty(); }
  Duration rto() const { return rtt_.rto(); }
  const stream::RttEstimator& rtt() const { return rtt_; }
  /// What its siblings may know of it.
  cc::Flow flow() const;
  void fill(Brief& brief) const;
  void fill(Info& info) const;
  bool is_consistent() const;

 private:
  enum class Timer : std::uint8_t {
    retransmit,
    persist,
    pace,
    tail,     ///< a probe (RFC 8985 §7)
    reorder,  ///< a gap is late enough to be lost (RFC 8985 §6.2)
    fresh,    ///< nobody has fresh data where it is wanted: set to the present, comes up when all have been asked
    count_
  };
  struct Layout {
    std::uint32_t cut = 0;
    std::size_t role_room = 0;  ///< whole option space of the role in a full packet
    Bytes most;                 ///< of one super-segment
  };

  Bytes room_but_for_pace() const;
  Layout layout_at(SubPos at) const;
  Bytes largest_super_segment() const;
  std::uint32_t packet_size(std::uint32_t payload) const;
  std::optional<Outgoing> again(Instant now);
  std::optional<Outgoing> fresh(Instant now);
  Bytes fresh_size(Bytes waiting, const Layout& layout) const;
  std::optional<Outgoing> mtu_probe(Instant now);
  void shrink_packets(Instant now);
  std::optional<Outgoing> tail_probe(Instant now);
  std::optional<Outgoing> rescue(Instant now);
  void expect_tail(Instant now);
  void judge_tail(const Heard& heard, const Recovery::Outcome& outcome);
  Outgoing depart(Outgoing out, const Layout& layout, Instant now);
  bool held_back_by_pace(Instant now);
  void book(const Outgoing& out, std::uint32_t packet, Instant now);
  void watch_use(Instant now);
  void credit(const Recovery::Outcome& outcome, SubPos una_before, Instant now);
  cc::Delivery judge_delivery(const Recovery::Outcome& outcome, Bytes credited, Instant now);
  void learn_packet_size(const Recovery::Outcome& outcome, Instant now);
  void reduced() { reduction_told_ = !context_.agreed.ecn; }
  void watch_closed_window(Instant now);
  void measure(const Heard& heard, const Recovery::Outcome& outcome, unsigned samples_per_round);
  void on_advance(const Heard& heard, News& news);
  void after_undo(const Recovery::Outcome& outcome);
  void trace_entered(Instant now) const;
  void trace_recovery(const Recovery::Outcome& outcome, Instant now) const;
  Expired on_retransmission_timeout(Instant now);
  Recovery::On on() { return {sent_, *controller_, context_.group, {segment()}, rtt_.min_rtt(), rtt_.srtt()}; }
  bool paces() const { return context_.config.pacing || controller_->needs_pacing() || cap_ > Rate{}; }
  Rate pace() const;
  Duration silence_to_come(Instant now) const;
  Bytes pipe() const { return recovery_.pipe(sent_, {segment()}); }
  Bytes allowance() const { return recovery_.allowance(sent_, *controller_, {segment()}) + beyond_; }

  Context& context_;
  Sent sent_;
  Recovery recovery_;
  stream::RttEstimator rtt_;
  std::unique_ptr<cc::Controller> controller_;
  TailProbe tail_;
  Bytes beyond_;  ///< what may leave beyond the congestion window, while a tail probe is being sent
  PeerWindow window_;
  stream::Deadlines<Timer> timers_;
  MtuSearch mtu_;
  Pacer pacer_;
  WindowUse use_;
  DeliveryRate delivery_;
  Bytes lost_told_;                          ///< of `sent_.lost_ever()`, what the controller knows
  Instant progress_{};                       ///< when the peer last was known to be alive and moving
  unsigned probes_ = 0;                      ///< window probes in a row
  unsigned timeouts_ = 0;                    ///< retransmission timeouts in a row
  std::optional<Instant> unanswered_since_;  ///< the first window probe without an answer
  Throughput throughput_;
  Duration latest_rtt_{};
  std::optional<Duration> latest_sample_;  ///< what the latest acknowledgment measured
  Bytes uncredited_;                       ///< delivered, and the controller does not know yet
  bool stalled_ = false;
  bool probing_ = false;
  Rate cap_;
  Instant timed_out_at_{};      ///< for the last time
  bool reduction_told_ = true;  ///< the peer that echoes marks has been told of the latest reduction
  Bytes fresh_bytes_, again_bytes_;
  std::uint64_t again_packets_ = 0, needless_packets_ = 0, undone_ = 0, marks_ = 0;
};
}  // namespace anabranch::tcp
