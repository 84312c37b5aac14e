/// When a pure acknowledgment is due: now, soon, or not at all (RFC 9293 §3.8.6.3, RFC 5681 §4.2).
///
/// At once: for the first segments of a connection, for more than one full-size segment's worth, for anything out of
/// order, filling a gap, or finishing. Else after the delay. Counts bytes, so that a super-segment weighs what it
/// carries. Owned by the receiver; the owner asks `due` when nothing that could carry the acknowledgment left.
#pragma once
#include "base/units.hh"

#include <cstdint>

namespace anabranch::tcp {

class AckPolicy {
 public:
  static constexpr unsigned kQuick = 16;     ///< segments acknowledged at once while the peer's window is small (Linux)
  static constexpr unsigned kMostOwed = 64;  ///< duplicates remembered between two rounds of sending

  explicit AckPolicy(Duration delay, std::uint32_t our_mss) : delay_{delay}, our_mss_{our_mss} {}

  /// In-order payload came, in packets of `packet` bytes.
  void on_data(Bytes payload, std::uint32_t packet, Instant now);
  void at_once() { owed_ = owed_ == 0 ? 1 : owed_; }
  /// Each out-of-order segment is to have an acknowledgment of its own: peers without SACK count them.
  void one_more() { owed_ = owed_ < kMostOwed ? owed_ + 1 : owed_; }
  /// An acknowledgment left. `all`: it said everything there is to say (enough SACK blocks).
  void sent();
  /// Data left that carried the acknowledgment but had no room for SACK blocks.
  void sent_without_blocks() {
    pending_ = {};
    deadline_ = Instant::never();
  }

  bool due() const { return owed_ > 0; }
  bool pending() const { return owed_ > 0 || !deadline_.is_never(); }
  Instant deadline() const { return deadline_; }
  void on_deadline(Instant now) {
    if (deadline_ <= now) {
      deadline_ = Instant::never();
      at_once();
    }
  }
  std::uint32_t full_size() const { return full_; }

 private:
  Duration delay_;
  std::uint32_t our_mss_;
  std::uint32_t full_ = 536;  ///< what the peer's full packets carry, as far as seen (RFC 9293 §3.7.1's default)
  unsigned quick_ = kQuick;
  unsigned owed_ = 0;
  Bytes pending_;  ///< in-order bytes not acknowledged
  Instant deadline_ = Instant::never();
};
}  // namespace anabranch::tcp
