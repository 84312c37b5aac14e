/// The dialects of MPTCP as data: what version 1 (RFC 8684) and version 0 (RFC 6824) do differently.
///
/// A connection speaks one from its first segment on: the side that connects chooses it, the other takes it from the
/// SYN (`offered`). No other file asks which version it speaks. docs/versions.md says what follows for users.
#pragma once
#include "base/seq.hh"
#include "crypto/keys.hh"
#include "wire/mptcp_option.hh"

namespace anabranch::mptcp {

struct Dialect {
  wire::Version version;
  bool keys_on_syn;          ///< both SYNs carry a key; the third ACK only repeats them (RFC 6824 §3.1)
  bool data_on_capable;      ///< the first data carries MP_CAPABLE in place of a DSS (RFC 8684 §3.1)
  bool add_addr_is_signed;   ///< an HMAC (RFC 8684 §3.4.1)
  bool add_addr_is_echoed;   ///< repeated until its echo comes; else said once on every subflow (RFC 6824 §3.4.1)
  bool stray_sum_breaks;     ///< a checksum nobody asked for breaks the subflow (RFC 8684 §3.3); else it is ignored
  bool prio_has_id;          ///< MP_PRIO may speak of an address (RFC 6824 §3.3.8)
  bool fast_close_on_reset;  ///< MP_FASTCLOSE on RSTs ends all at once; else on an ACK, answered with an RST (§3.5)
  bool resets_give_reasons;  ///< MP_TCPRST (RFC 8684 §3.6)
  wire::Token (*token_of)(wire::Key);
  DataSeq (*first_data_seq)(wire::Key);  ///< the IDSN: position 0
  std::uint64_t (*join_syn_ack_mac)(const crypto::JoinParty& sender, const crypto::JoinParty& receiver);
  std::array<std::uint8_t, 20> (*join_ack_mac)(const crypto::JoinParty& sender, const crypto::JoinParty& receiver);
};
extern const Dialect kVersion0, kVersion1;
const Dialect& dialect_of(wire::Version version);

/// Which versions a side speaks. RFC 8684 §3.1: who speaks both offers the higher one first.
enum class Versions : std::uint8_t { v0, v1, prefer_v1 };

/// The dialect in which a SYN asks for MPTCP, if that is one of ours and nothing else in its MP_CAPABLE forbids it
/// (RFC 8684 §3.1, RFC 6824 §3.1: flag B, no HMAC in common). Nothing: plain TCP.
const Dialect* offered(const wire::MptcpOptions& syn, Versions ours);
/// The flags of a SYN's MP_CAPABLE, in either version's form; nullptr where there is none.
const wire::CapableFlags* capable_flags(const wire::MptcpOptions& syn);
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Versions> {
  static constexpr std::string_view list[] = {"0", "1", "both"};
};
