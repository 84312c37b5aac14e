/// HMAC (RFC 2104) with SHA-256, and with SHA-1 for MPTCP version 0; messages of at most 64 bytes, longer ones are a
/// broken invariant: everything MPTCP signs is shorter.
#pragma once
#include "crypto/sha.hh"

namespace anabranch::crypto {

Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message);
Sha1 hmac_sha1(std::span<const std::uint8_t> key, std::span<const std::uint8_t> message);
}  // namespace anabranch::crypto
