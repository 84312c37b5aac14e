/// The window we offer: how far the peer may send, and when a larger offer is worth a segment.
///
/// Invariant: the right edge `edge()` never moves back (RFC 9293 §3.8.6: SHOULD NOT shrink), and moves only when it
/// can move by min(half the buffer, one segment) at least (silly-window avoidance, §3.8.6.2.2). The field on the
/// wire is scaled (RFC 7323 §2.3). Owned by the receiver of a subflow, or, with data positions, by the connection;
/// holds no bytes: the owner says how much room there is.
#pragma once
#include "base/check.hh"
#include "base/units.hh"

#include <algorithm>
#include <cstdint>

namespace anabranch::stream {

inline constexpr std::uint8_t kLargestWindowShift = 14;  ///< RFC 7323 §2.3
inline constexpr std::uint16_t kLargestWindowField = 0xffff;

/// The shift that makes `buffer` expressible in 16 bits, at most 14.
constexpr std::uint8_t window_shift_for(Bytes buffer) {
  std::uint8_t shift = 0;
  while (shift < kLargestWindowShift && (buffer.n >> shift) > kLargestWindowField) { ++shift; }
  return shift;
}

/// What the owner can say of its buffer at this moment.
struct Room {
  Bytes free;    ///< bytes beyond `next` that could be stored now
  Bytes buffer;  ///< size of the whole buffer
};

template <class Pos>
class ReceiveWindow {
 public:
  /// Nothing promised yet. `segment`: the largest payload the peer sends at once (its effective MSS).
  explicit ReceiveWindow(Pos next = {}, Bytes segment = {536}) : edge_{next}, segment_{segment} {}

  /// The first position the peer has never been allowed to send.
  Pos edge() const { return edge_; }
  /// What is still promised beyond `next`.
  Bytes offered(Pos next) const { return {edge_ - next}; }
  std::uint8_t shift() const { return shift_; }
  Bytes segment() const { return segment_; }
  /// Scaling is agreed with the handshake; SYN segments always carry unscaled windows.
  void set_shift(std::uint8_t shift) { shift_ = std::min(shift, kLargestWindowShift); }
  void set_segment(Bytes segment) { segment_ = segment; }

  /// The window field of a segment whose acknowledgment is `next`; promises accordingly.
  std::uint16_t advertise(Pos next, Room room) { return promise(next, room, shift_); }
  /// The same for a SYN or SYN/ACK: not scaled (RFC 7323 §2.2).
  std::uint16_t advertise_on_syn(Pos next, Room room) { return promise(next, room, 0); }
  /// Whether a segment only to announce the window is worth sending: the edge would move.
  bool update_due(Pos next, Room room) const { return grown_edge(next, room, shift_) > edge_; }
  /// Whether any part of [at, at + length) lies in the promised window; for length 0, whether `at` does or equals
  /// a closed window's edge (RFC 9293 §3.10.7.4, first check).
  bool accepts(Pos next, Pos at, std::uint64_t length) const {
    if (length == 0) { return at >= next && (at < edge_ || at == next); }
    return at < edge_ && at + length > next;
  }

 private:
  /// Where the edge would be if we promised what the rules allow. A whole number of scaling units past `next`.
  Pos grown_edge(Pos next, Room room, std::uint8_t shift) const {
    const Bytes step = std::min(room.buffer / 2, segment_);
    const Bytes largest{std::uint64_t{kLargestWindowField} << shift};
    const Bytes sayable{std::min(room.free, largest).n >> shift << shift};
    const Pos could = next + sayable.n;
    const bool enough = could > edge_ && could - edge_ >= std::max<std::uint64_t>(step.n, 1);
    return enough ? could : edge_;
  }
  std::uint16_t promise(Pos next, Room room, std::uint8_t shift) {
    edge_ = std::max(edge_, next);
    edge_ = grown_edge(next, room, shift);
    const std::uint64_t unit = std::uint64_t{1} << shift;
    const std::uint64_t offer = edge_ - next;
    // Rounded up where there is room for it, so that scaling alone takes nothing back. Rounded down otherwise: the
    // peer may then see an edge up to a unit lower, but we still accept up to `edge_` (RFC 7323 §2.4).
    std::uint64_t units = offer >> shift;
    if ((offer & (unit - 1)) != 0 && (units + 1) << shift <= room.free.n) { ++units; }
    units = std::min<std::uint64_t>(units, kLargestWindowField);
    edge_ = std::max(edge_, next + (units << shift));
    return static_cast<std::uint16_t>(units);
  }

  Pos edge_;
  Bytes segment_;
  std::uint8_t shift_ = 0;
};
}  // namespace anabranch::stream
