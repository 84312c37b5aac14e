/// The name of a subflow within its connection.
#pragma once
#include <compare>
#include <cstdint>

namespace anabranch::mptcp {

/// A subflow within its connection; 0 is the initial one. Never reused in a connection.
struct SubflowId {
  std::uint32_t raw = 0;
  constexpr auto operator<=>(const SubflowId&) const = default;
};
}  // namespace anabranch::mptcp
