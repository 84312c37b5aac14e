/// Units: byte counts, spans of time, points in time and rates, as types that do not mix.
///
/// Time enters the core only as an `Instant` argument: nothing below `runtime/` reads a clock, so a test or
/// the simulator decides what time it is. Integers throughout: no rounding drift, no platform differences.
#pragma once
#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>

namespace anabranch {

/// A count of bytes. Subtraction saturates at zero: a window never goes negative.
struct Bytes {
  std::uint64_t n = 0;
  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes& operator+=(Bytes b) {
    n += b.n;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes b) {
    n = n < b.n ? 0 : n - b.n;
    return *this;
  }
  constexpr explicit operator bool() const { return n != 0; }
};
constexpr Bytes operator+(Bytes a, Bytes b) { return {a.n + b.n}; }
constexpr Bytes operator-(Bytes a, Bytes b) { return {a.n < b.n ? 0 : a.n - b.n}; }
constexpr Bytes operator*(Bytes a, std::uint64_t k) { return {a.n * k}; }
constexpr Bytes operator/(Bytes a, std::uint64_t k) { return {a.n / k}; }

/// A span of time in nanoseconds; may be negative.
struct Duration {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
};
constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
constexpr Duration operator/(Duration a, std::int64_t k) { return {a.ns / k}; }
constexpr double milliseconds(Duration d) { return static_cast<double>(d.ns) / 1e6; }
constexpr double seconds(Duration d) { return static_cast<double>(d.ns) / 1e9; }

/// A point in time, in nanoseconds since an origin that the driver picks once. `never()` is later than all others.
struct Instant {
  std::int64_t ns = 0;
  static constexpr Instant never() { return {std::numeric_limits<std::int64_t>::max()}; }
  constexpr bool is_never() const { return ns == std::numeric_limits<std::int64_t>::max(); }
  constexpr auto operator<=>(const Instant&) const = default;
};
constexpr Instant operator+(Instant t, Duration d) { return t.is_never() ? t : Instant{t.ns + d.ns}; }
constexpr Instant operator-(Instant t, Duration d) { return t.is_never() ? t : Instant{t.ns - d.ns}; }
constexpr Duration operator-(Instant a, Instant b) { return {a.ns - b.ns}; }

/// Bytes per second. Zero means "no rate": not limited, or not known, as the user of the field says.
struct Rate {
  std::uint64_t bytes_per_second = 0;
  constexpr auto operator<=>(const Rate&) const = default;
};
/// How long `b` takes at `r`, rounded up. `r` must not be zero.
constexpr Duration time_for(Bytes b, Rate r) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (b.n < kSecond) {  // without 128 bits: an endpoint that paces asks at each departure
    const std::uint64_t scaled = b.n * kSecond;
    return {static_cast<std::int64_t>(scaled / r.bytes_per_second + (scaled % r.bytes_per_second != 0 ? 1 : 0))};
  }
  const auto ns = (static_cast<unsigned __int128>(b.n) * 1'000'000'000u + r.bytes_per_second - 1) / r.bytes_per_second;
  return {static_cast<std::int64_t>(std::min<unsigned __int128>(ns, std::numeric_limits<std::int64_t>::max() / 4))};
}
/// How much passes in `d` at `r`, rounded down.
constexpr Bytes amount_in(Duration d, Rate r) {
  if (d.ns <= 0) { return {}; }
  return {static_cast<std::uint64_t>(static_cast<unsigned __int128>(d.ns) * r.bytes_per_second / 1'000'000'000u)};
}

inline namespace literals {
constexpr Duration operator""_ns(unsigned long long v) { return {static_cast<std::int64_t>(v)}; }
constexpr Duration operator""_us(unsigned long long v) { return {static_cast<std::int64_t>(v) * 1'000}; }
constexpr Duration operator""_ms(unsigned long long v) { return {static_cast<std::int64_t>(v) * 1'000'000}; }
constexpr Duration operator""_s(unsigned long long v) { return {static_cast<std::int64_t>(v) * 1'000'000'000}; }
constexpr Bytes operator""_B(unsigned long long v) { return {v}; }
constexpr Bytes operator""_KiB(unsigned long long v) { return {v * 1024}; }
constexpr Bytes operator""_MiB(unsigned long long v) { return {v * 1024 * 1024}; }
constexpr Rate operator""_Mbps(unsigned long long v) { return {v * 1'000'000 / 8}; }
constexpr Rate operator""_Gbps(unsigned long long v) { return {v * 1'000'000'000 / 8}; }
}  // namespace literals
}  // namespace anabranch
