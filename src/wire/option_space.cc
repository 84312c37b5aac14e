#include "wire/option_space.hh"

#include "base/check.hh"
#include "wire/mptcp_codec.hh"

#include <algorithm>

namespace anabranch::wire {
namespace {

constexpr std::uint8_t kNop = 1, kMss = 2, kWindowScale = 3, kSackPermitted = 4, kSack = 5, kTimestamps = 8,
                       kUserTimeout = 28, kFastOpen = 34;  // IANA
constexpr std::size_t kSackBlockSize = 8;
constexpr std::size_t kSackOverhead = 4;  // two NOPs, kind, length

std::size_t padded(std::size_t n) { return (n + 3) / 4 * 4; }

std::size_t sack_size(std::size_t blocks) { return blocks == 0 ? 0 : kSackOverhead + blocks * kSackBlockSize; }

void write_nops(Writer& out, std::size_t n) { out.fill(kNop, n); }

void write_sack_permitted(Writer& out) {
  out.u8(kSackPermitted);
  out.u8(2);
}

void write_timestamps(Writer& out, const Timestamps& t) {
  out.u8(kTimestamps);
  out.u8(10);
  out.u32(t.value);
  out.u32(t.echo);
}

/// SACK-permitted and timestamps make up three words together; each alone is padded in front.
void write_sack_permitted_and_timestamps(Writer& out, const TcpOptions& tcp) {
  if (tcp.sack_permitted != tcp.timestamps.has_value()) { write_nops(out, 2); }
  if (tcp.sack_permitted) { write_sack_permitted(out); }
  if (tcp.timestamps) { write_timestamps(out, *tcp.timestamps); }
}

void write_fast_open(Writer& out, const FastOpen& option) {
  const std::size_t size = 2 + option.cookie.size();
  out.u8(kFastOpen);
  out.u8(static_cast<std::uint8_t>(size));
  out.bytes(option.cookie);
  write_nops(out, padded(size) - size);  // [9293-MUST-69]
}

void write_user_timeout(Writer& out, const UserTimeout& t) {
  out.u8(kUserTimeout);
  out.u8(4);
  out.u16(static_cast<std::uint16_t>((t.minutes ? 1u << 15 : 0u) | (t.value & UserTimeout::kLargest)));
}

void write_sack(Writer& out, const TcpOptions& tcp, std::size_t blocks) {  // [9293-MUST-68]
  if (blocks == 0) { return; }
  write_nops(out, 2);
  out.u8(kSack);
  out.u8(static_cast<std::uint8_t>(2 + blocks * kSackBlockSize));
  for (std::size_t i = 0; i < blocks; ++i) {
    out.u32(tcp.sack[i].left.raw);
    out.u32(tcp.sack[i].right.raw);
  }
}
}  // namespace

std::size_t size_without_sack(const TcpOptions& tcp) {
  std::size_t size = 0;
  if (tcp.mss) { size += 4; }
  if (tcp.timestamps) {
    size += 12;
  } else if (tcp.sack_permitted) {
    size += 4;
  }
  if (tcp.window_scale) { size += 4; }
  if (tcp.fast_open) { size += padded(2 + tcp.fast_open->cookie.size()); }
  if (tcp.user_timeout) { size += 4; }
  return size;
}

std::size_t room_for_mptcp(const TcpOptions& tcp) {
  const std::size_t taken = size_without_sack(tcp);
  return taken < kOptionSpace ? kOptionSpace - taken : 0;
}

std::size_t room_for_sack(const TcpOptions& tcp, const MptcpOptions& mptcp) {
  const std::size_t taken = size_without_sack(tcp) + padded(written_size(mptcp)) + kSackOverhead;
  if (taken >= kOptionSpace) { return 0; }
  return std::min((kOptionSpace - taken) / kSackBlockSize, tcp.sack.capacity());
}

bool options_fit(const TcpOptions& tcp, const MptcpOptions& mptcp) {
  return size_without_sack(tcp) + padded(written_size(mptcp)) <= kOptionSpace;
}

std::size_t options_size(const TcpOptions& tcp, const MptcpOptions& mptcp) {
  const std::size_t blocks = tcp.sack.empty() ? 0 : std::min(tcp.sack.size(), room_for_sack(tcp, mptcp));
  return size_without_sack(tcp) + sack_size(blocks) + padded(written_size(mptcp));
}

void write_options(Writer& out, const TcpOptions& tcp, const MptcpOptions& mptcp) {
  const std::size_t mptcp_size = written_size(mptcp);
  ANABRANCH_CHECK(options_fit(tcp, mptcp));
  if (tcp.mss) {
    out.u8(kMss);
    out.u8(4);
    out.u16(*tcp.mss);
  }
  write_sack_permitted_and_timestamps(out, tcp);
  if (tcp.window_scale) {
    write_nops(out, 1);
    out.u8(kWindowScale);
    out.u8(3);
    out.u8(*tcp.window_scale);
  }
  if (tcp.fast_open) { write_fast_open(out, *tcp.fast_open); }
  if (tcp.user_timeout) { write_user_timeout(out, *tcp.user_timeout); }
  if (!tcp.sack.empty()) { write_sack(out, tcp, std::min(tcp.sack.size(), room_for_sack(tcp, mptcp))); }
  for (const MptcpOption& option : mptcp) { write_mptcp(out, option); }
  write_nops(out, padded(mptcp_size) - mptcp_size);
}
}  // namespace anabranch::wire
