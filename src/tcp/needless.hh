/// Whether a loss was none: the witnesses of one recovery episode.
///
/// A timestamp older than the first repetition answers the original (RFC 3522). D-SACKs for everything that was
/// repeated say that all of it had arrived before (RFC 2883, RFC 3708 §3). Both may come after the episode is over, so
/// an episode is remembered until the next begins. Counts nothing it cannot prove: what was repeated twice is beyond
/// D-SACKs. Owned by recovery; decides nothing.
#pragma once
#include "base/intervals.hh"
#include "tcp/sent.hh"

#include <optional>
#include <span>

namespace anabranch::tcp {

using Block = Interval<SubPos>;

/// The D-SACK among the blocks of an acknowledgment, if there is one: the first block, when it lies below the
/// acknowledgment or within the second (RFC 2883 §4). Blocks of what was never sent are none.
std::optional<Block> duplicate_report(std::span<const Block> blocks, SubPos ack, SubPos next);

class Needless {
 public:
  static constexpr std::size_t kMostRepeats = 64;  ///< pieces remembered; an episode with more is not judged by D-SACKs

  /// An episode begins, with one reduction that could be taken back.
  void begin();
  /// Whatever follows, the latest reduction stays.
  void forget();
  /// [from, to) left again in the episode; `first`: it had left only once before.
  void on_again(SubPos from, SubPos to, bool first, Instant now);
  bool has_repeated() const { return first_at_.has_value(); }

  /// Whether an answer that covers `una` and echoes a timestamp of `echoed` is one to an original. Asked once: what
  /// follows the first repetition's own answer proves nothing.
  bool by_timestamp(SubPos una, std::optional<Instant> echoed);
  /// Whether `duplicate` was the last of the repetitions to be reported as such.
  bool by_duplicate(Block duplicate);

 private:
  struct First {
    SubPos at;
    Instant when;
  };
  std::optional<First> first_at_;  ///< the first repetition
  bool judged_ = false;            ///< its answer has been looked at
  IntervalSet<SubPos> repeats_{kMostRepeats};
  bool countable_ = false;  ///< each repetition is in `repeats_`, and once
};
}  // namespace anabranch::tcp
