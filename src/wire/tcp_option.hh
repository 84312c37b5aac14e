/// TCP options other than MPTCP, as values: what one header carries.
#pragma once
#include "base/seq.hh"

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <optional>

namespace anabranch::wire {

struct Timestamps {  ///< RFC 7323 §3
  std::uint32_t value = 0;
  std::uint32_t echo = 0;
  constexpr bool operator==(const Timestamps&) const = default;
};
struct SackBlock {  ///< RFC 2018 §3: [left, right)
  SeqNum left, right;
  constexpr bool operator==(const SackBlock&) const = default;
};
struct TcpOptions {
  std::optional<std::uint16_t> mss;          ///< RFC 9293 §3.7.1, SYN only
  std::optional<std::uint8_t> window_scale;  ///< RFC 7323 §2, SYN only; as sent, not yet limited to 14
  bool sack_permitted = false;               ///< RFC 2018 §2, SYN only
  std::optional<Timestamps> timestamps;
  boost::container::static_vector<SackBlock, 4> sack;
  bool operator==(const TcpOptions&) const = default;
};

struct TcpFlags {
  bool fin = false, syn = false, rst = false, psh = false, ack = false, urg = false, ece = false, cwr = false;
  constexpr bool operator==(const TcpFlags&) const = default;
};
}  // namespace anabranch::wire
