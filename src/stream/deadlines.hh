/// Named deadlines, asked rather than called back: an array indexed by an enum that ends in `count_`.
///
/// A parent's deadline is the minimum of its parts'. Nothing fires by itself: the owner is told the time and asks
/// what is due, then clears or moves it.
#pragma once
#include "base/units.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace anabranch::stream {

template <class Name>
class Deadlines {
 public:
  constexpr Deadlines() { at_.fill(Instant::never()); }
  constexpr void set(Name name, Instant when) { at_[index(name)] = when; }
  /// Moves it to `when` unless it is set to something earlier.
  constexpr void set_earlier(Name name, Instant when) { at_[index(name)] = std::min(at_[index(name)], when); }
  constexpr void clear(Name name) { set(name, Instant::never()); }
  constexpr void clear_all() { at_.fill(Instant::never()); }
  constexpr Instant at(Name name) const { return at_[index(name)]; }
  constexpr bool is_set(Name name) const { return !at(name).is_never(); }
  constexpr bool due(Name name, Instant now) const { return is_set(name) && at(name) <= now; }
  /// Whether it is due; if so it is cleared.
  constexpr bool take_due(Name name, Instant now) {
    if (!due(name, now)) { return false; }
    clear(name);
    return true;
  }
  /// The earliest of all; `Instant::never()` when none is set.
  constexpr Instant next() const { return *std::min_element(at_.begin(), at_.end()); }
  /// Which one is the earliest; of equals, the first in the enum.
  constexpr std::optional<Name> which() const {
    const auto it = std::min_element(at_.begin(), at_.end());
    return it->is_never() ? std::nullopt : std::optional{static_cast<Name>(it - at_.begin())};
  }

 private:
  static constexpr std::size_t index(Name name) { return static_cast<std::size_t>(name); }
  std::array<Instant, static_cast<std::size_t>(Name::count_)> at_;
};
}  // namespace anabranch::stream
