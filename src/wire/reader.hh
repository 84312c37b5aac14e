/// A cursor over bytes from outside. Overrun is sticky: read a whole form, ask once at the end.
///
/// Numbers are in network order. After an overrun every read gives zeros. Borrows the bytes; copies nothing.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace anabranch::wire {

class Reader {
 public:
  constexpr explicit Reader(std::span<const std::uint8_t> bytes) : rest_{bytes} {}

  constexpr std::uint8_t u8() { return number<std::uint8_t>(); }
  constexpr std::uint16_t u16() { return number<std::uint16_t>(); }
  constexpr std::uint32_t u32() { return number<std::uint32_t>(); }
  constexpr std::uint64_t u64() { return number<std::uint64_t>(); }
  /// The next `n` bytes; empty (and failed) when fewer are left.
  constexpr std::span<const std::uint8_t> take(std::size_t n) {
    if (n > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto head = rest_.first(n);
    rest_ = rest_.subspan(n);
    return head;
  }
  constexpr void skip(std::size_t n) { take(n); }
  constexpr std::span<const std::uint8_t> rest() const { return rest_; }
  constexpr std::size_t left() const { return rest_.size(); }
  constexpr bool ok() const { return !failed_; }
  /// All read, nothing missing: the length was exactly right.
  constexpr bool exhausted() const { return !failed_ && rest_.empty(); }

 private:
  template <class Word>
  constexpr Word number() {
    const auto bytes = take(sizeof(Word));
    if (bytes.empty()) { return 0; }
    Word n = 0;
    if consteval {
      for (const std::uint8_t b : bytes) { n = static_cast<Word>(std::uint64_t{n} << 8 | b); }
    } else {  // one load and one swap
      std::memcpy(&n, bytes.data(), sizeof n);
      if constexpr (std::endian::native == std::endian::little) { n = std::byteswap(n); }
    }
    return n;
  }

  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};
}  // namespace anabranch::wire
