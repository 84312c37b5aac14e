/// Things that happen at instants, earliest first; what was put in first comes first among equals.
///
/// The order is (instant, insertion number) and nothing else, so that a run is the same each time. No clock: the
/// caller says what time it is. Owned by a pipe (packets in flight) or by the world (actions).
#pragma once
#include "base/check.hh"
#include "base/units.hh"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace anabranch::sim {

template <class T>
class EventQueue {
 public:
  void push(Instant at, T value) {
    heap_.push_back({at, inserted_++, std::move(value)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// When the first of them happens; never when there is none.
  Instant next() const { return heap_.empty() ? Instant::never() : heap_.front().at; }
  /// Takes out the first one if its time has come.
  std::optional<T> pop_due(Instant now) {
    if (heap_.empty() || heap_.front().at > now) { return std::nullopt; }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    std::optional<T> out{std::move(heap_.back().value)};
    heap_.pop_back();
    return out;
  }
  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  void clear() { heap_.clear(); }

 private:
  struct Entry {
    Instant at;
    std::uint64_t number = 0;
    T value;
  };
  static bool later(const Entry& a, const Entry& b) { return std::pair{a.at, a.number} > std::pair{b.at, b.number}; }

  std::vector<Entry> heap_;
  std::uint64_t inserted_ = 0;
};
}  // namespace anabranch::sim
