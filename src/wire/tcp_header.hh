/// The TCP header with all its options (RFC 9293 §3.1): bytes to value and back.
///
/// Known options of a wrong length are skipped as if absent (MPTCP ones become `Unknown`), like unknown kinds; an
/// option that breaks the structure of the list spoils the header. Order and padding of what is written:
/// wire/option_space.hh.
#pragma once
#include "base/names.hh"
#include "base/seq.hh"
#include "wire/mptcp_option.hh"
#include "wire/tcp_option.hh"
#include "wire/writer.hh"

#include <cstdint>
#include <expected>
#include <span>

namespace anabranch::wire {

struct TcpHeader {
  static constexpr std::size_t kSize = 20;  ///< without options
  static constexpr std::size_t kMaxSize = 60;
  // Where fields lie, for those who edit headers in place.
  static constexpr std::size_t kSeqAt = 4, kOffsetAt = 12, kFlagsAt = 13, kChecksumAt = 16;
  static constexpr std::uint8_t kFinBit = 0x01, kSynBit = 0x02, kRstBit = 0x04, kPshBit = 0x08, kAckBit = 0x10,
                                kUrgBit = 0x20, kEceBit = 0x40, kCwrBit = 0x80;

  std::uint16_t source_port = 0, destination_port = 0;
  SeqNum seq, ack;
  TcpFlags flags;
  std::uint16_t window = 0;  ///< as on the wire
  std::uint16_t checksum = 0;
  std::uint16_t urgent = 0;
  TcpOptions tcp;
  MptcpOptions mptcp;
  bool operator==(const TcpHeader&) const = default;
};

enum class TcpFailure : std::uint8_t {
  too_short,          ///< fewer than 20 bytes
  bad_data_offset,    ///< below 5 words, or beyond the bytes at hand
  bad_option_length,  ///< an option's length is below 2 or runs beyond the header
};

/// Parses the header at the front of `bytes` into `out` and returns how long it is; checksum not verified.
std::expected<std::size_t, TcpFailure> parse_tcp_header(std::span<const std::uint8_t> bytes, TcpHeader& out);
/// The option list alone (everything after the first 20 bytes of the header).
std::expected<void, TcpFailure> parse_options(std::span<const std::uint8_t> options, TcpOptions& tcp,
                                              MptcpOptions& mptcp);

/// How many bytes `write_tcp_header` takes, options included; a multiple of four.
std::size_t written_size(const TcpHeader& header);
/// Writes the header as it stands (checksum field included); the options must fit (option_space.hh).
void write_tcp_header(Writer& out, const TcpHeader& header);

std::uint8_t flag_bits(const TcpFlags& flags);
TcpFlags flags_from_bits(std::uint8_t bits);
}  // namespace anabranch::wire

template <>
struct anabranch::Names<anabranch::wire::TcpFailure> {
  static constexpr std::string_view list[] = {"too_short", "bad_data_offset", "bad_option_length"};
};
