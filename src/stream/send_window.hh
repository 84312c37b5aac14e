/// What the peer allows us to send: acknowledged up to `una`, sent up to `next`, allowed up to `limit`.
///
/// Invariant: una <= next. `limit` may lie below `next` when the peer shrank its window against the rules: then
/// `room()` is zero and nothing else happens (RFC 9293 §3.8.6). Owned by the sender of a subflow (with `on_window`,
/// RFC 9293 §3.10.7.4) or of a connection (with `raise_limit`, RFC 8684 §3.3.4: the data-level edge only advances).
/// Knows nothing of loss, congestion or bytes' contents.
#pragma once
#include "base/check.hh"
#include "base/units.hh"

#include <algorithm>
#include <cstdint>

namespace anabranch::stream {

/// What an acknowledgment number says.
enum class AckKind : std::uint8_t {
  old,       ///< below una: late, nothing new
  repeated,  ///< equal to una
  advanced,  ///< acknowledges something new
  unsent,    ///< above next: acknowledges what was never sent
};

template <class Pos>
class SendWindow {  // [9293-MUST-34 9293-SHLD-15]
 public:
  /// Nothing sent yet; `first` is the first position to be sent, `limit` the first that may not be.
  explicit SendWindow(Pos first = {}) : una_{first}, next_{first}, limit_{first} {}

  Pos una() const { return una_; }
  Pos next() const { return next_; }
  Pos limit() const { return limit_; }
  /// Sent and not acknowledged, lost or not.
  Bytes in_flight() const { return {next_ - una_}; }
  /// How much more may be sent now.
  Bytes room() const { return {limit_ - next_}; }
  /// The window as last told: from una to the limit.
  Bytes window() const { return {limit_ - una_}; }
  /// The largest window the peer has ever offered (RFC 9293 §3.8.6.2.1, Max(SND.WND)).
  Bytes largest_window() const { return largest_; }

  /// Everything below `up_to` has been sent. Never moves back; may pass the limit (window probes, FIN).
  void sent(Pos up_to) { next_ = std::max(next_, up_to); }

  AckKind classify(Pos ack) const {
    if (ack > next_) { return AckKind::unsent; }
    if (ack == una_) { return AckKind::repeated; }
    return ack < una_ ? AckKind::old : AckKind::advanced;
  }
  /// Classifies and, when it advances, takes the acknowledgment in. Returns the kind.
  AckKind on_ack(Pos ack) {
    const AckKind kind = classify(ack);
    if (kind == AckKind::advanced) { una_ = ack; }
    return kind;
  }

  /// Subflow rule: takes the window of a segment at peer's position `seq` with acknowledgment `ack`, unless the
  /// segment is older than the one that last told a window. `window` is in bytes, scaled. True when the limit moved.
  bool on_window(Pos seq, Pos ack, Bytes window) {
    if (told_ && (seq < told_seq_ || (seq == told_seq_ && ack < told_ack_))) { return false; }
    told_ = true;
    told_seq_ = seq;
    told_ack_ = ack;
    largest_ = std::max(largest_, window);
    const Pos edge = ack + window.n;
    const bool moved = edge != limit_;
    limit_ = edge;
    return moved;
  }
  /// Connection rule: the limit only advances, whichever subflow told it. True when it moved.
  bool raise_limit(Pos edge) {
    largest_ = std::max(largest_, Bytes{edge - una_});
    if (edge <= limit_) { return false; }
    limit_ = edge;
    return true;
  }
  bool is_consistent() const { return una_ <= next_; }

 private:
  Pos una_, next_, limit_;
  Pos told_seq_{}, told_ack_{};
  Bytes largest_;
  bool told_ = false;
};

/// Facts for the sender's silly-window rule.
struct SendDecision {
  Bytes waiting;         ///< data queued and never sent
  Bytes room;            ///< what the peer's window leaves
  Bytes segment;         ///< largest payload of one segment
  Bytes largest_window;  ///< the largest window ever offered
  bool unacked = false;  ///< something is in flight
  bool push = false;     ///< the waiting data ends a write, and more may be long in coming
  bool nagle = true;     ///< false: the application asked for no delay (RFC 9293 §3.7.4)
};
/// Whether sending now is sensible rather than silly (RFC 9293 §3.8.6.2.1 with Nagle's rule): a full segment, or
/// the rest of what there is with nothing in flight, or half the largest window ever seen.
constexpr bool worth_sending(const SendDecision& d) {
  const Bytes usable = std::min(d.waiting, d.room);
  if (usable == Bytes{}) { return false; }
  if (usable >= d.segment) { return true; }
  if (d.push && d.waiting <= d.room && (!d.nagle || !d.unacked)) { return true; }
  return d.largest_window > Bytes{} && usable >= d.largest_window / 2;
}
}  // namespace anabranch::stream
