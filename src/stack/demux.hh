/// Which subflow a packet belongs to: a table of 4-tuples, keyed so that strangers cannot make it slow.
///
/// Open addressing with linear probing, half empty at least: a packet costs one line of the cache. Never iterated, so
/// the order inside is nobody's business. Owned by a stack.
#pragma once
#include "crypto/isn.hh"
#include "mptcp/config.hh"
#include "packet/segment.hh"

#include <vector>

namespace anabranch::stack {

struct Place {
  std::uint32_t index = 0, generation = 0;  ///< of the connection
  mptcp::SubflowId subflow;
};

class Demux {
 public:
  explicit Demux(Random& random) : key_{crypto::SipKey::draw(random)}, slots_(kSmallest) {}

  /// Valid until the table changes.
  const Place* find(const Addresses& a) const {
    const Slot& slot = slots_[slot_of(a)];
    return slot.taken ? &slot.place : nullptr;
  }
  bool contains(const Addresses& a) const { return find(a) != nullptr; }
  /// False, and nothing changes, when the 4-tuple is taken.
  bool insert(const Addresses& a, const Place& place) {
    if ((size_ + 1) * 2 > slots_.size()) { grow(); }
    Slot& slot = slots_[slot_of(a)];
    if (slot.taken) { return false; }
    slot = {a, place, true};
    ++size_;
    return true;
  }
  /// What stands behind it moves up, so that no search ends too early.
  void erase(const Addresses& a) {
    std::size_t gap = slot_of(a);
    if (!slots_[gap].taken) { return; }
    for (std::size_t i = next(gap); slots_[i].taken; i = next(i)) {
      const std::size_t home = home_of(slots_[i].addresses);
      const bool reaches = gap <= i ? home <= gap || home > i : home <= gap && home > i;
      if (!reaches) { continue; }
      slots_[gap] = slots_[i];
      gap = i;
    }
    slots_[gap] = {};
    --size_;
  }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kSmallest = 16;  // a power of two, as all sizes
  struct alignas(64) Slot {
    Addresses addresses;
    Place place;
    bool taken = false;
  };
  std::size_t home_of(const Addresses& a) const {
    return crypto::tuple_hash(key_, a.local, a.remote) & (slots_.size() - 1);
  }
  std::size_t next(std::size_t i) const { return (i + 1) & (slots_.size() - 1); }
  /// Where it is, or could be.
  std::size_t slot_of(const Addresses& a) const {
    std::size_t i = home_of(a);
    while (slots_[i].taken && slots_[i].addresses != a) { i = next(i); }
    return i;
  }
  void grow() {
    std::vector<Slot> before(slots_.size() * 2);
    before.swap(slots_);
    for (const Slot& slot : before) {
      if (slot.taken) { slots_[slot_of(slot.addresses)] = slot; }
    }
  }

  crypto::SipKey key_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};
}  // namespace anabranch::stack
