/// Decides that something is lost, and how much may leave while that is being mended.
///
/// Phases: open; fast (SACK or duplicate acknowledgments, RFC 6675 and RFC 6582, paced by proportional rate
/// reduction, RFC 6937); loss (after a timeout, RFC 5681 §3.1). An episode lasts until what was outstanding at its
/// beginning is acknowledged. A timestamp that shows the loss to be none undoes it (RFC 3522). Owned by the sender,
/// which lends its `Sent` and controller with each call; no timers.
#pragma once
#include "base/names.hh"
#include "cc/controller.hh"
#include "tcp/scoreboard.hh"

namespace anabranch::tcp {

class Recovery {
 public:
  enum class Phase : std::uint8_t { open, fast, loss };

  /// One acceptable acknowledgment.
  struct Heard {
    Instant now;
    SubPos ack;
    std::span<const Block> sacks;
    bool duplicate_form = false;    ///< no payload, no SYN or FIN, window unchanged (RFC 5681 §2)
    std::optional<Instant> echoed;  ///< when what it echoes had left, to a millisecond
    Duration min_rtt;
  };
  struct Outcome {
    Bytes advanced;   ///< cumulatively
    Covered covered;  ///< cumulatively or by SACK
    Bytes in_flight_before;
    bool entered = false, left = false, undone = false;
  };
  /// What recovery works on.
  struct On {
    Sent& sent;
    cc::Controller& controller;
    std::span<const cc::Flow> siblings;
    Bytes segment;
  };

  void use_sack(bool on) { sack_ = on; }
  /// Takes an acknowledgment in: marks what arrived and what is lost, enters and leaves episodes.
  Outcome on_ack(const On& on, const Heard& heard);
  void on_timeout(const On& on, Instant now);
  void on_sent(Bytes bytes);
  /// What was at `at` leaves again; `first`: it had left only once before.
  void on_again(SubPos at, bool first, Instant now);

  Phase phase() const { return phase_; }
  SubPos until() const { return until_; }
  /// In flight as congestion control sees it.
  Bytes pipe(const Sent& sent, Bytes segment) const;
  /// How much may leave now, fresh or again.
  Bytes allowance(const Sent& sent, const cc::Controller& controller, Bytes segment) const;
  bool is_consistent(const Sent& sent) const { return board_.is_consistent(sent); }

 private:
  static constexpr unsigned kMostReordering = 300;  ///< as far as the threshold follows observed reordering (Linux)

  bool should_enter(const On& on, Bytes found) const;
  void enter_fast(const On& on, Instant now, Bytes flight);
  void leave(const On& on, Instant now);
  void undo(const On& on, Instant now);
  Bytes find_lost(const On& on, const Heard& heard);
  Duration patience(const Heard& heard) const;
  bool was_needless(const Heard& heard, SubPos una);
  void begin_episode(Phase phase, const Sent& sent);
  void proportion(Bytes delivered, Bytes pipe, Bytes segment);

  Scoreboard board_;
  Duplicates duplicates_;
  Phase phase_ = Phase::open;
  bool sack_ = false;
  unsigned threshold_ = Scoreboard::kDupThresh;
  SubPos until_;                        ///< the episode ends here; the last one ended here
  SubPos examined_;                     ///< below, all that is lost has been marked
  Instant newest_{};                    ///< latest departure of anything that is known to have arrived (RFC 8985)
  std::optional<Instant> first_again_;  ///< the episode's first retransmission
  SubPos first_again_at_;               ///< and of what
  bool judged_ = false;                 ///< whether that was needless has been decided
  struct Proportion {                   ///< RFC 6937
    Bytes delivered, out, flight, target, budget;
  } prr_;
};
}  // namespace anabranch::tcp

template <>
struct anabranch::Names<anabranch::tcp::Recovery::Phase> {
  static constexpr std::string_view list[] = {"open", "fast", "loss"};
};
