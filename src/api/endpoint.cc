#include "api/endpoint.hh"

namespace anabranch {
namespace ip = boost::asio::ip;

SocketAddress from_asio(const ip::tcp::endpoint& endpoint) {
  const ip::address address = endpoint.address();
  if (address.is_v4() || address.to_v6().is_v4_mapped()) {
    const auto v4 = address.is_v4() ? address.to_v4() : ip::make_address_v4(ip::v4_mapped, address.to_v6());
    return {Address::of(Family::v4, v4.to_bytes()), endpoint.port()};
  }
  return {Address::of(Family::v6, address.to_v6().to_bytes()), endpoint.port()};
}

ip::tcp::endpoint to_asio(const SocketAddress& address) {
  const auto& raw = address.address.raw;
  if (address.address.family == Family::v4) {
    return {ip::address_v4{ip::address_v4::bytes_type{raw[0], raw[1], raw[2], raw[3]}}, address.port};
  }
  ip::address_v6::bytes_type bytes;
  std::copy(raw.begin(), raw.end(), bytes.begin());
  return {ip::address_v6{bytes}, address.port};
}
}  // namespace anabranch
