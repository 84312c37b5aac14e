/// Comparison of secrets in a time that does not depend on where they differ.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace anabranch::crypto {

/// Lengths are not secret: different lengths are unequal at once.
inline bool equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  if (a.size() != b.size()) { return false; }
  volatile std::uint8_t difference = 0;  // volatile: the compiler must not leave the loop early
  for (std::size_t i = 0; i < a.size(); ++i) { difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i])); }
  return difference == 0;
}
inline bool equal(std::uint64_t a, std::uint64_t b) {
  const volatile std::uint64_t difference = a ^ b;
  return difference == 0;
}
}  // namespace anabranch::crypto
