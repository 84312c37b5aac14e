/// When MPTCP gives way to TCP: the rules of RFC 8684 §3.7 (and §3.3.1 for mappings) as one total function.
///
/// Callers gather evidence and obey the verdict; nobody else decides. Tested over all evidence.
#pragma once
#include "base/names.hh"

#include <cstdint>

namespace anabranch::mptcp {

enum class Finding : std::uint8_t {
  nothing,                 ///< all is well
  no_option_in_handshake,  ///< SYN, SYN/ACK or third ACK without a usable MP_CAPABLE or MP_JOIN
  no_dss_from_peer,        ///< the first packet after the handshake had none
  mapping_missing,         ///< in-order data that no mapping covers
  mapping_contradicts,     ///< a mapping against an earlier one
  checksum_wrong,          ///< DSS checksum wrong or missing
  peer_reports_failure,    ///< MP_FAIL
  infinite_mapping,        ///< the peer has fallen back
};

struct Evidence {
  Finding finding = Finding::nothing;
  bool only_subflow = true;    ///< no other subflow is alive; one that has not joined yet does not count
  bool joined = false;         ///< this subflow came by MP_JOIN
  bool in_sequence = true;     ///< every byte so far, both ways, went over this subflow in data order
  bool checksum_seen = false;  ///< at least one checksum was verified
  bool data_acked = false;     ///< data of the peer was DATA_ACKed: it counts on MPTCP, and would send bytes twice
};

enum class Verdict : std::uint8_t {
  carry_on,
  become_tcp,              ///< plain TCP from here on, in place
  fail_and_become_tcp,     ///< MP_FAIL, then an infinite mapping: this subflow goes on alone
  infinite_mapping,        ///< plain TCP for us, with an infinite mapping to say so
  fail_and_reset_subflow,  ///< MP_FAIL on the RST; the connection lives on elsewhere
  reset_subflow,
};

constexpr Verdict judge(const Evidence& e) {
  const bool alone = e.only_subflow && !e.joined && e.in_sequence;
  switch (e.finding) {
    case Finding::nothing: return Verdict::carry_on;
    case Finding::no_option_in_handshake: return e.joined ? Verdict::reset_subflow : Verdict::become_tcp;
    // The path may drop options in one direction only: the other end must hear of it (§3.7).
    // [8684-3.7-03 8684-3.7-05 8684-3.7-06]
    case Finding::no_dss_from_peer: return alone ? Verdict::infinite_mapping : Verdict::reset_subflow;
    // Options passed and do not any more: the peer must hear of it, or it would take our ACKs for a DATA_ACK that is late.
    // Once something was DATA_ACKed the path is broken (§3.3.1): it would send again what was read already (Linux does).
    case Finding::mapping_missing:
    case Finding::mapping_contradicts:
      return alone && !e.data_acked ? Verdict::fail_and_become_tcp : Verdict::reset_subflow;
    case Finding::checksum_wrong:
      if (!alone) { return Verdict::fail_and_reset_subflow; }  // [8684-3.7-09 8684-3.7-15]
      // Before any good checksum nobody can say that the path ever worked: there is nothing to report (Linux too).
      return e.checksum_seen ? Verdict::fail_and_become_tcp : Verdict::become_tcp;
    // §3.7: answered with an MP_FAIL of our own, and the end of MPTCP in both directions.
    // [8684-3.7-14]
    case Finding::peer_reports_failure: return alone ? Verdict::fail_and_become_tcp : Verdict::reset_subflow;
    case Finding::infinite_mapping: return alone ? Verdict::become_tcp : Verdict::reset_subflow;
  }
  return Verdict::reset_subflow;
}
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Finding> {
  static constexpr std::string_view list[] = {
      "nothing",        "no_option_in_handshake", "no_dss_from_peer", "mapping_missing", "mapping_contradicts",
      "checksum_wrong", "peer_reports_failure",   "infinite_mapping"};
};
template <>
struct anabranch::Names<anabranch::mptcp::Verdict> {
  static constexpr std::string_view list[] = {
      "carry_on", "become_tcp", "fail_and_become_tcp", "infinite_mapping", "fail_and_reset_subflow", "reset_subflow"};
};
