#include "wire/checksum.hh"

#include "base/check.hh"

#include <array>
#include <bit>
#include <cstring>

namespace anabranch::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "network numbers are swapped unconditionally");

std::uint16_t swapped(std::uint16_t n) { return static_cast<std::uint16_t>(n << 8 | n >> 8); }

/// Below this a function call through a pointer and the vector set-up cost more than they save (headers).
constexpr std::size_t kShort = 128;

std::uint16_t sum_bytes(const std::uint8_t* from, std::size_t n) {
  static const detail::SumFunction best = detail::have_avx2() ? detail::sum_avx2 : detail::sum_portable;
  return n < kShort ? detail::sum_portable(from, n) : best(from, n);
}

std::uint16_t copy_sum_bytes(const std::uint8_t* from, std::uint8_t* to, std::size_t n) {
  static const detail::CopySumFunction best = detail::have_avx2() ? detail::copy_sum_avx2 : detail::copy_sum_portable;
  return n < kShort ? detail::copy_sum_portable(from, to, n) : best(from, to, n);
}
}  // namespace

void Sum::append(std::uint16_t native, bool odd_length) {
  // RFC 1071 §2 (B): a piece that starts at an odd place contributes with its bytes swapped.
  const std::uint32_t sum = std::uint32_t{sum_} + (odd_ ? swapped(native) : native);
  sum_ = static_cast<std::uint16_t>(sum + (sum >> 16));
  odd_ = odd_ != odd_length;
}

void Sum::add(std::span<const std::uint8_t> bytes) {
  const std::size_t n = bytes.size();
  append(sum_bytes(bytes.data(), n), n % 2 != 0);
}

void Sum::add(const Sum& next) { append(next.sum_, next.odd_); }
void Sum::add_u16(std::uint16_t n) { append(swapped(n), false); }

void Sum::add_u32(std::uint32_t n) {
  add_u16(static_cast<std::uint16_t>(n >> 16));
  add_u16(static_cast<std::uint16_t>(n));
}

void Sum::add_u64(std::uint64_t n) {
  add_u32(static_cast<std::uint32_t>(n >> 32));
  add_u32(static_cast<std::uint32_t>(n));
}

std::uint16_t Sum::folded() const { return swapped(sum_); }

Sum copy_and_sum(std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
  ANABRANCH_CHECK(to.size() >= from.size());
  Sum sum;
  sum.append(copy_sum_bytes(from.data(), to.data(), from.size()), from.size() % 2 != 0);
  return sum;
}

Sum pseudo_header_sum(const Address& source, const Address& destination, std::uint8_t protocol, std::uint32_t length) {
  Sum sum;
  sum.add(source.bytes());
  sum.add(destination.bytes());
  sum.add_u32(length);  // 16 bits in IPv4's: the upper half is then zero
  sum.add_u16(protocol);
  return sum;
}

std::uint16_t dss_checksum(std::uint64_t data_seq, std::uint32_t subflow, std::uint16_t length, const Sum& data) {
  Sum sum = data;
  if (sum.odd()) { sum.add(Sum{std::array<std::uint8_t, 1>{}}); }  // RFC 1071: padded with a zero byte
  sum.add_u64(data_seq);
  sum.add_u32(subflow);
  sum.add_u16(length);
  return sum.checksum();
}

bool dss_checksum_intact(std::uint64_t data_seq, std::uint32_t subflow, std::uint16_t length, std::uint16_t checksum,
                         const Sum& data) {
  Sum sum = data;
  if (sum.odd()) { sum.add(Sum{std::array<std::uint8_t, 1>{}}); }
  sum.add_u64(data_seq);
  sum.add_u32(subflow);
  sum.add_u16(length);
  sum.add_u16(checksum);
  return sum.intact();
}

namespace detail {
namespace {

std::uint16_t fold(std::uint64_t sum) {
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffffu) + (sum >> 16);
  return static_cast<std::uint16_t>((sum & 0xffffu) + (sum >> 16));
}

/// Adds with the carry brought round: the ones' complement sum over 64-bit words folds to that over 16-bit words.
std::uint64_t add_around(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum + (sum < a ? 1 : 0);
}

template <class Word>
std::uint64_t load(const std::uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// The last up to seven bytes, as the low bytes of a word. Loads of fixed sizes: a memcpy of `n` would be a call.
std::uint64_t load_tail(const std::uint8_t* from, std::size_t n) {
  std::uint64_t word = 0;
  unsigned shift = 0;
  if ((n & 4) != 0) {
    word = load<std::uint32_t>(from);
    from += 4;
    shift = 32;
  }
  if ((n & 2) != 0) {
    word |= load<std::uint16_t>(from) << shift;
    from += 2;
    shift += 16;
  }
  if ((n & 1) != 0) { word |= std::uint64_t{*from} << shift; }
  return word;
}

std::uint64_t sum_words(std::uint64_t sum, const std::uint8_t* from, std::size_t n) {
  for (; n >= 8; from += 8, n -= 8) { sum = add_around(sum, load<std::uint64_t>(from)); }
  return add_around(sum, load_tail(from, n));
}

std::uint64_t copy_sum_words(std::uint64_t sum, const std::uint8_t* from, std::uint8_t* to, std::size_t n) {
  for (; n >= 8; from += 8, to += 8, n -= 8) {
    const std::uint64_t word = load<std::uint64_t>(from);
    std::memcpy(to, &word, 8);
    sum = add_around(sum, word);
  }
  if (n != 0) { std::memcpy(to, from, n); }
  return add_around(sum, load_tail(from, n));
}
}  // namespace

std::uint16_t sum_portable(const std::uint8_t* from, std::size_t n) { return fold(sum_words(0, from, n)); }

std::uint16_t copy_sum_portable(const std::uint8_t* from, std::uint8_t* to, std::size_t n) {
  return fold(copy_sum_words(0, from, to, n));
}

#if defined(__x86_64__)
bool have_avx2() {
  __builtin_cpu_init();  // needed when a static initialiser asks
  return __builtin_cpu_supports("avx2") != 0;
}
#else
bool have_avx2() { return false; }
std::uint16_t sum_avx2(const std::uint8_t* from, std::size_t n) { return sum_portable(from, n); }
std::uint16_t copy_sum_avx2(const std::uint8_t* from, std::uint8_t* to, std::size_t n) {
  return copy_sum_portable(from, to, n);
}
#endif
}  // namespace detail
}  // namespace anabranch::wire
