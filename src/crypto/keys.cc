#include "crypto/keys.hh"

#include "crypto/hmac.hh"
#include "wire/reader.hh"
#include "wire/writer.hh"

#include <algorithm>

namespace anabranch::crypto {
namespace {

template <class... Numbers>
auto in_network_order(Numbers... numbers) {
  Secret<std::array<std::uint8_t, (sizeof(Numbers) + ...)>> bytes;
  wire::Writer out{bytes.get()};
  const auto write = [&](auto n) {
    if constexpr (sizeof n == 8) {
      out.u64(n);
    } else {
      out.u32(n);
    }
  };
  (write(numbers), ...);
  return bytes;
}

std::uint64_t first_word(std::span<const std::uint8_t> digest) { return wire::Reader{digest}.u64(); }
std::uint64_t last_word(std::span<const std::uint8_t> digest) { return wire::Reader{digest.last(8)}.u64(); }

/// Calls `use` with the hash of the key that the version asks for.
template <class Use>
auto with_hash(wire::Key key, wire::Version version, Use use) {
  const auto bytes = in_network_order(key.raw);
  return version == wire::Version::v0 ? use(std::span<const std::uint8_t>{sha1(bytes.get())})
                                      : use(std::span<const std::uint8_t>{sha256(bytes.get())});
}

template <class Use>
auto with_join_mac(const JoinParty& sender, const JoinParty& receiver, wire::Version version, Use use) {
  const auto key = in_network_order(sender.key.raw, receiver.key.raw);
  const auto message = in_network_order(sender.nonce, receiver.nonce);
  return version == wire::Version::v0 ? use(std::span<const std::uint8_t>{hmac_sha1(key.get(), message.get())})
                                      : use(std::span<const std::uint8_t>{hmac_sha256(key.get(), message.get())});
}
}  // namespace

wire::Token token_of(wire::Key key, wire::Version version) {
  return with_hash(key, version, [](auto digest) { return wire::Token{wire::Reader{digest}.u32()}; });
}

DataSeq idsn_of(wire::Key key, wire::Version version) {
  return with_hash(key, version, [](auto digest) { return DataSeq{last_word(digest)}; });
}

std::uint64_t join_syn_ack_mac(const JoinParty& sender, const JoinParty& receiver, wire::Version version) {
  return with_join_mac(sender, receiver, version, [](auto mac) { return first_word(mac); });
}

std::array<std::uint8_t, 20> join_ack_mac(const JoinParty& sender, const JoinParty& receiver, wire::Version version) {
  return with_join_mac(sender, receiver, version, [](auto mac) {
    std::array<std::uint8_t, 20> out{};
    std::copy_n(mac.begin(), out.size(), out.begin());
    return out;
  });
}

std::uint64_t add_addr_mac(wire::Key sender, wire::Key receiver, wire::AddressId id, const Address& address,
                           std::uint16_t port) {
  std::array<std::uint8_t, 1 + 16 + 2> buffer{};
  wire::Writer message{buffer};
  message.u8(id.raw);
  message.bytes(address.bytes());
  message.u16(port);
  return last_word(hmac_sha256(in_network_order(sender.raw, receiver.raw).get(), message.written()));
}

std::uint64_t add_addr_mac(wire::Key sender, wire::Key receiver, const wire::AddAddr& option) {
  return add_addr_mac(sender, receiver, option.id, option.address, option.port.value_or(0));
}
}  // namespace anabranch::crypto
