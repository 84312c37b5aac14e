/// One deadline per connection, for many connections: a hierarchical wheel, O(1) to set, no callbacks.
///
/// Lazy: a deadline that moves later stays where it is, comes up early, and is put back; so an ACK clock never touches
/// the wheel. `expire` therefore names candidates: the owner asks each what it really wants. Ticks of about a
/// millisecond; a deadline never comes up before its time by more than that it is put back. Owned by a stack.
#pragma once
#include "base/units.hh"

#include <array>
#include <cstdint>
#include <vector>

namespace anabranch::stack {

class TimerWheel {
 public:
  TimerWheel();
  /// The entry `index` wants to be asked at `when`; never: not at all. Only an earlier time than before costs anything.
  void set(std::uint32_t index, Instant when);
  void clear(std::uint32_t index) { set(index, Instant::never()); }
  /// Not later than the earliest deadline; never when there is none.
  Instant next() const { return next_; }
  /// Appends every entry whose deadline is at or before `now`; their deadlines are cleared.
  void expire(Instant now, std::vector<std::uint32_t>& due);

 private:
  static constexpr int kTickShift = 20;  ///< 2^20 ns: 1.05 ms
  static constexpr int kSlotBits = 6;
  static constexpr std::size_t kSlots = 1u << kSlotBits;
  static constexpr std::size_t kLevels = 5;  ///< 2^30 ticks: 13 days; what is later waits in the last level
  struct Entry {
    Instant want = Instant::never();   ///< what the owner asked for
    Instant filed = Instant::never();  ///< where it lies in the wheel; never: nowhere
  };
  struct Filed {
    std::uint32_t index;
    Instant at;
  };
  static std::int64_t tick(Instant t) { return t.ns >> kTickShift; }
  void file(std::uint32_t index, Instant when);
  void look_for_next();

  std::vector<Entry> entries_;
  std::array<std::array<std::vector<Filed>, kSlots>, kLevels> slots_;
  std::int64_t now_tick_ = 0;
  std::size_t filed_ = 0;
  Instant next_ = Instant::never();
};
}  // namespace anabranch::stack
