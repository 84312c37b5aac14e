/// What has left and is not yet acknowledged: ranges, when they left, and what became of each.
///
/// A super-segment is one range until an acknowledgment or a loss divides it. Invariant: ranges lie end to end from
/// `una()` to `next()`; `pipe()` is what of them is neither SACKed nor lost (RFC 6675 §4, SetPipe: what was lost and
/// sent again counts once). Owned by the sender. Owns no bytes and no timers, and does not decide what is lost.
#pragma once
#include "base/seq.hh"
#include "base/units.hh"

#include <optional>
#include <vector>

namespace anabranch::tcp {

struct Range {
  SubPos from, to;        ///< a FIN takes the last position
  Instant sent_at;        ///< when it last left
  std::uint32_t cut = 0;  ///< the largest packet's payload when it last left
  std::uint32_t sendings = 1;
  bool fin = false;  ///< `to` includes the FIN
  bool sacked = false;
  bool lost = false;   ///< believed lost and not sent again since
  bool probe = false;  ///< sent once, larger than packets otherwise are: its loss says nothing of congestion
  Bytes size() const { return {to - from}; }
};

/// When something left; of what left in one instant, the higher left later (RFC 8985 §6.2, RACK_sent_after).
struct Departure {
  Instant at;
  SubPos end;
  constexpr auto operator<=>(const Departure&) const = default;
};

/// How many packets a payload is cut into; what has none is one too.
constexpr std::uint64_t packets_of(Bytes payload, std::uint64_t cut) {
  return payload == Bytes{} ? 1 : (payload.n + cut - 1) / cut;
}

/// What an acknowledgment tells of ranges it covers for the first time.
struct Covered {
  Bytes delivered;                    ///< arrived, and not known to have arrived before
  std::optional<Instant> sent_once;   ///< latest departure among ranges sent only once: an RTT sample (Karn)
  std::optional<SubPos> lowest_once;  ///< where the lowest of those ends
  std::optional<Departure> newest;    ///< latest departure of all of which the answer can be told apart
  SubPos highest;                     ///< where the highest of all ends
  std::uint32_t largest = 0;          ///< payload of the largest packet
  bool any_retransmitted = false;
  bool probe = false;  ///< a probe was among them
  void add(const Range& range, Instant too_recent);
  void add(const Covered& more);
};

class Sent {
 public:
  /// More ranges than this and nothing fresh leaves: bounds memory when tiny segments meet a huge window.
  static constexpr std::size_t kMaxRanges = 16384;

  explicit Sent(SubPos first = {1}) : una_{first}, next_{first} {}

  SubPos una() const { return una_; }
  SubPos next() const { return next_; }
  bool empty() const { return head_ == ranges_.size(); }
  std::size_t count() const { return ranges_.size() - head_; }
  Bytes outstanding() const { return {next_ - una_}; }
  Bytes sacked() const { return sacked_; }
  Bytes lost() const { return lost_; }
  Bytes pipe() const { return outstanding() - sacked_ - lost_; }
  /// All that was ever believed lost, also if it was sent again since or had not been lost.
  Bytes lost_ever() const { return lost_ever_; }
  /// Departure of what was found lost last.
  Instant lost_left() const { return lost_left_; }
  const Range& oldest() const { return ranges_[head_]; }
  /// Ranges in order, for those who look at all of them.
  auto begin() const { return ranges_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const { return ranges_.end(); }

  /// Fresh bytes [next(), to) left.
  void add(SubPos to, std::uint32_t cut, bool fin, Instant now, bool probe = false);
  /// Everything below `up_to` has arrived. Departures after `too_recent` cannot be what was acknowledged.
  Covered acknowledge(SubPos up_to, Instant too_recent);
  /// [from, to) has arrived (RFC 2018). What was SACKed before is not counted again.
  Covered mark_sacked(SubPos from, SubPos to, Instant too_recent);
  /// Not SACKed and sent only once, in [from, to): now lost. How much was newly marked.
  Bytes mark_lost(SubPos from, SubPos to);
  struct Overdue {
    Bytes lost;                       ///< newly marked, probes not counted
    std::optional<Instant> youngest;  ///< latest departure of those that are given more time
  };
  /// What left before `newest` and has not arrived: lost when it left at `cutoff` or earlier (RFC 8985 §6.2 step 5).
  Overdue mark_overdue(Departure newest, Instant cutoff);
  /// The last packet sent is lost (a tail probe wants it again). False when it was sent twice already.
  bool mark_last_lost();
  /// The oldest packet is lost, however often it was sent. False when it is believed lost already, or was SACKed.
  bool mark_oldest_lost();
  /// A retransmission timeout: the oldest packet is lost, and all not SACKed that left at `cutoff` or earlier.
  void mark_timed_out(Instant cutoff);
  /// Everything whose packets were larger than `cut` is lost (the path's MTU is smaller than believed).
  Bytes mark_oversize_lost(std::uint32_t cut);
  /// Everything lost since the timeout is thought to be on its way after all (the timeout was spurious).
  void unmark_lost();
  /// The peer threw away what it had SACKed (RFC 2018 §8).
  void forget_sacks();

  /// The first range to be sent again, if any is lost.
  const Range* first_lost() const;
  /// [from, to), the beginning of a lost range, left again.
  void resent(SubPos from, SubPos to, std::uint32_t cut, Instant now);

  bool is_consistent() const;

 private:
  std::size_t index_of(SubPos at) const;  ///< of the range that contains `at`, or one past the last
  std::size_t boundary_at(SubPos at);     ///< of the range that begins at `at`, dividing one if need be
  void set_lost(Range& range);
  void compact();

  std::vector<Range> ranges_;  ///< those before head_ are gone; compacted now and then: no allocation in steady state
  std::size_t head_ = 0;
  SubPos una_, next_;
  Bytes sacked_, lost_, lost_ever_;
  Instant lost_left_;
  mutable SubPos lost_from_;  ///< nothing below is lost
  SubPos once_from_;          ///< what was sent once below is SACKed or lost
  SubPos resent_below_;       ///< nothing at or above was sent twice
};
}  // namespace anabranch::tcp
