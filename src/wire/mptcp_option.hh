/// MPTCP options as values: one struct per form on the wire, one variant over them all (RFC 8684 §3, §8).
///
/// The forms of version 1, and those that only version 0 has (RFC 6824 §3): `AddAddrV0`, `PrioOfAddress`, a key on the
/// SYN. A field that may be absent is an optional; nothing here depends on a flag's meaning elsewhere. Which forms a
/// connection takes, its dialect says (mptcp/dialect.hh). Parsing and writing: wire/mptcp_codec.hh.
#pragma once
#include "base/address.hh"
#include "base/names.hh"
#include "base/seq.hh"

#include <array>
#include <boost/container/small_vector.hpp>
#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <optional>
#include <variant>

namespace anabranch::wire {

enum class Version : std::uint8_t { v0 = 0, v1 = 1 };
struct Key {
  std::uint64_t raw = 0;  ///< as a number in network order: the first byte on the wire is the highest
  constexpr bool operator==(const Key&) const = default;
};
struct Token {
  std::uint32_t raw = 0;
  constexpr auto operator<=>(const Token&) const = default;
};
struct AddressId {
  std::uint8_t raw = 0;
  constexpr auto operator<=>(const AddressId&) const = default;
};

/// What MP_CAPABLE says besides keys (RFC 8684 §3.1, flags A to H). `version` is the number as it came: the
/// receiver judges. Version 0 has no C of its own (RFC 6824 §3.1): there it is one of the unknown flags.
struct CapableFlags {
  std::uint8_t version = 1;
  bool checksum = false;           ///< A
  bool extensibility = false;      ///< B: must be refused when set
  bool no_more_to_this = false;    ///< C: do not open further subflows to the source address
  std::uint8_t unknown_flags = 0;  ///< D to G, as bits 4..1 of the flags byte; in version 0 C too, as bit 5
  bool hmac = true;                ///< H: the version's HMAC, SHA-256; in version 0 SHA-1
  constexpr bool operator==(const CapableFlags&) const = default;
};
struct CapableSyn {  ///< 4 bytes: no key on a v1 SYN
  CapableFlags flags;
  constexpr bool operator==(const CapableSyn&) const = default;
};
struct CapableKey {  ///< 12 bytes: SYN/ACK; in version 0 the SYN too (RFC 6824 §3.1)
  CapableFlags flags;
  Key sender;
  constexpr bool operator==(const CapableKey&) const = default;
};
struct CapableAck {  ///< 20 bytes: third ACK without data
  CapableFlags flags;
  Key sender, receiver;
  constexpr bool operator==(const CapableAck&) const = default;
};
struct CapableData {  ///< 22 or 24 bytes: third ACK with data; implies the mapping of the first byte
  CapableFlags flags;
  Key sender, receiver;
  std::uint16_t length = 0;
  std::optional<std::uint16_t> checksum;
  constexpr bool operator==(const CapableData&) const = default;
};
struct JoinSyn {  ///< 12 bytes (§3.2)
  bool backup = false;
  AddressId id;
  Token token;
  std::uint32_t nonce = 0;
  constexpr bool operator==(const JoinSyn&) const = default;
};
struct JoinSynAck {  ///< 16 bytes
  bool backup = false;
  AddressId id;
  std::uint64_t mac = 0;  ///< leftmost 64 bits of the HMAC
  std::uint32_t nonce = 0;
  constexpr bool operator==(const JoinSynAck&) const = default;
};
struct JoinAck {  ///< 24 bytes
  std::array<std::uint8_t, 20> mac{};
  constexpr bool operator==(const JoinAck&) const = default;
};

/// A DSN or DATA_ACK as sent: all 64 bits, or the low 32.
struct DataSeqForm {
  std::uint64_t bits = 0;
  bool wide = true;
  constexpr bool operator==(const DataSeqForm&) const = default;
};
struct Mapping {
  DataSeqForm data;
  std::uint32_t subflow = 0;  ///< relative to the subflow's ISN: the low 32 bits of a SubPos; 0 for DATA_FIN alone
  std::uint16_t length = 0;   ///< 0: infinite mapping (§3.7)
  std::optional<std::uint16_t> checksum;
  constexpr bool operator==(const Mapping&) const = default;
};
struct Dss {  ///< §3.3: DATA_ACK, mapping, DATA_FIN, each optional
  std::optional<DataSeqForm> ack;
  std::optional<Mapping> map;
  bool data_fin = false;
  constexpr bool operator==(const Dss&) const = default;
};
struct AddAddr {  ///< §3.4.1, version 1; an echo has no mac
  bool echo = false;
  AddressId id;
  Address address;
  std::optional<std::uint16_t> port;
  std::optional<std::uint64_t> mac;  ///< rightmost 64 bits of the HMAC
  constexpr bool operator==(const AddAddr&) const = default;
};
struct AddAddrV0 {  ///< RFC 6824 §3.4.1: neither MAC nor echo; says the version of IP
  AddressId id;
  Address address;
  std::optional<std::uint16_t> port;
  constexpr bool operator==(const AddAddrV0&) const = default;
};
struct RemoveAddr {  ///< §3.4.2
  boost::container::static_vector<AddressId, 36> ids;
  bool operator==(const RemoveAddr&) const = default;
};
struct Prio {  ///< §3.3.8: applies to the subflow it arrives on
  bool backup = false;
  constexpr bool operator==(const Prio&) const = default;
};
struct PrioOfAddress {  ///< RFC 6824 §3.3.8, version 0 only: applies to all subflows that use the sender's address
  bool backup = false;
  AddressId id;
  constexpr bool operator==(const PrioOfAddress&) const = default;
};
struct Fail {  ///< §3.7
  std::uint64_t data = 0;
  constexpr bool operator==(const Fail&) const = default;
};
struct FastClose {  ///< §3.5
  Key receiver;
  constexpr bool operator==(const FastClose&) const = default;
};
/// MP_TCPRST's reasons (§3.6, IANA registry). Other values are kept as numbers.
enum class ResetReason : std::uint8_t {
  unspecified = 0,
  mptcp_error = 1,
  lack_of_resources = 2,
  administratively_prohibited = 3,
  too_much_outstanding_data = 4,
  unacceptable_performance = 5,
  middlebox_interference = 6,
};
struct Reset {
  bool transient = false;
  std::uint8_t unknown_flags = 0;  ///< U, V, W as bits 3..1
  ResetReason reason = ResetReason::unspecified;
  constexpr bool operator==(const Reset&) const = default;
};
/// A subtype we do not know, or a known one in a form neither RFC defines: ignored and counted.
struct Unknown {
  std::uint8_t subtype = 0;
  std::uint8_t length = 0;  ///< whole option, kind and length included
  constexpr bool operator==(const Unknown&) const = default;
};

using MptcpOption = std::variant<CapableSyn, CapableKey, CapableAck, CapableData, JoinSyn, JoinSynAck, JoinAck, Dss,
                                 AddAddr, AddAddrV0, RemoveAddr, Prio, PrioOfAddress, Fail, FastClose, Reset, Unknown>;

/// The MPTCP options of one segment, in the order in which they came or shall go. Forty bytes hold at most 13.
using MptcpOptions = boost::container::small_vector<MptcpOption, 2>;

template <class Form>
const Form* find(const MptcpOptions& options) {
  for (const MptcpOption& option : options) {
    if (const Form* form = std::get_if<Form>(&option)) { return form; }
  }
  return nullptr;
}
}  // namespace anabranch::wire

template <>
struct anabranch::Names<anabranch::wire::ResetReason> {
  static constexpr std::string_view list[] = {"unspecified",
                                              "mptcp_error",
                                              "lack_of_resources",
                                              "administratively_prohibited",
                                              "too_much_outstanding_data",
                                              "unacceptable_performance",
                                              "middlebox_interference"};
};
