/// Whether a packet's worth that is not full shall leave now, or wait for more to be written: Nagle's rule and corks.
///
/// At the level of the connection, because there a byte is bound to a subflow only when it leaves (RFC 9293 §3.7.4,
/// RFC 896; with Minshall's change only an earlier *small* packet holds the next one back, as in Linux). Owned by a
/// connection, which asks before it binds fresh bytes and tells what it bound. Never holds what a finish follows.
#pragma once
#include "base/seq.hh"
#include "base/units.hh"

#include <algorithm>

namespace anabranch::mptcp {

class Batching {
 public:
  static constexpr Duration kLongestCork{200'000'000};  ///< Linux, tcp(7)

  Batching(bool no_delay, bool cork) : no_delay_{no_delay}, cork_{cork} {}

  /// `written`: one past the last byte there is. What waits leaves at once when a rule is lifted.
  void set_no_delay(bool on, DataPos written) {
    no_delay_ = on;
    if (on) { push(written); }
  }
  void set_cork(bool on, DataPos written) {
    cork_ = on;
    if (!on) { push(written); }
  }
  void push(DataPos written) {
    flush_until_ = std::max(flush_until_, written);
    corked_since_ = Instant::never();
  }

  /// Whether the bytes from `next` on, less than a packet, shall wait. `una`: the first not acknowledged.
  bool holds(DataPos next, DataPos una, Instant now) {
    if (next < flush_until_) { return false; }
    if (cork_) {
      corked_since_ = std::min(corked_since_, now);
      return true;
    }
    return !no_delay_ && una < small_until_;
  }
  /// Fresh bytes up to `end` are bound; `small`: the last packet is not full.
  void bound(DataPos end, bool small) {
    if (small) { small_until_ = end; }
    corked_since_ = Instant::never();
  }
  /// When what a cork holds shall leave all the same.
  Instant deadline() const { return corked_since_.is_never() ? corked_since_ : corked_since_ + kLongestCork; }

 private:
  bool no_delay_, cork_;
  DataPos flush_until_{}, small_until_{};
  Instant corked_since_ = Instant::never();  ///< since when something waits for the cork alone
};
}  // namespace anabranch::mptcp
