// The AVX2 way to sum. Each 32-bit number is widened to 64 bits by splitting even and odd lanes, so that no carry is
// ever lost: 2^32 additions fit into a lane, far beyond any buffer.
#include "wire/checksum.hh"

#if defined(__x86_64__)
#include <cstring>
#include <immintrin.h>

namespace anabranch::wire::detail {
namespace {

#define ANABRANCH_AVX2 __attribute__((target("avx2")))

struct Lanes {
  __m256i low, high;
};

ANABRANCH_AVX2 inline void add(Lanes& lanes, __m256i words) {
  const __m256i mask = _mm256_set1_epi64x(0xffffffff);
  lanes.low = _mm256_add_epi64(lanes.low, _mm256_and_si256(words, mask));
  lanes.high = _mm256_add_epi64(lanes.high, _mm256_srli_epi64(words, 32));
}

ANABRANCH_AVX2 inline std::uint64_t total(const Lanes& a, const Lanes& b) {
  const __m256i sum = _mm256_add_epi64(_mm256_add_epi64(a.low, a.high), _mm256_add_epi64(b.low, b.high));
  alignas(32) std::uint64_t lane[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lane), sum);
  return lane[0] + lane[1] + lane[2] + lane[3];
}

std::uint16_t fold(std::uint64_t sum) {
  for (int i = 0; i < 4; ++i) { sum = (sum & 0xffffu) + (sum >> 16); }
  return static_cast<std::uint16_t>(sum);
}

inline std::uint32_t tail(const std::uint8_t* from, std::size_t n, std::uint64_t& sum) {
  for (; n >= 4; from += 4, n -= 4) {
    std::uint32_t word;
    std::memcpy(&word, from, 4);
    sum += word;
  }
  std::uint32_t rest = 0;
  if (n != 0) { std::memcpy(&rest, from, n); }  // an empty span's pointer may be null
  return rest;
}
}  // namespace

ANABRANCH_AVX2 std::uint16_t sum_avx2(const std::uint8_t* from, std::size_t n) {
  Lanes a{_mm256_setzero_si256(), _mm256_setzero_si256()}, b = a;
  for (; n >= 64; from += 64, n -= 64) {
    add(a, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    add(b, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32)));
  }
  std::uint64_t sum = total(a, b);
  sum += tail(from, n, sum);
  return fold(sum);
}

ANABRANCH_AVX2 std::uint16_t copy_sum_avx2(const std::uint8_t* from, std::uint8_t* to, std::size_t n) {
  Lanes a{_mm256_setzero_si256(), _mm256_setzero_si256()}, b = a;
  for (; n >= 64; from += 64, to += 64, n -= 64) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32), y);
    add(a, x);
    add(b, y);
  }
  std::uint64_t sum = total(a, b);
  const std::uint64_t rest = tail(from, n, sum);
  if (n != 0) { std::memcpy(to, from, n); }
  return fold(sum + rest);
}
}  // namespace anabranch::wire::detail
#endif
