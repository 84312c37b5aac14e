/// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short inputs, for tables that strangers may fill.
#pragma once
#include "base/random.hh"
#include "crypto/wipe.hh"

#include <bit>
#include <cstdint>
#include <span>

namespace anabranch::crypto {

struct SipKey {
  std::uint64_t k0 = 0, k1 = 0;
  constexpr ~SipKey() {
    if !consteval { wipe(this, sizeof *this); }
  }
  constexpr bool operator==(const SipKey&) const = default;
  static SipKey draw(Random& random) { return {.k0 = random.secret_word(), .k1 = random.secret_word()}; }
};

/// Takes 64-bit words, then at most seven bytes at the end. `word(x)` counts as the eight bytes of x, lowest first.
class SipHash {
 public:
  constexpr explicit SipHash(const SipKey& key)
      : v_{0x736f6d6570736575u ^ key.k0, 0x646f72616e646f6du ^ key.k1, 0x6c7967656e657261u ^ key.k0,
           0x7465646279746573u ^ key.k1} {}  // initial words from the paper

  constexpr SipHash& word(std::uint64_t m) {
    length_ += 8;
    compress(m);
    return *this;
  }
  constexpr std::uint64_t finish() { return finish({}); }
  constexpr std::uint64_t finish(std::span<const std::uint8_t> tail) {
    std::uint64_t last = (length_ + tail.size()) << 56;
    for (std::size_t i = 0; i < tail.size() && i < 7; ++i) { last |= std::uint64_t{tail[i]} << 8 * i; }
    compress(last);
    v_[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) { round(); }
    return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
  }

 private:
  constexpr void compress(std::uint64_t m) {
    v_[3] ^= m;
    round();
    round();
    v_[0] ^= m;
  }
  constexpr void round() {
    v_[0] += v_[1], v_[1] = std::rotl(v_[1], 13) ^ v_[0], v_[0] = std::rotl(v_[0], 32);
    v_[2] += v_[3], v_[3] = std::rotl(v_[3], 16) ^ v_[2];
    v_[0] += v_[3], v_[3] = std::rotl(v_[3], 21) ^ v_[0];
    v_[2] += v_[1], v_[1] = std::rotl(v_[1], 17) ^ v_[2], v_[2] = std::rotl(v_[2], 32);
  }

  std::uint64_t v_[4];
  std::uint64_t length_ = 0;
};

/// Of any bytes.
constexpr std::uint64_t siphash(const SipKey& key, std::span<const std::uint8_t> bytes) {
  SipHash hash{key};
  while (bytes.size() >= 8) {
    std::uint64_t m = 0;
    for (std::size_t i = 0; i < 8; ++i) { m |= std::uint64_t{bytes[i]} << 8 * i; }
    hash.word(m);
    bytes = bytes.subspan(8);
  }
  return hash.finish(bytes);
}
}  // namespace anabranch::crypto
