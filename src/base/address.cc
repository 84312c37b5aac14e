#include "base/address.hh"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace anabranch {

Address Address::of(Family family, std::span<const std::uint8_t> bytes) {
  Address a{family, {}};
  std::copy_n(bytes.begin(), std::min(bytes.size(), a.size()), a.raw.begin());
  return a;
}

bool Address::is_unspecified() const {
  return std::ranges::all_of(raw, [](std::uint8_t b) { return b == 0; });
}

bool Address::is_loopback() const {
  if (family == Family::v4) { return raw[0] == 127; }
  return raw[15] == 1 && std::all_of(raw.begin(), raw.end() - 1, [](std::uint8_t b) { return b == 0; });
}

bool Address::is_link_local() const {
  if (family == Family::v4) { return raw[0] == 169 && raw[1] == 254; }
  return raw[0] == 0xfe && (raw[1] & 0xc0) == 0x80;
}

bool Address::is_multicast() const { return family == Family::v4 ? raw[0] >= 224 : raw[0] == 0xff; }

std::string to_text(const Address& a) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(a.family == Family::v4 ? AF_INET : AF_INET6, a.raw.data(), text, sizeof text);
  return text;
}

std::optional<Address> address_from_text(std::string_view text) {
  char copy[INET6_ADDRSTRLEN + 1];
  if (text.empty() || text.size() >= sizeof copy) { return std::nullopt; }
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  Address a;
  a.family = text.find(':') == std::string_view::npos ? Family::v4 : Family::v6;
  if (inet_pton(a.family == Family::v4 ? AF_INET : AF_INET6, copy, a.raw.data()) != 1) { return std::nullopt; }
  return a;
}

bool same_prefix(const Address& a, const Address& b, unsigned bits) {
  if (a.family != b.family || bits > a.size() * 8) { return false; }
  const std::size_t whole = bits / 8;
  if (!std::equal(a.raw.begin(), a.raw.begin() + static_cast<std::ptrdiff_t>(whole), b.raw.begin())) { return false; }
  const unsigned rest = bits % 8;
  if (rest == 0) { return true; }
  const unsigned mask = 0xffu << (8 - rest) & 0xffu;
  return ((a.raw[whole] ^ b.raw[whole]) & mask) == 0;
}

std::string to_text(const SocketAddress& s) {
  const std::string port = std::to_string(s.port);
  return s.address.family == Family::v4 ? to_text(s.address) + ":" + port : "[" + to_text(s.address) + "]:" + port;
}

std::optional<SocketAddress> socket_address_from_text(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) { return std::nullopt; }
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) { host = host.substr(1, host.size() - 2); }
  const auto address = address_from_text(host);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!address || error != std::errc{} || end != port.data() + port.size()) { return std::nullopt; }
  return SocketAddress{*address, number};
}
}  // namespace anabranch

std::size_t std::hash<anabranch::Address>::operator()(const anabranch::Address& a) const noexcept {
  std::uint64_t h = a.family == anabranch::Family::v4 ? 0x51ed : 0xc4ce;
  for (std::size_t i = 0; i < 16; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, a.raw.data() + i, 8);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}
