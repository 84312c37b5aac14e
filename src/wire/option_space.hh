/// Forty bytes of TCP options, many wishes: the packing rule, in one place.
///
/// Order and padding are Linux's: `mss, sackOK, TS, nop, wscale, fast open, nop, nop, user timeout`, then `nop, nop,
/// SACK`, then the MPTCP options without padding between them, then NOPs up to four bytes. When space is short SACK
/// blocks give way, the last one first; no other option does: whoever adds one asks for room first (RFC 8684 §4,
/// RFC 2018 §3).
#pragma once
#include "wire/mptcp_option.hh"
#include "wire/tcp_option.hh"
#include "wire/writer.hh"

#include <cstddef>

namespace anabranch::wire {

inline constexpr std::size_t kOptionSpace = 40;  ///< RFC 9293 §3.1: 15 words of header less 5

/// What TCP's own options take, without SACK blocks; a multiple of four.
std::size_t size_without_sack(const TcpOptions& tcp);
/// How many bytes of MPTCP options, unpadded, may stand beside TCP's options if no SACK block does. A multiple of four.
std::size_t room_for_mptcp(const TcpOptions& tcp);
/// How many SACK blocks (0 to 4) still fit beside everything else.
std::size_t room_for_sack(const TcpOptions& tcp, const MptcpOptions& mptcp);
/// Whether everything but SACK blocks fits. What does not fit must not be written.
bool options_fit(const TcpOptions& tcp, const MptcpOptions& mptcp);
/// The size of what `write_options` writes: a multiple of four, at most kOptionSpace.
std::size_t options_size(const TcpOptions& tcp, const MptcpOptions& mptcp);
/// Writes all options, padded, with as many of the SACK blocks as fit. Broken invariant unless `options_fit`.
void write_options(Writer& out, const TcpOptions& tcp, const MptcpOptions& mptcp);
}  // namespace anabranch::wire
