/// What MPTCP derives from its keys: tokens, initial data sequence numbers, MACs (RFC 8684 §3.1, §3.2, §3.4.1).
///
/// Version 0 (RFC 6824) uses SHA-1 in the same places and has no MAC in ADD_ADDR. Everywhere "sender" is the one who
/// sends the message that carries the MAC. Compare MACs with crypto/equal.hh.
#pragma once
#include "base/address.hh"
#include "base/seq.hh"
#include "crypto/wipe.hh"
#include "wire/mptcp_option.hh"

#include <array>
#include <cstdint>

namespace anabranch::crypto {

// [8684-3.1-25 8684-3.1-27]
/// The first 32 bits of the key's hash.
wire::Token token_of(wire::Key key, wire::Version version = wire::Version::v1);
// [8684-3.1-26 8684-3.1-28]
/// The last 64 bits of the key's hash. The first byte of data has this number plus one.
DataSeq idsn_of(wire::Key key, wire::Version version = wire::Version::v1);

struct JoinParty {
  wire::Key key;            ///< from the connection's MP_CAPABLE
  std::uint32_t nonce = 0;  ///< from this join's SYN or SYN/ACK
  ~JoinParty() { wipe(&key, sizeof key); }
};
/// MP_JOIN on SYN/ACK: the leftmost 64 bits. `sender` is the one who sends the SYN/ACK.
std::uint64_t join_syn_ack_mac(const JoinParty& sender, const JoinParty& receiver,
                               wire::Version version = wire::Version::v1);
/// MP_JOIN on the third ACK: the leftmost 160 bits. `sender` is the one who sends that ACK.
std::array<std::uint8_t, 20> join_ack_mac(const JoinParty& sender, const JoinParty& receiver,
                                          wire::Version version = wire::Version::v1);
/// ADD_ADDR: the rightmost 64 bits over id, address and port (0 when the option carries none).
std::uint64_t add_addr_mac(wire::Key sender, wire::Key receiver, wire::AddressId id, const Address& address,
                           std::uint16_t port);
/// The same from the option itself.
std::uint64_t add_addr_mac(wire::Key sender, wire::Key receiver, const wire::AddAddr& option);
}  // namespace anabranch::crypto
