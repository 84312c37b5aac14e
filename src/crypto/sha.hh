/// SHA-256 and SHA-1 of short messages (RFC 6234), by OpenSSL. Algorithms are looked up once in a process.
#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace anabranch::crypto {

using Sha256 = std::array<std::uint8_t, 32>;
using Sha1 = std::array<std::uint8_t, 20>;

Sha256 sha256(std::span<const std::uint8_t> message);
Sha1 sha1(std::span<const std::uint8_t> message);  ///< only for MPTCP version 0 (RFC 6824)
}  // namespace anabranch::crypto
