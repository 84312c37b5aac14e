/// The dialects of MPTCP as data. No other file asks which version it speaks.
#pragma once
#include "base/seq.hh"
#include "wire/mptcp_option.hh"

namespace anabranch::mptcp {

struct Dialect {
  wire::Version version;
  bool add_addr_is_signed;   ///< an HMAC, and an echo (RFC 8684 §3.4.1)
  bool resets_give_reasons;  ///< MP_TCPRST (§3.6)
  wire::Token (*token_of)(wire::Key);
  DataSeq (*first_data_seq)(wire::Key);  ///< the IDSN: position 0
};
extern const Dialect kVersion1;
}  // namespace anabranch::mptcp
