/// Which ranges arrived last, latest first: the order in which SACK blocks are sent (RFC 2018 §4).
///
/// Remembers a position in each of a few ranges; the ranges themselves are looked up in the set they lie in, so that
/// they are reported as they have grown. At most one entry a range.
#pragma once
#include "base/intervals.hh"

#include <algorithm>
#include <boost/container/static_vector.hpp>
#include <cstddef>

namespace anabranch::stream {

template <class Pos>
class RecentRanges {
 public:
  /// At most four fit into a header (RFC 2018 §3).
  using Ranges = boost::container::static_vector<Interval<Pos>, 4>;

  /// Something arrived at `at`, which lies in `ranges`. What these no longer hold is forgotten.
  void note(Pos at, const IntervalSet<Pos>& ranges) {
    const auto here = ranges.containing(at);
    const auto stale = [&](Pos p) { return !ranges.contains(p) || (here && here->begin <= p && p < here->end); };
    arrivals_.erase(std::remove_if(arrivals_.begin(), arrivals_.end(), stale), arrivals_.end());
    if (arrivals_.size() == kRemembered) { arrivals_.pop_back(); }
    arrivals_.insert(arrivals_.begin(), at);
  }
  void clear() { arrivals_.clear(); }

  Ranges report(const IntervalSet<Pos>& ranges, std::size_t at_most) const {
    Ranges out;
    for (const Pos p : arrivals_) {
      if (out.size() == std::min(at_most, out.capacity())) { break; }
      const auto range = ranges.containing(p);
      if (range && std::find(out.begin(), out.end(), *range) == out.end()) { out.push_back(*range); }
    }
    return out;
  }

 private:
  static constexpr std::size_t kRemembered = 8;  ///< more than one header holds, for when some merge
  boost::container::static_vector<Pos, kRemembered> arrivals_;
};
}  // namespace anabranch::stream
