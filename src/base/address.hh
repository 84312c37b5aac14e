/// IP addresses, transport addresses and interface numbers, as plain values.
///
/// An address is 16 bytes; IPv4 uses the first four. Order and equality are by family, then bytes, so that
/// containers of addresses iterate the same way on every run.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace anabranch {

enum class Family : std::uint8_t { v4, v6 };

struct Address {
  Family family = Family::v4;
  std::array<std::uint8_t, 16> raw{};
  constexpr auto operator<=>(const Address&) const = default;

  static constexpr Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {Family::v4, {a, b, c, d}};
  }
  static Address of(Family, std::span<const std::uint8_t> bytes);  ///< 4 or 16 bytes, as the family says
  constexpr std::size_t size() const { return family == Family::v4 ? 4 : 16; }
  std::span<const std::uint8_t> bytes() const { return std::span{raw}.first(size()); }
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_multicast() const;
};
std::string to_text(const Address&);
std::optional<Address> address_from_text(std::string_view);

/// Whether the first `bits` bits of `a` and `b` agree; false across families.
bool same_prefix(const Address& a, const Address& b, unsigned bits);

struct SocketAddress {
  Address address;
  std::uint16_t port = 0;
  constexpr auto operator<=>(const SocketAddress&) const = default;
};
std::string to_text(const SocketAddress&);  ///< 10.0.0.1:80, [2001:db8::1]:80
std::optional<SocketAddress> socket_address_from_text(std::string_view);

/// An interface by number: the kernel's index on a real device, any unique number in the simulator. 0: none.
struct InterfaceId {
  std::uint32_t raw = 0;
  constexpr auto operator<=>(const InterfaceId&) const = default;
};
}  // namespace anabranch

template <>
struct std::hash<anabranch::Address> {
  std::size_t operator()(const anabranch::Address& a) const noexcept;
};
