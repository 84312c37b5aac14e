/// MPTCP options: bytes to values and back, every form of RFC 8684 and RFC 6824 in every length it may have.
///
/// A form is known by subtype, exact length and, where the two versions differ, one nibble of its third byte; none is
/// ambiguous beyond that, so no context is needed. Wrong length or subtype gives `Unknown`, which receivers count and
/// ignore. Reserved bits are ignored and written as 0.
#pragma once
#include "wire/mptcp_option.hh"
#include "wire/writer.hh"

#include <cstddef>
#include <cstdint>
#include <span>

namespace anabranch::wire {

inline constexpr std::uint8_t kMptcpKind = 30;  // IANA TCP option kind, RFC 8684 §8.1

enum class Subtype : std::uint8_t {  // RFC 8684 §8.2
  mp_capable = 0,
  mp_join = 1,
  dss = 2,
  add_addr = 3,
  remove_addr = 4,
  mp_prio = 5,
  mp_fail = 6,
  mp_fastclose = 7,
  mp_tcprst = 8,
};

/// Which bits of MP_CAPABLE's flags are kept without a meaning: D to G, in version 0 C to G.
constexpr std::uint8_t unknown_capable_flags(std::uint8_t version) { return version == 0 ? 0x3e : 0x1e; }

/// `option`: the whole option, kind and length bytes included, as long as its length byte says. Total: never fails.
MptcpOption parse_mptcp(std::span<const std::uint8_t> option);

/// Bytes of the option as `write_mptcp` writes it, kind and length included, no padding.
std::size_t written_size(const MptcpOption& option);
/// The sum over all options, no padding.
std::size_t written_size(const MptcpOptions& options);
/// `Unknown` is written as its subtype followed by zeros, to its length (at least 3).
void write_mptcp(Writer& out, const MptcpOption& option);
}  // namespace anabranch::wire
