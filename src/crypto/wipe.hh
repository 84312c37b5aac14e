/// Secrets that leave no copy behind: memory is overwritten before it is given back.
///
/// Wiped are keys where they rest (sessions, hash keys, cookie secrets) and what MACs are computed from. Not wiped:
/// packets, which carry MPTCP's keys in clear anyway (RFC 8684 §3.1).
#pragma once
#include <cstddef>
#include <type_traits>
#include <utility>

namespace anabranch::crypto {

/// Overwrites memory; never optimised away.
void wipe(void* at, std::size_t size);

/// A value that is wiped when it ends. Reads as the value; copies are secrets of their own.
template <class T>
class Secret {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Secret() = default;
  Secret(const T& value) : value_{value} {}  // NOLINT(google-explicit-constructor): a secret is the value, and more
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(&value_, sizeof value_); }

  operator const T&() const { return value_; }  // NOLINT(google-explicit-constructor)
  const T& get() const { return value_; }
  T& get() { return value_; }

 private:
  T value_{};
};
}  // namespace anabranch::crypto
