/// What a transfer's bytes are, as a function of their offset: written without a source, compared without a copy.
///
/// One fixed table of random bytes with a prime length, entered at a place the key chooses, so that bytes that got
/// lost, doubled or moved by a power of two do not fit. Equal keys give equal bytes. A value; holds nothing.
#pragma once
#include "packet/slab.hh"

#include <cstdint>
#include <span>

namespace anabranch::sim {

class Pattern {
 public:
  Pattern() = default;
  explicit Pattern(std::uint64_t key);
  /// The bytes from offset `at` on.
  void fill(std::uint64_t at, std::span<std::uint8_t> out) const;
  bool matches(std::uint64_t at, std::span<const std::uint8_t> bytes) const;
  bool matches(std::uint64_t at, const Chain& bytes) const;

 private:
  std::uint64_t start_ = 0;
};
}  // namespace anabranch::sim
