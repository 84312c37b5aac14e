#include "sim/balancer.hh"

#include <cstdint>

namespace anabranch::sim {
namespace {
constexpr std::uint64_t kOffset = 0xcbf29ce484222325u, kPrime = 0x100000001b3u;  // FNV-1a
}  // namespace

std::size_t Balancer::server_of(const Addresses& flow) const {
  std::uint64_t hash = kOffset;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * kPrime; };
  for (const SocketAddress& end : {flow.local, flow.remote}) {
    for (const std::uint8_t byte : end.address.raw) { mix(byte); }
    mix(static_cast<std::uint8_t>(end.port >> 8));
    mix(static_cast<std::uint8_t>(end.port));
  }
  return static_cast<std::size_t>((hash ^ hash >> 32) % servers_);
}
}  // namespace anabranch::sim
