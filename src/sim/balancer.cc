#include "sim/balancer.hh"

#include <cstdint>

namespace anabranch::sim {
namespace {
constexpr std::uint64_t kOffset = 0xcbf29ce484222325u, kPrime = 0x100000001b3u;  // FNV-1a
constexpr std::uint64_t kFinish = 0xff51afd7ed558ccdu;                           // MurmurHash3's finalizer
}  // namespace

std::size_t Balancer::server_of(const Addresses& flow) const {
  std::uint64_t hash = kOffset;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * kPrime; };
  for (const SocketAddress& end : {flow.local, flow.remote}) {
    for (const std::uint8_t byte : end.address.raw) { mix(byte); }
    mix(static_cast<std::uint8_t>(end.port >> 8));
    mix(static_cast<std::uint8_t>(end.port));
  }
  // The low bits of such a hash know only of the low bits of what went in: one more round brings the others down.
  hash = (hash ^ hash >> 33) * kFinish;
  return static_cast<std::size_t>((hash ^ hash >> 33) % servers_);
}
}  // namespace anabranch::sim
