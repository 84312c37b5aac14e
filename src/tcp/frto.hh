/// Whether a retransmission timeout was needless, without timestamps: F-RTO (RFC 5682).
///
/// After the timeout one packet leaves again; when its answer comes, fresh data leaves instead of more repetitions. If
/// the next answer acknowledges something that left before the timeout and was not repeated, the timeout was needless:
/// only a delay. Both variants: with SACK (§3.1), without (§2.1). Owned by recovery; it says what to do, others do it.
#pragma once
#include "tcp/sent.hh"

namespace anabranch::tcp {

class Frto {
 public:
  enum class Verdict : std::uint8_t {
    nothing,    ///< no news
    try_fresh,  ///< step 2b: up to two fresh segments, no repetitions, until the next answer
    needless,   ///< step 3b
    real,       ///< the conventional recovery goes on
  };
  /// What an acknowledgment said.
  struct Answer {
    bool advanced = false;
    bool duplicate = false;  ///< by form (without SACK), or no advance and no news (with SACK)
    SubPos una, next;
    Bytes news;      ///< acknowledged for the first time, cumulatively or by SACK
    SubPos highest;  ///< where the highest of that ends
  };

  /// The timer expired, with data up to `next` sent. A further timeout begins anew (RFC 5682 §3.1).
  void begin(bool sack, SubPos next);
  void stop() { step_ = Step::off; }
  Verdict on_ack(const Answer& answer);
  /// Whether the first packet's answer is still out.
  bool waits() const { return step_ == Step::repeated; }
  /// Whether fresh data goes before repetitions now.
  bool wants_fresh() const { return step_ == Step::fresh; }

 private:
  enum class Step : std::uint8_t { off, repeated, fresh };
  Verdict conclude(Verdict verdict) {
    step_ = Step::off;
    return verdict;
  }
  Step step_ = Step::off;
  bool sack_ = false;
  SubPos recover_;  ///< RecoveryPoint: nothing below was sent after the timeout but the first packet
};
}  // namespace anabranch::tcp
