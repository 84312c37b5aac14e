/// A set of points kept as half-open ranges [begin, end): SACK scoreboards, reassembly and mappings use it.
///
/// Invariant: ranges are non-empty, sorted, and neither overlap nor touch, so equal sets have equal ranges. A flat
/// sorted vector: O(log n) to look up, O(1) to add at the end, a memmove to add in the middle. `T` is ordered and
/// `end - begin` counts points (a `Position<Tag>`, or an unsigned integer). A limit bounds the number of ranges.
#pragma once
#include "base/check.hh"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>

namespace anabranch {

template <class T>
struct Interval {
  T begin{}, end{};
  constexpr bool operator==(const Interval&) const = default;
  constexpr bool empty() const { return !(begin < end); }
  constexpr std::uint64_t length() const { return begin < end ? static_cast<std::uint64_t>(end - begin) : 0; }
};

template <class T>
concept Countable = std::totally_ordered<T> && requires(T a, T b) {
  { a - b } -> std::convertible_to<std::uint64_t>;
};

template <Countable T>
class IntervalSet {
 public:
  using Range = Interval<T>;
  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

  IntervalSet() = default;
  /// At most `limit` ranges at any time; what would need more is refused.
  explicit IntervalSet(std::size_t limit) : limit_{limit} {}

  /// Adds all of [begin, end). False, and nothing changes, when that would take more ranges than the limit.
  [[nodiscard]] bool add(T begin, T end);
  /// Takes all of [begin, end) out. False, and nothing changes, when a split would exceed the limit.
  [[nodiscard]] bool remove(T begin, T end);
  /// Takes out everything below `p`. Never needs more ranges.
  void remove_below(T p);
  /// Takes out everything at or above `p`. Never needs more ranges.
  void remove_from(T p);
  void clear() {
    ranges_.clear();
    total_ = 0;
  }

  bool contains(T p) const;
  /// Whether all of [begin, end) is in the set; true for an empty range.
  bool covers(T begin, T end) const;
  /// Whether any of [begin, end) is in the set.
  bool intersects(T begin, T end) const;
  /// The first point at or after `p` that is not in the set.
  T first_gap(T p) const;
  /// The first part of [begin, end) that is missing from the set: up to the next range, or to `end`.
  std::optional<Range> first_missing(T begin, T end) const;
  /// The range that contains `p`, or nothing.
  std::optional<Range> containing(T p) const;
  /// The first range that ends after `p` (it may contain `p`), or nothing.
  std::optional<Range> next_range(T p) const;
  /// How many points of [begin, end) are in the set. O(ranges inside).
  std::uint64_t count(T begin, T end) const;

  std::uint64_t total() const { return total_; }  ///< number of points
  std::size_t size() const { return ranges_.size(); }
  bool empty() const { return ranges_.empty(); }
  std::size_t limit() const { return limit_; }
  const Range& front() const {
    ANABRANCH_CHECK(!empty());
    return ranges_.front();
  }
  const Range& back() const {
    ANABRANCH_CHECK(!empty());
    return ranges_.back();
  }
  auto begin() const { return ranges_.begin(); }
  auto end() const { return ranges_.end(); }
  bool operator==(const IntervalSet& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }
  bool is_consistent() const;

 private:
  static constexpr std::size_t kRangesChecked = 64;  ///< beyond it a whole-object check a step takes too long
  using Ranges = boost::container::small_vector<Range, 4>;
  /// First range whose end is past `p` (strictly), or, with `touching`, at `p` or past it.
  auto find_end_after(T p) const {
    return std::upper_bound(ranges_.begin(), ranges_.end(), p, [](const T& v, const Range& r) { return v < r.end; });
  }
  auto find_end_from(T p) const {
    return std::lower_bound(ranges_.begin(), ranges_.end(), p, [](const Range& r, const T& v) { return r.end < v; });
  }
  auto mutable_at(typename Ranges::const_iterator it) { return ranges_.begin() + (it - ranges_.cbegin()); }

  Ranges ranges_;
  std::uint64_t total_ = 0;
  std::size_t limit_ = kUnlimited;
};

template <Countable T>
bool IntervalSet<T>::add(T begin, T end) {
  if (!(begin < end)) { return true; }
  if (!ranges_.empty() && !(begin < ranges_.back().begin) && !(ranges_.back().end < begin)) {
    Range& last = ranges_.back();  // the common case: what arrives follows what arrived
    if (last.end < end) {
      total_ += static_cast<std::uint64_t>(end - last.end);
      last.end = end;
    }
    return true;
  }
  const auto first = mutable_at(find_end_from(begin));
  auto last = first;  // one past the last range that overlaps or touches
  Range merged{begin, end};
  std::uint64_t had = 0;
  while (last != ranges_.end() && !(end < last->begin)) {
    merged.begin = std::min(merged.begin, last->begin);
    merged.end = std::max(merged.end, last->end);
    had += last->length();
    ++last;
  }
  if (first == last) {
    if (ranges_.size() >= limit_) { return false; }
    ranges_.insert(first, merged);
  } else {
    *first = merged;
    ranges_.erase(first + 1, last);
  }
  total_ += merged.length() - had;
  ANABRANCH_EXPENSIVE_CHECK(size() > kRangesChecked || is_consistent());
  return true;
}

template <Countable T>
bool IntervalSet<T>::remove(T begin, T end) {
  if (!(begin < end)) { return true; }
  const auto first = mutable_at(find_end_after(begin));
  if (first == ranges_.end() || !(first->begin < end)) { return true; }
  if (first->begin < begin && end < first->end) {  // out of the middle: one becomes two
    if (ranges_.size() >= limit_) { return false; }
    const Range right{end, first->end};
    first->end = begin;
    ranges_.insert(first + 1, right);
    total_ -= static_cast<std::uint64_t>(end - begin);
    return true;
  }
  auto gone_from = first;
  if (first->begin < begin) {
    total_ -= static_cast<std::uint64_t>(first->end - begin);
    first->end = begin;
    ++gone_from;
  }
  auto gone_to = gone_from;
  while (gone_to != ranges_.end() && !(end < gone_to->end)) { total_ -= (gone_to++)->length(); }
  if (gone_to != ranges_.end() && gone_to->begin < end) {
    total_ -= static_cast<std::uint64_t>(end - gone_to->begin);
    gone_to->begin = end;
  }
  ranges_.erase(gone_from, gone_to);
  ANABRANCH_EXPENSIVE_CHECK(size() > kRangesChecked || is_consistent());
  return true;
}

template <Countable T>
void IntervalSet<T>::remove_below(T p) {
  if (ranges_.empty() || !(ranges_.front().begin < p)) { return; }
  const bool fits = remove(ranges_.front().begin, p);
  ANABRANCH_CHECK(fits);  // nothing is split: the cut starts at the first point
}

template <Countable T>
void IntervalSet<T>::remove_from(T p) {
  if (ranges_.empty() || !(p < ranges_.back().end)) { return; }
  const bool fits = remove(p, ranges_.back().end);
  ANABRANCH_CHECK(fits);
}

template <Countable T>
bool IntervalSet<T>::contains(T p) const {
  const auto it = find_end_after(p);
  return it != ranges_.end() && !(p < it->begin);
}

template <Countable T>
bool IntervalSet<T>::covers(T begin, T end) const {
  if (!(begin < end)) { return true; }
  const auto it = find_end_after(begin);
  return it != ranges_.end() && !(begin < it->begin) && !(it->end < end);
}

template <Countable T>
bool IntervalSet<T>::intersects(T begin, T end) const {
  if (!(begin < end)) { return false; }
  const auto it = find_end_after(begin);
  return it != ranges_.end() && it->begin < end;
}

template <Countable T>
T IntervalSet<T>::first_gap(T p) const {
  const auto it = find_end_after(p);
  return it != ranges_.end() && !(p < it->begin) ? it->end : p;
}

template <Countable T>
auto IntervalSet<T>::first_missing(T begin, T end) const -> std::optional<Range> {
  const T from = first_gap(begin);
  if (!(from < end)) { return std::nullopt; }
  const auto next = find_end_after(from);
  return Range{from, next == ranges_.end() ? end : std::min(end, next->begin)};
}

template <Countable T>
auto IntervalSet<T>::containing(T p) const -> std::optional<Range> {
  const auto it = find_end_after(p);
  if (it == ranges_.end() || p < it->begin) { return std::nullopt; }
  return *it;
}

template <Countable T>
auto IntervalSet<T>::next_range(T p) const -> std::optional<Range> {
  const auto it = find_end_after(p);
  if (it == ranges_.end()) { return std::nullopt; }
  return *it;
}

template <Countable T>
std::uint64_t IntervalSet<T>::count(T begin, T end) const {
  std::uint64_t sum = 0;
  for (auto it = find_end_after(begin); it != ranges_.end() && it->begin < end; ++it) {
    sum += Range{std::max(begin, it->begin), std::min(end, it->end)}.length();
  }
  return sum;
}

template <Countable T>
bool IntervalSet<T>::is_consistent() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    if (ranges_[i].empty() || (i > 0 && !(ranges_[i - 1].end < ranges_[i].begin))) { return false; }
    sum += ranges_[i].length();
  }
  return sum == total_ && ranges_.size() <= limit_;
}
}  // namespace anabranch
