/// When each of many components wants its turn: the earliest first, among equals the one with the lowest number.
///
/// A heap with the place of each component in it, so that a component has one entry, moved when it changes its mind.
/// The order is (instant, number) and nothing else, so that a run is the same each time. Owned by the world.
#pragma once
#include "base/units.hh"

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

namespace anabranch::sim {

class Actor;
class CrossSource;
class Host;
class Passage;
class Pipe;
/// Whoever may want a turn.
using Component = std::variant<std::monostate, Pipe*, Host*, Actor*, Passage*, CrossSource*>;

class Agenda {
 public:
  static constexpr std::uint32_t kNobody = 0xffff'ffffu;

  /// A number for a component; those given back are given out again.
  std::uint32_t enroll(Component who);
  void dismiss(std::uint32_t who);
  /// `who` wants its turn at that time; never: not at all.
  void set(std::uint32_t who, Instant at);
  /// When the first one's turn is; never when nobody waits.
  Instant next() const { return heap_.empty() ? Instant::never() : heap_.front().at; }
  /// Whose turn that is. Only while somebody waits.
  const Component& first() const { return who_[heap_.front().who]; }
  std::uint32_t first_number() const { return heap_.front().who; }
  /// Those among whom the next one is, unless somebody changes his mind.
  template <class F>
  void look_ahead(F&& f) const {
    const std::size_t end = std::min<std::size_t>(heap_.size(), 1 + kArms);
    for (std::size_t i = 1; i < end; ++i) { f(who_[heap_[i].who]); }
  }

 private:
  struct Entry {
    Instant at;
    std::uint32_t who;
  };
  static constexpr std::size_t kArms = 4;  // flatter than a binary heap, and the children of one lie side by side
  static bool before(const Entry& a, const Entry& b) { return a.at != b.at ? a.at < b.at : a.who < b.who; }
  void rise(std::size_t i, Entry entry);
  void sink(std::size_t i, Entry entry);
  void put(std::size_t i, const Entry& entry) {
    heap_[i] = entry;
    place_[entry.who] = static_cast<std::uint32_t>(i);
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> place_;  ///< in the heap, by number; kNobody: not there
  std::vector<Component> who_;        ///< by number
  std::vector<std::uint32_t> free_;
};
}  // namespace anabranch::sim
