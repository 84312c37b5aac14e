/// How large buffers shall be: the receiver's from what passes through it, the sender's from what its paths take.
///
/// Receiver: once a round trip it looks how much came in and how much the application took in that time; several times
/// the smaller of both lets the sender's window double in the next one. What a hole held back is taken at once when the
/// hole is filled, but did not come at once: so large a window would let a sender bind data to slow paths long before it
/// can leave. Grows only, from `initial` to `cap`. Values only: the owner reads `buffer()` when it computes its room, and
/// passes a round-trip time (the sender's estimate, or what the receiver measured). docs/buffers.md.
#pragma once
#include "base/units.hh"

#include <algorithm>
#include <span>

namespace anabranch::stream {

class ReceiveAutotune {
 public:
  struct Limits {
    Bytes initial{128 * 1024};
    Bytes cap{6 * 1024 * 1024};
  };
  explicit ReceiveAutotune(Limits limits) : limits_{limits}, buffer_{std::min(limits.initial, limits.cap)} {}

  /// So many new bytes came in, in whatever order.
  void arrived(Bytes bytes) { arrived_ += bytes; }
  /// The application took `taken` bytes. `rtt` zero: not known yet, nothing is decided. True when the buffer grew.
  bool consumed(Instant now, Bytes taken, Duration rtt);
  /// So much waits out of order: the buffer is twice that at least. On several paths the slowest decides how much that
  /// is (RFC 8684 §3.3.4 wants the sum of the rates times the longest round trip), and until it delivers, the
  /// application takes nothing that would make the buffer grow. True when it grew.
  bool reordered(Bytes held) { return grow(held * 2); }
  Bytes buffer() const { return buffer_; }
  Bytes cap() const { return limits_.cap; }
  /// While it is held it does not grow: there is no memory to grow into.
  void hold(bool held) { held_ = held; }
  std::uint64_t refused() const { return refused_; }  ///< times it did not grow for that reason
  /// Fixes the size: the application chose one itself.
  void fix(Bytes size) {
    limits_ = {size, size};
    buffer_ = size;
  }

 private:
  bool grow(Bytes wanted) {
    wanted = std::min(wanted, limits_.cap);
    if (wanted <= buffer_) { return false; }
    if (held_) { return ++refused_, false; }
    buffer_ = wanted;
    return true;
  }

  Limits limits_;
  Bytes buffer_;
  Bytes taken_, arrived_;  ///< in this round
  std::uint64_t refused_ = 0;
  bool held_ = false;
  Instant round_began_ = Instant::never();
};

/// One path of a sender.
struct SendingPath {
  Bytes window;     ///< congestion window
  Duration srtt{};  ///< zero: no sample yet
};
/// What a send buffer must hold so that no path waits for the application: bytes stay in it until everything before
/// them has arrived, so at the sum of the rates for the longest round trip; twice that, because windows may double. With
/// several paths three times: the others go on at full rate while the slowest notices a loss and sends again.
Bytes wanted_to_send(std::span<const SendingPath> paths);
/// A cheap bound: false only when that is less than `buffer` for sure.
bool may_want_more(std::span<const SendingPath> paths, Bytes buffer);
}  // namespace anabranch::stream
