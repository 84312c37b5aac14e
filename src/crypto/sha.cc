#include "crypto/sha.hh"

#include "base/check.hh"

#include <openssl/evp.h>

namespace anabranch::crypto {
namespace {

/// Fetching an algorithm walks OpenSSL's providers and takes locks: once a process, not once a call.
template <class Digest>
Digest digest_with(EVP_MD* algorithm, std::span<const std::uint8_t> message) {
  Digest out;
  unsigned size = 0;
  const int done = EVP_Digest(message.data(), message.size(), out.data(), &size, algorithm, nullptr);
  ANABRANCH_CHECK(done == 1 && size == out.size());
  return out;
}
}  // namespace

Sha256 sha256(std::span<const std::uint8_t> message) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  ANABRANCH_CHECK(algorithm != nullptr);
  return digest_with<Sha256>(algorithm, message);
}

Sha1 sha1(std::span<const std::uint8_t> message) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  ANABRANCH_CHECK(algorithm != nullptr);
  return digest_with<Sha1>(algorithm, message);
}
}  // namespace anabranch::crypto
