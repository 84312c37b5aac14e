/// Machines on the path that take Multipath TCP's options away, as found in the wild (RFC 8684 §3.7, RFC 6181).
///
/// A `Middlebox` sits at the entry of a link (Link::set_middlebox) and sees each frame before any fault. Options are
/// overwritten with NOPs in a copy of the header; the frame leaves with a pending checksum, which the pipe completes.
#pragma once
#include "sim/duplex.hh"
#include "wire/mptcp_option.hh"
#include "wire/tcp_option.hh"

#include <functional>
#include <string_view>

namespace anabranch::sim {

/// Whether this option of a segment with these flags is taken away.
using OptionFilter = std::function<bool(const wire::MptcpOption& option, const wire::TcpFlags& flags)>;

/// `pool` must outlive the middlebox.
Middlebox strip_options(SlabPool& pool, OptionFilter which);

/// Middleboxes by name, for scenarios.
enum class Meddling : std::uint8_t {
  none,
  strip_all,         ///< every option of Multipath TCP
  strip_syn_ack,     ///< those of SYN/ACKs: the client hears of plain TCP, the server of nothing
  strip_after_syn,   ///< those of everything but SYNs: both ends believe in it until data flows
  strip_join,        ///< MP_JOIN
  strip_add_addr,    ///< ADD_ADDR
  drop_capable_syn,  ///< SYNs with MP_CAPABLE vanish
};
Middlebox make_middlebox(Meddling meddling, SlabPool& pool);
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Meddling> {
  static constexpr std::string_view list[] = {"none",       "strip_all",      "strip_syn_ack",   "strip_after_syn",
                                              "strip_join", "strip_add_addr", "drop_capable_syn"};
};
