/// What the application wrote and the peer has not DATA_ACKed: each byte once, by data position.
///
/// Knows what was never sent, what was, and what shall leave again on another subflow; hands out pieces, never binds
/// them. Bytes are forgotten when DATA_ACKed; mappings that still need them hold their own views (RFC 8684 §3.3.6).
/// Position 1 is the first byte; a DATA_FIN takes the position after the last. Owned by the session.
#pragma once
#include "base/intervals.hh"
#include "mptcp/config.hh"
#include "packet/slab.hh"
#include "stream/send_window.hh"

#include <deque>
#include <span>

namespace anabranch::mptcp {

class DataSend {
 public:
  /// A buffer of `initial` bytes, which may grow to `cap`.
  DataSend(SlabPool& pool, Bytes initial, Bytes cap = {});

  // --- the application's side
  Bytes room() const { return buffer_ - held(); }
  Bytes buffer() const { return buffer_; }
  /// Never shrinks. True when it grew.
  bool grow(Bytes wanted) {
    const Bytes before = buffer_;
    buffer_ = std::max(buffer_, std::min(wanted, cap_));
    return buffer_ > before;
  }
  bool may_grow() const { return buffer_ < cap_; }
  Bytes held() const { return {end_ - window_.una()}; }  ///< written and not DATA_ACKed
  Bytes write(std::span<const std::uint8_t> bytes);      ///< copies what fits; returns how much
  Bytes write(const Chain& bytes);                       ///< the same without a copy

  // --- sending
  struct Piece {
    DataPos at;
    Chain bytes;
  };
  struct Again {
    DataPos begin, end;
    SubflowId from;  ///< who had it before; not the first choice now
  };
  DataPos una() const { return window_.una(); }
  DataPos next() const { return window_.next(); }    ///< first position never sent
  DataPos end() const { return end_; }               ///< one past the last byte written
  DataPos limit() const { return window_.limit(); }  ///< the peer's right edge
  Bytes unsent() const { return {end_ - window_.next()}; }
  Bytes sendable() const { return std::min(unsent(), window_.room()); }
  bool window_closed() const { return unsent() && !window_.room(); }
  bool all_sent() const { return window_.next() >= end_; }
  Bytes outstanding() const { return window_.in_flight(); }  ///< sent and not DATA_ACKed, DATA_FIN included
  Piece take_fresh(Bytes at_most);
  const Again* next_again() const { return again_.empty() ? nullptr : &again_.front(); }
  Piece take_again(Bytes at_most);  ///< of `next_again()`
  /// Bytes from `at` on that have left and are not DATA_ACKed, for another path besides; `at` < `sent_up_to()`.
  Piece take_copy(DataPos at, Bytes at_most) const;
  DataPos sent_up_to() const { return std::min(window_.next(), end_); }  ///< one past the last byte ever sent
  /// What of [begin, end) is sent and not DATA_ACKed shall leave again; returns how much was not queued before.
  Bytes reinject(DataPos begin, DataPos end, SubflowId from);

  /// DATA_FIN leaves: `end()` is taken.
  void fin_sent() { window_.sent(end_ + 1); }
  bool fin_acknowledged() const { return window_.una() > end_; }

  // --- the peer's word
  stream::AckKind on_data_ack(DataPos ack);
  bool raise_limit(DataPos edge) { return window_.raise_limit(edge); }
  bool is_consistent() const;

 private:
  struct Stored {
    DataPos at;
    Slice bytes;
    DataPos end() const { return at + bytes.size(); }
  };
  void store(const Chain& bytes);
  Chain bytes(DataPos at, DataPos end) const;
  void forget_acknowledged();

  Packer packer_;
  Bytes buffer_, cap_;
  std::deque<Stored> stored_;
  DataPos end_{1};
  stream::SendWindow<DataPos> window_{DataPos{1}};
  std::deque<Again> again_;            ///< oldest data first
  IntervalSet<DataPos> queued_again_;  ///< the same points
};
}  // namespace anabranch::mptcp
