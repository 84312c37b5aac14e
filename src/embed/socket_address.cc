#include "embed/socket_address.hh"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace anabranch::embed {

std::optional<SocketAddress> read_address(const sockaddr* address, socklen_t length) {
  if (address == nullptr || length < sizeof(sa_family_t)) { return std::nullopt; }
  SocketAddress out;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    out.address.family = Family::v4;
    std::memcpy(out.address.raw.data(), &in.sin_addr, 4);
    out.port = ntohs(in.sin_port);
    return out;
  }
  if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    out.address.family = Family::v6;
    std::memcpy(out.address.raw.data(), &in.sin6_addr, 16);
    out.port = ntohs(in.sin6_port);
    return out;
  }
  return std::nullopt;
}

sockaddr_storage to_storage(const SocketAddress& from) {
  sockaddr_storage out{};
  if (from.address.family == Family::v4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(from.port);
    std::memcpy(&in.sin_addr, from.address.raw.data(), 4);
    std::memcpy(&out, &in, sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(from.port);
    std::memcpy(&in.sin6_addr, from.address.raw.data(), 16);
    std::memcpy(&out, &in, sizeof in);
  }
  return out;
}

void write_address(const SocketAddress& from, sockaddr* to, socklen_t* length) {
  if (to == nullptr || length == nullptr) { return; }
  const sockaddr_storage whole = to_storage(from);
  const auto size =
      static_cast<socklen_t>(from.address.family == Family::v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
  std::memcpy(to, &whole, std::min(size, *length));
  *length = size;
}
}  // namespace anabranch::embed
