/// One spelling of an enumerator in code, JSON, counters, traces and documents.
///
/// An enum gets names by specialising `Names<E>` with a `list` in the order of its values, which start at 0.
#pragma once
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

namespace anabranch {

template <class E>
struct Names;  // specialise: static constexpr std::string_view list[]

template <class E>
constexpr std::string_view name(E e) {
  const auto i = static_cast<std::size_t>(e);
  return i < std::size(Names<E>::list) ? Names<E>::list[i] : std::string_view{"?"};
}
template <class E>
constexpr std::optional<E> from_name(std::string_view text) {
  for (std::size_t i = 0; i < std::size(Names<E>::list); ++i) {
    if (Names<E>::list[i] == text) { return static_cast<E>(i); }
  }
  return std::nullopt;
}

/// Counts by enumerator, for "dropped, by reason". `E` needs `Names`.
template <class E>
class Tally {
 public:
  constexpr void add(E e, std::size_t n = 1) { counts_[static_cast<std::size_t>(e)] += n; }
  constexpr std::size_t operator[](E e) const { return counts_[static_cast<std::size_t>(e)]; }
  constexpr std::size_t total() const {
    std::size_t sum = 0;
    for (const std::size_t c : counts_) { sum += c; }
    return sum;
  }
  static constexpr std::size_t size() { return std::size(Names<E>::list); }

 private:
  std::array<std::size_t, std::size(Names<E>::list)> counts_{};
};
}  // namespace anabranch
