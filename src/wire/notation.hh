/// The one notation for a segment, read by scripts and written by traces, reports and test failures.
///
///     P. 1:11(10) ack 1 win 256 <TS val 1 ecr 2, dss ack=1 map=1:1+10>
///
/// Parsing what was formatted gives the same values; formatting what was parsed gives the same text if it was in
/// canonical form. Numbers are relative to `Origins`; with none given they are as on the wire. docs/notation.md
#pragma once
#include "base/seq.hh"
#include "wire/mptcp_option.hh"
#include "wire/tcp_header.hh"
#include "wire/tcp_option.hh"

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace anabranch::wire {

/// A segment without its payload's bytes: what a line of notation says.
struct SegmentLine {
  TcpFlags flags;
  SeqNum seq;
  std::uint32_t payload = 0;            ///< bytes of data
  SeqNum ack;                           ///< written only with the ACK flag; else 0 after parsing
  std::optional<std::uint16_t> window;  ///< absent in a script: any
  TcpOptions tcp;
  MptcpOptions mptcp;
  bool operator==(const SegmentLine&) const = default;
};

/// What the numbers of one direction count from, seen from the segment's sender.
struct Origins {
  SeqNum seq;        ///< the sender's ISN
  SeqNum ack;        ///< its peer's ISN: for ack and SACK blocks
  DataSeq data;      ///< the sender's IDSN: for mappings
  DataSeq data_ack;  ///< its peer's IDSN: for DATA_ACK and MP_FAIL
  constexpr bool operator==(const Origins&) const = default;
  constexpr Origins reversed() const { return {ack, seq, data_ack, data}; }
};

/// Looks up a name used in place of a number (`key=A`): keys, tokens, nonces, MACs, checksums. None: not known.
using Symbols = std::function<std::optional<std::uint64_t>(std::string_view name)>;

struct NotationError {
  std::size_t at = 0;  ///< offset in the text
  std::string what;    ///< what was expected there
};

std::expected<SegmentLine, NotationError> parse_notation(std::string_view text, const Origins& origins = {},
                                                         const Symbols& symbols = {});
std::string format_notation(const SegmentLine& line, const Origins& origins = {});
/// The text of a single option, as it stands between `<` and `>`.
std::string format_option(const MptcpOption& option, const Origins& origins = {});

/// Whether `seen`, in canonical form, is what `expected` says. Both are compared word by word; in `expected` the
/// window may be left out, and `*` stands for any value up to the end of the word (`mac=*`). An option list that is
/// left out altogether means: no options; `<*>` means any options.
bool matches_notation(std::string_view expected, std::string_view seen);

SegmentLine line_of(const TcpHeader& header, std::uint32_t payload);
}  // namespace anabranch::wire
