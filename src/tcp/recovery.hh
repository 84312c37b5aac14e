/// Decides that something is lost, and how much may leave while that is being mended.
///
/// Phases: open; fast (loss by time with SACK, RFC 8985, else duplicate acknowledgments, RFC 6582; paced by
/// proportional rate reduction, RFC 6937); loss (after a timeout, RFC 5681 §3.1); marked (the peer echoes a congestion
/// mark, RFC 3168 §6.1.2). An episode lasts until what was outstanding at its beginning is acknowledged; if it turns
/// out to be needless it is undone. Owned by the sender, which lends its `Sent` and controller; no timers.
#pragma once
#include "base/names.hh"
#include "cc/controller.hh"
#include "tcp/frto.hh"
#include "tcp/rack.hh"
#include "tcp/scoreboard.hh"

namespace anabranch::tcp {

class Recovery {
 public:
  enum class Phase : std::uint8_t { open, fast, loss, marked };

  /// One acceptable acknowledgment.
  struct Heard {
    Instant now;
    SubPos ack;
    std::span<const Block> sacks;
    bool duplicate_form = false;    ///< no payload, no SYN or FIN, window unchanged (RFC 5681 §2)
    bool marked = false;            ///< it echoes a congestion mark (RFC 3168)
    std::optional<Instant> echoed;  ///< when what it echoes had left, to a millisecond
  };
  struct Outcome {
    Bytes advanced;   ///< cumulatively
    Covered covered;  ///< cumulatively or by SACK
    Bytes in_flight_before;
    std::optional<Block> duplicate;  ///< its D-SACK
    bool entered = false, left = false, undone = false;
    bool was_timeout = false;  ///< what was undone
    bool try_fresh = false;    ///< fresh data shall leave before repetitions, if there is any (RFC 5682)
  };
  /// What recovery works on.
  struct On {
    Sent& sent;
    cc::Controller& controller;
    cc::Siblings siblings;
    Bytes segment;
    Duration min_rtt, srtt;
  };

  void use_sack(bool on) { sack_ = on; }
  /// Takes an acknowledgment in: marks what arrived and what is lost, enters and leaves episodes.
  Outcome on_ack(const On& on, const Heard& heard);
  /// When `look_again` is wanted, though nothing was heard: a gap may be late or lost. Never: nothing waits.
  Instant look_again_at() const { return look_again_at_; }
  /// True: an episode begins.
  bool look_again(const On& on, Instant now);
  void on_timeout(const On& on, Instant now);
  void on_sent(Bytes bytes);
  /// [from, to) leaves again; `first`: it had left only once before.
  void on_again(SubPos from, SubPos to, bool first, Instant now);
  /// The window was reduced for a reason of its own; no witness of an earlier loss takes that back.
  void forget_needless() { needless_.forget(); }

  Phase phase() const { return phase_; }
  SubPos until() const { return until_; }
  /// Fresh data goes before repetitions: the answer will tell whether the timeout was needless.
  bool prefers_fresh() const { return frto_.wants_fresh(); }
  /// There is no fresh data, or no room for it.
  void no_fresh() { frto_.stop(); }
  /// In flight as congestion control sees it.
  Bytes pipe(const Sent& sent, Bytes segment) const;
  /// How much may leave now, fresh or again.
  Bytes allowance(const Sent& sent, const cc::Controller& controller, Bytes segment) const;
  bool is_consistent(const Sent& sent) const { return board_.is_consistent(sent); }

 private:
  static constexpr unsigned kMostReordering = 300;  ///< as far as the threshold follows observed reordering (Linux)

  bool tells_of_more(const Sent& sent, const Heard& heard) const;
  Bytes take_in(const On& on, const Heard& heard, Outcome& out);
  bool is_needless(const On& on, const Heard& heard, Outcome& out);
  bool should_enter(const On& on, Bytes found) const;
  bool reduces() const { return phase_ == Phase::fast || phase_ == Phase::marked; }
  void enter_fast(const On& on, Instant now);
  void enter_marked(const On& on, Instant now);
  void leave(const On& on, Instant now);
  void undo(const On& on, Instant now);
  Bytes find_lost(const On& on, Instant now);
  void begin_episode(Phase phase, const Sent& sent);
  void begin_proportion(const On& on, Bytes flight);
  void proportion(Bytes delivered, Bytes pipe, Bytes segment);

  Scoreboard board_;
  Duplicates duplicates_;
  Rack rack_;
  Needless needless_;
  Frto frto_;
  Phase phase_ = Phase::open;
  bool sack_ = false;
  bool oldest_due_ = false;  ///< a timeout's first repetition leaves whatever is in flight
  unsigned threshold_ = Scoreboard::kDupThresh;
  SubPos until_;  ///< the episode ends here; the last one ended here
  Instant look_again_at_ = Instant::never();
  struct Proportion {  ///< RFC 6937
    Bytes delivered, out, flight, target, budget;
  } prr_;
};
}  // namespace anabranch::tcp

template <>
struct anabranch::Names<anabranch::tcp::Recovery::Phase> {
  static constexpr std::string_view list[] = {"open", "fast", "loss", "marked"};
};
