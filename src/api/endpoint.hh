/// Our addresses and those of Boost.Asio, in both directions.
#pragma once
#include "base/address.hh"

#include <boost/asio/ip/tcp.hpp>

namespace anabranch {

/// An IPv4-mapped IPv6 address becomes the IPv4 address.
SocketAddress from_asio(const boost::asio::ip::tcp::endpoint& endpoint);
boost::asio::ip::tcp::endpoint to_asio(const SocketAddress& address);
}  // namespace anabranch
