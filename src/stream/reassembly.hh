/// Out-of-order bytes in, in-order bytes out, for a stream counted in `Pos`.
///
/// Invariants: nothing held lies below `next()`; held pieces do not overlap; what came first wins (a later copy of
/// the same position is dropped, so a retransmission cannot change what was acknowledged). In-order data passes
/// straight through and is never refused; the out-of-order store is bounded in bytes and in slices. A slice keeps a whole
/// slab alive however short it is: beyond `kSlicesShared` of them what comes is copied, else nothing is. Owned by the
/// receiver of a subflow or of a connection, which trims to its window first.
#pragma once
#include "base/check.hh"
#include "base/intervals.hh"
#include "base/names.hh"
#include "packet/slab.hh"
#include "stream/recent_ranges.hh"

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace anabranch::stream {

enum class Refusal : std::uint8_t {
  none,
  too_many_bytes,   ///< the out-of-order store is full
  too_many_pieces,  ///< it would hold too many slices, or too many separate ranges
};

template <class Pos>
class Reassembly {
 public:
  using Range = Interval<Pos>;
  using Ranges = typename RecentRanges<Pos>::Ranges;

  struct Limits {
    Bytes bytes{8 * 1024 * 1024};    ///< out of order at most
    std::size_t pieces = 32 * 1024;  ///< slices out of order at most
  };
  struct Inserted {
    Bytes fresh;      ///< kept or passed on: never had before
    Bytes duplicate;  ///< had already
    Bytes refused;    ///< not had, not kept: must come again
    Refusal why = Refusal::none;
    bool advanced = false;                 ///< `next()` moved
    std::optional<Range> first_duplicate;  ///< for a D-SACK (RFC 2883)
  };

  /// `next`: the first position expected.
  explicit Reassembly(Pos next = {}, Limits limits = {}) : next_{next}, limits_{limits} {}

  /// Data for [at, at + data.size()).
  Inserted insert(Pos at, Chain data);
  /// All in-order bytes not taken before; they end at `next()`.
  Chain take() {
    Chain out = std::move(ready_);
    ready_.clear();
    return out;
  }
  /// Positions without bytes (SYN, FIN, DATA_FIN): moves `next()` over `n` of them, over what is held there too.
  void skip(std::uint64_t n);

  Pos next() const { return next_; }                ///< first position not yet received (RCV.NXT)
  Bytes ready() const { return ready_.size(); }     ///< in order, to be taken
  Bytes held() const { return {ranges_.total()}; }  ///< out of order
  std::size_t pieces() const { return slices_; }    ///< slices held out of order
  bool has_gap() const { return !ranges_.empty(); }
  /// Whether all of [begin, end) has been received.
  bool covers(Pos begin, Pos end) const { return end <= next_ || ranges_.covers(std::max(begin, next_), end); }
  /// Out-of-order ranges, ascending.
  const IntervalSet<Pos>& ranges() const { return ranges_; }
  /// The end of the furthest byte received.
  Pos furthest() const { return ranges_.empty() ? next_ : ranges_.back().end; }
  /// Up to `at_most` ranges, that of the latest arrival first, then by arrival (RFC 2018 §4).
  Ranges for_sack(std::size_t at_most = 4) const { return recent_.report(ranges_, at_most); }
  /// Forgets what is held out of order. Only before anything of it was acknowledged, or at the stream's end.
  void drop_held() {
    pieces_.clear();
    ranges_.clear();
    recent_.clear();
    slices_ = 0;
  }
  bool is_consistent() const;

  /// So many slices may share the slabs they came in, 34 MiB at worst: more than honest reordering leaves behind. A peer
  /// that leaves a gap before each byte shall hold no more of our memory than it sends.
  static constexpr std::size_t kSlicesShared = 512;

 private:
  using Pieces = std::map<Pos, Chain>;
  /// A piece grows over what follows it only while it has few slices: chains stay cheap to cut.
  static constexpr std::size_t kSlicesJoined = 4;
  static constexpr std::size_t kPiecesChecked = 64;  ///< beyond it a whole-object check a segment takes too long

  void accept_in_order(Chain data);
  void store(Pos at, const Chain& data, Inserted& out);
  /// False, with the reason noted, when a limit forbids it. May keep a leading part only.
  bool keep(Pos at, Chain data, Inserted& out);
  void release_in_order();
  void note_duplicate(Pos begin, Pos end, Inserted& out);

  Pos next_;
  Limits limits_;
  Chain ready_;
  Pieces pieces_;            ///< disjoint, all above next_
  IntervalSet<Pos> ranges_;  ///< the same points, neighbours merged
  std::size_t slices_ = 0;   ///< in pieces_
  RecentRanges<Pos> recent_;
};

template <class Pos>
auto Reassembly<Pos>::insert(Pos at, Chain data) -> Inserted {
  Inserted out;
  if (at < next_) {
    const std::uint64_t late = std::min<std::uint64_t>(next_ - at, data.size().n);
    if (late != 0) { note_duplicate(at, at + late, out); }
    data.drop_front({late});
    at = next_;
  }
  if (data.empty()) { return out; }
  if (at == next_ && (pieces_.empty() || at + data.size().n <= pieces_.begin()->first)) {
    out.fresh = data.size();
    out.advanced = true;
    accept_in_order(std::move(data));
    release_in_order();
  } else {
    const Pos before = next_;
    store(at, data, out);
    out.advanced = next_ != before;
  }
  ANABRANCH_EXPENSIVE_CHECK(pieces_.size() > kPiecesChecked || is_consistent());
  return out;
}

template <class Pos>
void Reassembly<Pos>::accept_in_order(Chain data) {
  next_ = next_ + data.size().n;
  if (ready_.empty()) {
    ready_ = std::move(data);
  } else {
    ready_.append(data);
  }
}

/// Walks the gaps between pieces that [at, at + data) fills.
template <class Pos>
void Reassembly<Pos>::store(Pos at, const Chain& data, Inserted& out) {
  const Pos end = at + data.size().n;
  const bool newest = pieces_.empty() || ranges_.back().end <= at;  // the store grows at its end: no overlap
  Pos p = at;
  while (p < end) {
    const std::optional<Range> gap = newest ? std::optional<Range>{Range{p, end}} : ranges_.first_missing(p, end);
    const Pos gap_begin = gap ? gap->begin : end;
    if (p < gap_begin) { note_duplicate(p, gap_begin, out); }
    if (!gap) { break; }
    Chain part = data.part({gap->begin - at}, {gap->length()});
    p = gap->end;
    if (gap->begin == next_) {
      out.fresh += part.size();
      accept_in_order(std::move(part));
      release_in_order();
      p = std::max(p, std::min(next_, end));
      if (gap->end < p) { note_duplicate(gap->end, p, out); }
    } else if (out.why == Refusal::none) {
      keep(gap->begin, std::move(part), out);
    } else {
      out.refused += part.size();  // once full, full for the rest: what is further ahead is worth less
    }
  }
  // The range that holds the first byte that is still out of order is what SACK reports first.
  if (const auto range = ranges_.next_range(at); range && range->begin < end) {
    recent_.note(std::max(at, range->begin), ranges_);
  }
}

template <class Pos>
bool Reassembly<Pos>::keep(Pos at, Chain data, Inserted& out) {
  const Bytes offered = data.size();
  const Bytes room = limits_.bytes - held();
  if (room < offered) {
    data = data.first(room);
    out.why = Refusal::too_many_bytes;
  }
  if (!data.empty() && slices_ + data.slices().size() > limits_.pieces) {
    data.clear();
    out.why = Refusal::too_many_pieces;
  }
  out.refused += offered - data.size();
  if (data.empty()) { return false; }
  if (slices_ >= kSlicesShared) { data = exact_copy(data); }
  out.fresh += data.size();
  const bool added = ranges_.add(at, at + data.size().n);
  ANABRANCH_CHECK(added);  // no limit of its own: there are never more ranges than slices
  const auto after = pieces_.lower_bound(at);
  if (after != pieces_.begin()) {
    auto& [begin, chain] = *std::prev(after);
    if (begin + chain.size().n == at && chain.slices().size() + data.slices().size() <= kSlicesJoined) {
      slices_ -= chain.slices().size();
      chain.append(data);
      slices_ += chain.slices().size();
      return true;
    }
  }
  slices_ += data.slices().size();
  pieces_.emplace_hint(after, at, std::move(data));
  return true;
}

template <class Pos>
void Reassembly<Pos>::release_in_order() {
  while (!pieces_.empty() && pieces_.begin()->first == next_) {
    auto node = pieces_.extract(pieces_.begin());
    slices_ -= node.mapped().slices().size();
    accept_in_order(std::move(node.mapped()));
  }
  ranges_.remove_below(next_);
}

template <class Pos>
void Reassembly<Pos>::skip(std::uint64_t n) {
  next_ = next_ + n;
  while (!pieces_.empty() && pieces_.begin()->first < next_) {
    auto node = pieces_.extract(pieces_.begin());
    slices_ -= node.mapped().slices().size();
    const std::uint64_t below = next_ - node.key();
    if (below >= node.mapped().size().n) { continue; }
    node.mapped().drop_front({below});
    node.key() = next_;
    slices_ += node.mapped().slices().size();
    pieces_.insert(std::move(node));
  }
  release_in_order();
  ANABRANCH_EXPENSIVE_CHECK(pieces_.size() > kPiecesChecked || is_consistent());
}

template <class Pos>
void Reassembly<Pos>::note_duplicate(Pos begin, Pos end, Inserted& out) {
  out.duplicate += Bytes{end - begin};
  if (!out.first_duplicate) {
    out.first_duplicate = Range{begin, end};
  } else if (out.first_duplicate->end == begin) {
    out.first_duplicate->end = end;
  }
}

template <class Pos>
bool Reassembly<Pos>::is_consistent() const {
  std::size_t slices = 0;
  std::uint64_t bytes = 0;
  Pos end = next_;
  for (const auto& [at, chain] : pieces_) {
    if (chain.empty() || at < end || at == next_) { return false; }
    end = at + chain.size().n;
    if (!ranges_.covers(at, end)) { return false; }
    slices += chain.slices().size();
    bytes += chain.size().n;
  }
  return slices == slices_ && bytes == ranges_.total() && slices_ <= limits_.pieces && held() <= limits_.bytes;
}
}  // namespace anabranch::stream

template <>
struct anabranch::Names<anabranch::stream::Refusal> {
  static constexpr std::string_view list[] = {"none", "too_many_bytes", "too_many_pieces"};
};
