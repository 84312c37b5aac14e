/// Receive-buffer size from what the application consumes: dynamic right-sizing.
///
/// Once a round trip it looks how much the application took in that time; a buffer of several times as much lets the
/// sender's window double in the next one. Grows only, from `initial` to `cap`. Values only: the owner reads `buffer()`
/// when it computes its room, and passes a round-trip time (the sender's estimate, or what the receiver measured).
#pragma once
#include "base/units.hh"

#include <algorithm>

namespace anabranch::stream {

class ReceiveAutotune {
 public:
  struct Limits {
    Bytes initial{128 * 1024};
    Bytes cap{6 * 1024 * 1024};
  };
  explicit ReceiveAutotune(Limits limits) : limits_{limits}, buffer_{std::min(limits.initial, limits.cap)} {}

  /// The application took `taken` bytes. `rtt` zero: not known yet, nothing is decided. True when the buffer grew.
  bool consumed(Instant now, Bytes taken, Duration rtt);
  /// So much waits out of order: doubles the buffer when that is more than half of it. On several paths the slowest
  /// decides how much that is (RFC 8684 §3.3.4 wants the sum of the rates times the longest round trip), and until it
  /// delivers, the application takes nothing that would make the buffer grow. True when it grew.
  bool reordered(Bytes held) {
    if (held.n <= buffer_.n / 2 || buffer_ >= limits_.cap) { return false; }
    buffer_ = std::min(buffer_ * 2, limits_.cap);
    return true;
  }
  Bytes buffer() const { return buffer_; }
  Bytes cap() const { return limits_.cap; }
  /// Fixes the size: the application chose one itself.
  void fix(Bytes size) {
    limits_ = {size, size};
    buffer_ = size;
  }

 private:
  Limits limits_;
  Bytes buffer_;
  Bytes in_round_;
  Instant round_began_ = Instant::never();
};
}  // namespace anabranch::stream
