/// RapidCheck generators for header values: every form, with every optional part present or not.
///
/// Only values that a writer may be given: what comes out can be written and, written, means the same again.
#pragma once
#include "wire/mptcp_codec.hh"
#include "wire/notation.hh"
#include "wire/option_space.hh"
#include "wire/tcp_header.hh"

#include <fmt/format.h>
#include <ostream>
#include <rapidcheck.h>

namespace anabranch::wire {

inline std::ostream& operator<<(std::ostream& out, const MptcpOption& option) { return out << format_option(option); }
inline std::ostream& operator<<(std::ostream& out, const SegmentLine& line) { return out << format_notation(line); }

namespace arbitrary {

/// Uniform in [0, n), whatever size RapidCheck is at: its own ranges start out narrow.
inline int below(int n) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); }

/// Uniform over all bit patterns, edges more often: RapidCheck's own integers start out small.
template <class Word>
Word bits() {
  const auto whole = [] {
    std::uint64_t n = 0;
    for (int i = 0; i < 8; ++i) { n = n << 8 | static_cast<unsigned>(below(256)); }
    return n;
  };
  switch (below(6)) {
    case 0: return 0;
    case 1: return static_cast<Word>(~Word{0});
    case 2: return static_cast<Word>(below(256));
    default: return static_cast<Word>(whole());
  }
}
inline bool coin() { return *rc::gen::arbitrary<bool>(); }
template <class Word>
std::optional<Word> maybe() {
  return coin() ? std::optional{bits<Word>()} : std::nullopt;
}

inline Address address() {
  Address a;
  a.family = coin() ? Family::v4 : Family::v6;
  for (std::size_t i = 0; i < a.size(); ++i) { a.raw[i] = bits<std::uint8_t>(); }
  return a;
}
/// Of a version from `lowest` on: version 0 does not have all forms, nor flag C.
inline CapableFlags capable_flags(int lowest = 0) {
  CapableFlags flags{.version = static_cast<std::uint8_t>(lowest + below(coin() ? 2 - lowest : 16 - lowest)),
                     .checksum = coin(),
                     .extensibility = coin(),
                     .no_more_to_this = coin(),
                     .unknown_flags = bits<std::uint8_t>(),
                     .hmac = coin()};
  flags.no_more_to_this = flags.no_more_to_this && flags.version != 0;
  flags.unknown_flags &= unknown_capable_flags(flags.version);
  return flags;
}
inline DataSeqForm data_seq() {
  return coin() ? DataSeqForm{bits<std::uint64_t>(), true} : DataSeqForm{bits<std::uint32_t>(), false};
}
inline Dss dss() {
  Dss dss;
  if (coin()) { dss.ack = data_seq(); }
  if (coin()) { dss.map = Mapping{data_seq(), bits<std::uint32_t>(), bits<std::uint16_t>(), maybe<std::uint16_t>()}; }
  dss.data_fin = coin();
  return dss;
}
inline AddAddr add_addr() {
  AddAddr add{
      .echo = coin(), .id = {bits<std::uint8_t>()}, .address = address(), .port = maybe<std::uint16_t>(), .mac = {}};
  if (!add.echo) { add.mac = bits<std::uint64_t>(); }
  return add;
}
inline RemoveAddr remove_addr() {
  RemoveAddr remove;
  const int count = 1 + below(36);
  for (int i = 0; i < count; ++i) { remove.ids.push_back({bits<std::uint8_t>()}); }
  return remove;
}
inline JoinAck join_ack() {
  JoinAck ack;
  for (std::uint8_t& b : ack.mac) { b = bits<std::uint8_t>(); }
  return ack;
}

/// Any form but Unknown.
inline MptcpOption option() {
  using U64 = std::uint64_t;
  switch (below(16)) {
    case 0: return CapableSyn{capable_flags(1)};
    case 1: return CapableKey{capable_flags(), {bits<U64>()}};
    case 2: return CapableAck{capable_flags(), {bits<U64>()}, {bits<U64>()}};
    case 3:
      return CapableData{capable_flags(1), {bits<U64>()}, {bits<U64>()}, bits<std::uint16_t>(), maybe<std::uint16_t>()};
    case 4: return JoinSyn{coin(), {bits<std::uint8_t>()}, {bits<std::uint32_t>()}, bits<std::uint32_t>()};
    case 5: return JoinSynAck{coin(), {bits<std::uint8_t>()}, bits<U64>(), bits<std::uint32_t>()};
    case 6: return join_ack();
    case 7: return dss();
    case 8: return add_addr();
    case 9: return remove_addr();
    case 10: return Prio{coin()};
    case 11: return Fail{bits<U64>()};
    case 12: return FastClose{{bits<U64>()}};
    case 13: return AddAddrV0{{bits<std::uint8_t>()}, address(), maybe<std::uint16_t>()};
    case 14: return PrioOfAddress{coin(), {bits<std::uint8_t>()}};
    default:
      return Reset{coin(), static_cast<std::uint8_t>(bits<std::uint8_t>() & 0x0e), static_cast<ResetReason>(below(12))};
  }
}
inline TcpFlags flags() { return flags_from_bits(bits<std::uint8_t>()); }

inline TcpOptions tcp_options() {
  TcpOptions tcp;
  tcp.mss = maybe<std::uint16_t>();
  tcp.window_scale = maybe<std::uint8_t>();
  tcp.sack_permitted = coin();
  if (coin()) { tcp.timestamps = Timestamps{bits<std::uint32_t>(), bits<std::uint32_t>()}; }
  if (below(4) == 0) { tcp.user_timeout = UserTimeout{coin(), static_cast<std::uint16_t>(1 + below(0x7fff))}; }
  if (below(4) == 0) {
    tcp.fast_open.emplace();
    const int pairs = below(8);  // of bytes; 2 would be too short a cookie
    for (int i = 0; i < 2 * (pairs == 1 ? 0 : pairs); ++i) { tcp.fast_open->cookie.push_back(bits<std::uint8_t>()); }
    if (size_without_sack(tcp) > kOptionSpace) { tcp.fast_open.reset(); }
  }
  const int blocks = below(5);
  for (int i = 0; i < blocks; ++i) { tcp.sack.push_back({{bits<std::uint32_t>()}, {bits<std::uint32_t>()}}); }
  return tcp;
}

/// A header whose options all fit, SACK blocks included.
inline TcpHeader header() {
  TcpHeader h{.source_port = bits<std::uint16_t>(),
              .destination_port = bits<std::uint16_t>(),
              .seq = {bits<std::uint32_t>()},
              .ack = {bits<std::uint32_t>()},
              .flags = flags(),
              .window = bits<std::uint16_t>(),
              .checksum = bits<std::uint16_t>(),
              .urgent = bits<std::uint16_t>(),
              .tcp = tcp_options(),
              .mptcp = {}};
  const int wished = below(4);
  for (int i = 0; i < wished; ++i) {
    h.mptcp.push_back(option());
    if (i == 0 && !options_fit(h.tcp, h.mptcp)) { h.tcp = {}; }  // or long forms would hardly ever travel
    if (!options_fit(h.tcp, h.mptcp)) { h.mptcp.pop_back(); }
  }
  while (h.tcp.sack.size() > room_for_sack(h.tcp, h.mptcp)) { h.tcp.sack.pop_back(); }
  return h;
}
}  // namespace arbitrary
}  // namespace anabranch::wire
