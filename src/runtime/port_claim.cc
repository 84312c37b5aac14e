#include "runtime/port_claim.hh"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace anabranch::runtime {
namespace {
struct Bound {
  FileDescriptor fd;
  std::uint16_t port = 0;
  int error = 0;
};

/// Binds on all addresses of both families; of IPv4 alone where the system has no IPv6. `reuse`: beside what lingers
/// of the kernel's own connections (TIME-WAIT); never beside a listener.
Bound bind_port(std::uint16_t port, bool reuse = false) {
  FileDescriptor fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const bool v6 = static_cast<bool>(fd);
  if (!v6) { fd = FileDescriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}; }
  if (!fd) { return {.fd = {}, .port = 0, .error = errno}; }
  const int on = reuse ? 1 : 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in6 six{};
  sockaddr_in four{};
  if (v6) {
    const int off = 0;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
  } else {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
  }
  auto* address = v6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
  socklen_t size = v6 ? sizeof six : sizeof four;
  if (::bind(fd.get(), address, size) != 0 || ::getsockname(fd.get(), address, &size) != 0) {
    return {.fd = {}, .port = 0, .error = errno};
  }
  return {.fd = std::move(fd), .port = ntohs(v6 ? six.sin6_port : four.sin_port), .error = 0};
}

/// One of us at a time has a port: the name of an abstract socket, which the kernel keeps per network namespace and
/// takes away with the process. Without a socket when somebody else has it.
FileDescriptor lock_port(std::uint16_t port) {
  FileDescriptor fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = "anabranch-port-" + std::to_string(port);
  std::memcpy(name.sun_path + 1, text.data(), text.size());  // a leading zero byte: abstract, no file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) { return {}; }
  return fd;
}
}  // namespace

bool PortClaims::has(std::uint16_t port) const { return std::ranges::find(ports_, port) != ports_.end(); }

void PortClaims::keep(FileDescriptor fd, std::uint16_t port) {
  sockets_.push_back(std::move(fd));
  ports_.push_back(port);
}

Outcome<void> PortClaims::claim(std::uint16_t port) {
  if (port == 0) { return failure(Errc::bad_argument, "0 is not a port"); }
  if (has(port)) { return {}; }
  FileDescriptor lock = lock_port(port);
  Bound bound = bind_port(port);
  if (bound.error == EADDRINUSE && lock) { bound = bind_port(port, true); }
  if (bound.error == EADDRINUSE || !lock) {
    return failure(Errc::address_in_use, "TCP port " + std::to_string(port) + " is in use by another program");
  }
  if (bound.error != 0) {
    return failure(Errc::bad_argument,
                   "cannot claim TCP port " + std::to_string(port) + ": " + std::strerror(bound.error));
  }
  keep(std::move(bound.fd), bound.port);
  sockets_.push_back(std::move(lock));
  return {};
}

Outcome<std::uint16_t> PortClaims::claim_any() {
  Bound bound = bind_port(0);
  if (bound.error != 0) {
    return failure(Errc::no_ports_left, std::string{"no TCP port is free: "} + std::strerror(bound.error));
  }
  const std::uint16_t port = bound.port;
  keep(std::move(bound.fd), port);
  return port;
}

Outcome<std::vector<std::uint16_t>> PortClaims::claim_block(unsigned count, std::uint64_t seed) {
  if (count == 0) { return {}; }
  if (count > kMaxEphemeral) {
    return failure(Errc::bad_argument, "at most " + std::to_string(kMaxEphemeral) + " ephemeral ports");
  }
  constexpr unsigned kLow = 32768, kHigh = 61000;  // Linux's own range for outgoing connections
  constexpr int kTries = 16;
  std::vector<Bound> block;
  for (int attempt = 0; attempt < kTries && block.size() < count; ++attempt) {
    block.clear();
    seed = seed * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX constants
    const auto first = static_cast<unsigned>(kLow + (seed >> 33) % (kHigh - kLow - count));
    for (unsigned port = first; port < first + count; ++port) {
      Bound bound = bind_port(static_cast<std::uint16_t>(port));
      if (bound.error != 0) { break; }
      block.push_back(std::move(bound));
    }
  }
  while (block.size() < count) {  // a crowded system: whatever is free
    Bound bound = bind_port(0);
    if (bound.error != 0) {
      return failure(Errc::no_ports_left, "only " + std::to_string(block.size()) + " of " + std::to_string(count) +
                                              " TCP ports are free: " + std::strerror(bound.error));
    }
    block.push_back(std::move(bound));
  }
  std::vector<std::uint16_t> ports;
  for (Bound& bound : block) {
    ports.push_back(bound.port);
    keep(std::move(bound.fd), bound.port);
  }
  return ports;
}
}  // namespace anabranch::runtime
