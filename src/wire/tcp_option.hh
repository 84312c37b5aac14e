/// TCP options other than MPTCP, as values: what one header carries.
#pragma once
#include "base/seq.hh"
#include "base/units.hh"

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
/// RFC 7413 §4.1.1, SYN only. Without a cookie it asks for one.
struct FastOpen {
  static constexpr std::size_t kShortest = 4, kLongest = 16;  ///< of a cookie; an even number
  using Cookie = boost::container::static_vector<std::uint8_t, kLongest>;
  Cookie cookie;
  static constexpr bool is_size(std::size_t n) { return n == 0 || (n >= kShortest && n <= kLongest && n % 2 == 0); }
  bool operator==(const FastOpen&) const = default;
};
struct UserTimeout {  ///< RFC 5482 §3: how long the sender keeps what it sent without an answer
  bool minutes = false;
  std::uint16_t value = 0;  ///< 15 bits; 0 is reserved
  static constexpr std::uint16_t kLargest = 0x7fff;
  /// As exact as the option can say it, rounded up; what is too long for it becomes the longest it can say.
  static constexpr UserTimeout of(Duration time) {
    const std::int64_t seconds = (time.ns + 999'999'999) / 1'000'000'000;
    if (seconds <= kLargest) { return {false, static_cast<std::uint16_t>(seconds < 1 ? 1 : seconds)}; }
    const std::int64_t whole = (seconds + 59) / 60;
    return {true, static_cast<std::uint16_t>(whole < kLargest ? whole : kLargest)};
  }
  constexpr Duration duration() const { return Duration{1'000'000'000} * (minutes ? value * 60 : value); }
  constexpr bool operator==(const UserTimeout&) const = default;
};
struct TcpOptions {
  std::optional<std::uint16_t> mss;          ///< RFC 9293 §3.7.1, SYN only
  std::optional<std::uint8_t> window_scale;  ///< RFC 7323 §2, SYN only; as sent, not yet limited to 14
  bool sack_permitted = false;               ///< RFC 2018 §2, SYN only
  std::optional<Timestamps> timestamps;
  boost::container::static_vector<SackBlock, 4> sack;
  std::optional<FastOpen> fast_open;
  std::optional<UserTimeout> user_timeout;
  bool operator==(const TcpOptions&) const = default;
};

struct TcpFlags {
  bool fin = false, syn = false, rst = false, psh = false, ack = false, urg = false, ece = false, cwr = false;
  constexpr bool operator==(const TcpFlags&) const = default;
};
}  // namespace anabranch::wire
