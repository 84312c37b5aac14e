#include "crypto/hmac.hh"

#include "base/check.hh"
#include "crypto/wipe.hh"

#include <algorithm>

namespace anabranch::crypto {
namespace {

constexpr std::size_t kBlock = 64;           // of SHA-1 and SHA-256 alike
constexpr std::size_t kLongestMessage = 64;  // ADD_ADDR needs 19 bytes, MP_JOIN 8; test vectors up to 54

/// RFC 2104 §2, over messages short enough for the stack.
template <class Digest>
Digest hmac(Digest (*hash)(std::span<const std::uint8_t>), std::span<const std::uint8_t> key,
            std::span<const std::uint8_t> message) {
  ANABRANCH_CHECK(message.size() <= kLongestMessage);
  Secret<std::array<std::uint8_t, kBlock>> block_secret;
  auto& block = block_secret.get();
  if (key.size() > kBlock) {
    std::ranges::copy(hash(key), block.begin());
  } else {
    std::ranges::copy(key, block.begin());
  }
  Secret<std::array<std::uint8_t, kBlock + kLongestMessage>> inner_secret;
  Secret<std::array<std::uint8_t, kBlock + std::tuple_size_v<Digest>>> outer_secret;
  auto& inner = inner_secret.get();
  auto& outer = outer_secret.get();
  for (std::size_t i = 0; i < kBlock; ++i) {
    inner[i] = block[i] ^ 0x36;
    outer[i] = block[i] ^ 0x5c;
  }
  std::ranges::copy(message, inner.begin() + kBlock);
  std::ranges::copy(hash(std::span{inner}.first(kBlock + message.size())), outer.begin() + kBlock);
  return hash(outer);
}
}  // namespace

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
  return hmac<Sha256>(sha256, key, message);
}

Sha1 hmac_sha1(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message) {
  return hmac<Sha1>(sha1, key, message);
}
}  // namespace anabranch::crypto
