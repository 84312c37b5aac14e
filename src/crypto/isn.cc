#include "crypto/isn.hh"

namespace anabranch::crypto {
namespace {

void add(SipHash& hash, const Address& address) {
  std::uint64_t words[2] = {};
  for (std::size_t i = 0; i < address.raw.size(); ++i) { words[i / 8] |= std::uint64_t{address.raw[i]} << 8 * (i % 8); }
  hash.word(words[0]);
  if (address.family == Family::v6) { hash.word(words[1]); }
}
}  // namespace

std::uint64_t tuple_hash(const SipKey& key, const SocketAddress& local, const SocketAddress& remote) {
  SipHash hash{key};
  // Families first: without them an IPv6 pair could be made to look like other pairs.
  hash.word(std::uint64_t{local.port} | std::uint64_t{remote.port} << 16 |
            static_cast<std::uint64_t>(local.address.family) << 32 |
            static_cast<std::uint64_t>(remote.address.family) << 40);
  add(hash, local.address);
  add(hash, remote.address);
  return hash.finish();
}

// [9293-MUST-8 9293-MUST-9 9293-SHLD-1 8684-3-05]
SeqNum initial_seq(const SipKey& key, const SocketAddress& local, const SocketAddress& remote, Instant now) {
  constexpr std::int64_t kTick = 4'000;  // nanoseconds
  return {static_cast<std::uint32_t>(tuple_hash(key, local, remote)) + static_cast<std::uint32_t>(now.ns / kTick)};
}
}  // namespace anabranch::crypto
