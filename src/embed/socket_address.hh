/// Between POSIX socket addresses and ours.
#pragma once
#include "base/address.hh"

#include <optional>
#include <sys/socket.h>

namespace anabranch::embed {

/// None for a family that is neither AF_INET nor AF_INET6, or a length too short for it.
std::optional<SocketAddress> read_address(const sockaddr* address, socklen_t length);
/// Writes as much as `*length` has room for, and into it the length of the whole (as getsockname does). Either null:
/// nothing.
void write_address(const SocketAddress& from, sockaddr* to, socklen_t* length);
sockaddr_storage to_storage(const SocketAddress& from);
}  // namespace anabranch::embed
