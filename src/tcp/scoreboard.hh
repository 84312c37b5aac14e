/// What the peer says it has out of order, and what follows from it: RFC 6675's IsLost as one boundary.
///
/// IsLost depends only on what is SACKed above a position, so everything unSACKed below one boundary is lost and
/// nothing above it is. Peers without SACK are served by pretending that each duplicate acknowledgment SACKed one
/// segment somewhere above. Owned by the sender, works on its `Sent`. Computes; decides nothing.
#pragma once
#include "tcp/needless.hh"

#include <span>

namespace anabranch::tcp {

class Scoreboard {
 public:
  static constexpr unsigned kDupThresh = 3;        ///< RFC 6675 §2
  static constexpr std::size_t kMaxBlocks = 4096;  ///< holes remembered; further SACKs are forgotten, not wrong

  /// Takes blocks in. Blocks that make no sense (beyond SND.NXT, D-SACKs below SND.UNA) are ignored.
  Covered update(Sent& sent, std::span<const Block> blocks, Instant too_recent);
  /// Everything below `una` has arrived.
  void acknowledged(SubPos una) { sacked_.remove_below(una); }
  void clear() { sacked_.clear(); }

  /// Everything unSACKed below this is lost (RFC 6675 §4, IsLost): at least `threshold` runs, or more bytes than
  /// one segment less than that, are SACKed above. Position 0 when nothing is.
  SubPos lost_below(Bytes segment, unsigned threshold = kDupThresh) const;
  /// One past the highest SACKed position; 0 without any.
  SubPos highest() const { return sacked_.empty() ? SubPos{} : sacked_.back().end; }
  bool empty() const { return sacked_.empty(); }
  bool is_consistent(const Sent& sent) const;

 private:
  IntervalSet<SubPos> sacked_{kMaxBlocks};
};

/// Duplicate acknowledgments in place of SACK (RFC 5681 §3.2, RFC 6582), counted in segments.
class Duplicates {
 public:
  void add() { ++count_; }
  /// An acknowledgment advanced by `bytes`: the hole takes one segment of them, the rest were the duplicates'.
  void advanced(Bytes bytes, Bytes segment);
  void clear() { count_ = 0; }
  unsigned count() const { return count_; }
  /// How much of `outstanding` has arrived above the hole, by this count.
  Bytes arrived(Bytes outstanding, Bytes segment) const;

 private:
  unsigned count_ = 0;
};
}  // namespace anabranch::tcp
