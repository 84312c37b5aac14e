/// Objects by handle: an index with a generation, so that a handle to what is gone finds nothing.
///
/// O(1) insert, find and erase; addresses of objects never change while they live; iteration is in order of
/// insertion, whatever was erased between, so a run is the same each time. Owned by whoever owns the objects.
/// A generation repeats only after 2^32 uses of one index.
#pragma once
#include "base/check.hh"

#include <compare>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <utility>

namespace anabranch {

/// Names one object in a `Slots<T, Tag>`. A default handle names nothing.
template <class Tag>
struct Handle {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t index = kNone;
  std::uint32_t generation = 0;
  constexpr auto operator<=>(const Handle&) const = default;
  constexpr explicit operator bool() const { return index != kNone; }
};

template <class T, class Tag = T>
class Slots {
 public:
  using HandleType = Handle<Tag>;

  explicit Slots(std::size_t limit = HandleType::kNone) : limit_{limit} {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  /// Constructs an object in place. A default handle when `limit` objects live already.
  template <class... Args>
  HandleType emplace(Args&&... args) {
    if (size_ >= limit_) { return {}; }
    const std::uint32_t index = claim();
    Slot& slot = slots_[index];
    slot.object.emplace(std::forward<Args>(args)...);
    link_last(index);
    ++size_;
    return {index, slot.generation};
  }
  HandleType insert(T object) { return emplace(std::move(object)); }

  T* find(HandleType h) {
    if (h.index >= slots_.size() || slots_[h.index].generation != h.generation) { return nullptr; }
    Slot& slot = slots_[h.index];
    return slot.object ? &*slot.object : nullptr;
  }
  const T* find(HandleType h) const { return const_cast<Slots*>(this)->find(h); }
  /// Destroys the object; false when the handle names nothing.
  bool erase(HandleType h) {
    if (find(h) == nullptr) { return false; }
    Slot& slot = slots_[h.index];
    unlink(h.index);
    ++slot.generation;
    --size_;
    slot.object.reset();
    slot.next = free_;
    free_ = h.index;
    return true;
  }
  /// Calls `f(handle, object)` in order of insertion. `f` may erase the object it is called with, and insert.
  template <class F>
  void for_each(F&& f) {
    for (std::uint32_t i = first_; i != kNone;) {
      const std::uint32_t next = slots_[i].next;
      f(HandleType{i, slots_[i].generation}, *slots_[i].object);
      // What `f` inserted behind the last object is visited as well.
      i = next == kNone && slots_[i].object ? slots_[i].next : next;
    }
  }
  template <class F>
  void for_each(F&& f) const {
    for (std::uint32_t i = first_; i != kNone; i = slots_[i].next) {
      f(HandleType{i, slots_[i].generation}, *slots_[i].object);
    }
  }
  /// The object inserted first of those that live; with `after`, the next one. A default handle at the end.
  HandleType first() const { return handle(first_); }
  HandleType next(HandleType h) const { return find(h) == nullptr ? HandleType{} : handle(slots_[h.index].next); }

  /// The handle of whoever lives at `index` now; a default one when nobody does.
  HandleType handle_at(std::uint32_t index) const {
    return index < slots_.size() && slots_[index].object ? handle(index) : HandleType{};
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t limit() const { return limit_; }

 private:
  static constexpr std::uint32_t kNone = HandleType::kNone;
  struct Slot {
    std::optional<T> object;
    std::uint32_t generation = 1;
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;  ///< while free: the next free slot
  };

  HandleType handle(std::uint32_t i) const { return i == kNone ? HandleType{} : HandleType{i, slots_[i].generation}; }
  std::uint32_t claim() {
    if (free_ != kNone) {
      const std::uint32_t index = free_;
      free_ = slots_[index].next;
      return index;
    }
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  void link_last(std::uint32_t i) {
    slots_[i].previous = last_;
    slots_[i].next = kNone;
    (last_ == kNone ? first_ : slots_[last_].next) = i;
    last_ = i;
  }
  void unlink(std::uint32_t i) {
    const Slot& s = slots_[i];
    (s.previous == kNone ? first_ : slots_[s.previous].next) = s.next;
    (s.next == kNone ? last_ : slots_[s.next].previous) = s.previous;
  }

  std::deque<Slot> slots_;
  std::uint32_t first_ = kNone, last_ = kNone, free_ = kNone;
  std::size_t size_ = 0, limit_;
};
}  // namespace anabranch
