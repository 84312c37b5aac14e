/// A cursor that writes numbers in network order into a given buffer. Overrun is sticky and writes nothing.
///
/// Borrows the buffer. `written()` is what is complete so far; `room()` is for those who fill bytes themselves.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace anabranch::wire {

class Writer {
 public:
  constexpr explicit Writer(std::span<std::uint8_t> buffer) : buffer_{buffer} {}

  constexpr void u8(std::uint8_t n) { number(n); }
  constexpr void u16(std::uint16_t n) { number(n); }
  constexpr void u32(std::uint32_t n) { number(n); }
  constexpr void u64(std::uint64_t n) { number(n); }
  constexpr void bytes(std::span<const std::uint8_t> from) {
    const auto to = claim(from.size());
    std::copy_n(from.begin(), to.size(), to.begin());
  }
  constexpr void fill(std::uint8_t value, std::size_t n) { std::ranges::fill(claim(n), value); }
  /// The next `n` bytes, now counted as written, to be filled by the caller; empty when there is no room.
  constexpr std::span<std::uint8_t> room(std::size_t n) { return claim(n); }
  constexpr std::size_t size() const { return used_; }
  constexpr std::size_t left() const { return buffer_.size() - used_; }
  constexpr std::span<std::uint8_t> written() const { return buffer_.first(used_); }
  constexpr bool ok() const { return !failed_; }

 private:
  constexpr std::span<std::uint8_t> claim(std::size_t n) {
    if (failed_ || n > left()) {
      failed_ = true;
      return {};
    }
    used_ += n;
    return buffer_.subspan(used_ - n, n);
  }
  template <class Word>
  constexpr void number(Word n) {
    const auto bytes = claim(sizeof n);
    if (bytes.empty()) { return; }
    if consteval {
      std::size_t shift = 8 * sizeof n;
      for (std::uint8_t& b : bytes) { b = static_cast<std::uint8_t>(n >> (shift -= 8)); }
    } else {  // one swap and one store
      if constexpr (std::endian::native == std::endian::little) { n = std::byteswap(n); }
      std::memcpy(bytes.data(), &n, sizeof n);
    }
  }

  std::span<std::uint8_t> buffer_;
  std::size_t used_ = 0;
  bool failed_ = false;
};
}  // namespace anabranch::wire
