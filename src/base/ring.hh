/// A bounded first-in first-out queue in one block of memory.
///
/// Grows by doubling up to its limit and then refuses; the caller decides what a refusal means. Iteration by index,
/// oldest first. `T` is default-constructible and movable; a taken element's place is reset at once, so that what
/// it held is released.
#pragma once
#include "base/check.hh"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace anabranch {

template <class T>
class Ring {
 public:
  explicit Ring(std::size_t limit) : limit_{limit} {}

  /// False, and the queue is unchanged, when `limit()` elements wait already.
  [[nodiscard]] bool push(T value) {
    if (size_ == limit_) { return false; }
    if (size_ == cells_.size()) { grow(); }
    cells_[place(size_)] = std::move(value);
    ++size_;
    return true;
  }
  std::optional<T> pop() {
    if (size_ == 0) { return std::nullopt; }
    std::optional<T> out{std::exchange(cells_[head_], T{})};
    head_ = head_ + 1 == cells_.size() ? 0 : head_ + 1;
    --size_;
    return out;
  }
  /// Oldest first: `at(0)` is what `pop` would give next.
  T& at(std::size_t i) {
    ANABRANCH_CHECK(i < size_);
    return cells_[place(i)];
  }
  const T& at(std::size_t i) const {
    ANABRANCH_CHECK(i < size_);
    return cells_[place(i)];
  }
  T& front() { return at(0); }
  const T& front() const { return at(0); }
  T& back() { return at(size_ - 1); }
  const T& back() const { return at(size_ - 1); }
  void clear() {
    while (pop()) {}
  }

  std::size_t size() const { return size_; }
  std::size_t limit() const { return limit_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == limit_; }

 private:
  std::size_t place(std::size_t i) const {
    const std::size_t p = head_ + i;
    return p >= cells_.size() ? p - cells_.size() : p;
  }
  void grow() {
    std::vector<T> bigger(std::min(limit_, std::max<std::size_t>(8, cells_.size() * 2)));
    for (std::size_t i = 0; i < size_; ++i) { bigger[i] = std::move(cells_[place(i)]); }
    cells_ = std::move(bigger);
    head_ = 0;
  }

  std::vector<T> cells_;
  std::size_t head_ = 0, size_ = 0, limit_;
};
}  // namespace anabranch
