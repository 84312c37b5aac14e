/// What the peer sent, put in order by data position, until the application reads it; and the window we offer.
///
/// One for all subflows (RFC 8684 §3.3.4): the window is relative to `next()`, which is the DATA_ACK, and its right
/// edge never moves back. The DATA_FIN takes one position after the last byte. Owned by the session.
#pragma once
#include "base/seq.hh"
#include "stream/autotune.hh"
#include "stream/reassembly.hh"

#include <optional>

namespace anabranch::mptcp {

class DataReceive {
 public:
  struct Limits {
    Bytes initial, cap;  ///< of the receive buffer
  };
  explicit DataReceive(Limits limits);

  using Inserted = stream::Reassembly<DataPos>::Inserted;
  /// Data for `at`, from any subflow, in any order, overlapping at will: what came first wins.
  Inserted insert(DataPos at, Chain data);
  /// The peer's DATA_FIN stands at `at`. False when it contradicts what is known (data beyond it, or another place).
  bool fin_at(DataPos at);
  bool finished() const { return fin_ && reassembly_.next() > *fin_; }  ///< all data and the DATA_FIN are here

  DataPos next() const { return reassembly_.next(); }  ///< DATA_ACK
  Bytes readable() const { return unread_.size(); }
  Bytes held() const { return reassembly_.held(); }  ///< out of order
  Bytes buffer() const { return autotune_.buffer(); }
  /// Nothing beyond `most` in the buffer is promised from now on, and it does not grow, until called with nothing. What
  /// was promised stays promised.
  void restrain(std::optional<Bytes> most) {
    most_ = most;
    autotune_.hold(most.has_value());
  }
  std::uint64_t growth_refused() const { return autotune_.refused(); }
  /// Throws away what is out of order: it was not DATA_ACKed, and comes again.
  Bytes drop_out_of_order() {
    const Bytes held = reassembly_.held();
    reassembly_.drop_held();
    return held;
  }
  /// `rtt`: of the slowest path, for the size of the buffer; zero when not known.
  Chain read(Bytes at_most, Instant now, Duration rtt);
  Chain peek(Bytes at_most) const { return unread_.first(at_most); }  ///< what `read` would give, left where it is
  void discard_unread() { unread_.clear(); }

  /// The window to advertise now, relative to next(). Promises it: the edge moves, never back.
  Bytes window();
  DataPos edge() const { return edge_; }
  /// Whether a segment only to announce the window is worth it (RFC 9293 §3.8.6.2.2). `segment`: the peer's size.
  bool window_update_due(Bytes segment) const;
  /// How much may wait out of order.
  Bytes reorder_room() const { return autotune_.cap(); }
  std::uint64_t received() const { return received_; }  ///< in order, bytes of data
  std::uint64_t duplicates() const { return duplicates_; }
  std::uint64_t beyond_window() const { return beyond_window_; }  ///< bytes refused: the peer ignored our window
  bool is_consistent() const { return reassembly_.is_consistent() && edge_ >= next(); }

 private:
  DataPos could_offer() const {
    return next() + (std::min(autotune_.buffer(), most_.value_or(autotune_.buffer())) - unread_.size()).n;
  }
  void advance_over_fin();

  stream::Reassembly<DataPos> reassembly_;
  stream::ReceiveAutotune autotune_;
  Chain unread_;
  DataPos edge_{1};
  std::optional<Bytes> most_;
  std::optional<DataPos> fin_;
  std::uint64_t received_ = 0, duplicates_ = 0, beyond_window_ = 0;
};
}  // namespace anabranch::mptcp
