/// The timestamps option of one connection (RFC 7323 §3 to §5): our clock, the peer's latest, PAWS.
///
/// Our clock ticks once a millisecond from a random offset, so that it tells nothing of uptime. Values wrap; order
/// between them exists only within half the circle, and only here. Owned by the endpoint.
#pragma once
#include "base/units.hh"
#include "wire/tcp_option.hh"

#include <optional>

namespace anabranch::tcp {

class Timestamps {
 public:
  static constexpr Duration kTick{1'000'000};  ///< RFC 7323 §5.4: between 1 ms and 1 s; Linux has 1 ms
  /// RFC 7323 §5.5: after 24 days of silence the peer's clock may have gone half round.
  static constexpr Duration kOutdated{24ll * 24 * 3600 * 1'000'000'000};
  static constexpr std::size_t kBytes = 12;  ///< of the option with its padding

  explicit Timestamps(std::uint32_t offset) : offset_{offset} {}

  std::uint32_t value(Instant now) const { return offset_ + static_cast<std::uint32_t>(now.ns / kTick.ns); }
  wire::Timestamps option(Instant now) const { return {.value = value(now), .echo = recent_}; }
  /// When `echo`, which the peer sends back, had left: rounded down to a tick. Nothing when it never can have.
  std::optional<Instant> left_at(std::uint32_t echo, Instant now) const {
    const std::uint32_t ago = value(now) - echo;
    const Duration age = kTick * ago;
    if (ago > 0x7fffffffu || age.ns > now.ns) { return std::nullopt; }
    return Instant{now.ns / kTick.ns * kTick.ns} - age;
  }

  /// Whether `value` is from before what we have seen (RFC 7323 §5.3, R1).
  bool is_old(std::uint32_t value, Instant now) const {
    return known_ && static_cast<std::int32_t>(value - recent_) < 0 && now - seen_at_ < kOutdated;
  }
  /// The peer's `value`, of a segment that begins at or before what we last acknowledged (R3).
  void note(std::uint32_t value, Instant now) {
    recent_ = value;
    seen_at_ = now;
    known_ = true;
  }
  std::uint32_t recent() const { return recent_; }
  Instant seen_at() const { return seen_at_; }

 private:
  std::uint32_t offset_;
  std::uint32_t recent_ = 0;
  Instant seen_at_{};
  bool known_ = false;
};
}  // namespace anabranch::tcp
