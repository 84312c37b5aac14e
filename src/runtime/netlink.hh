/// A NETLINK_ROUTE socket: dumps, requests with an answer, and notifications. Wraps libmnl, knows no attributes.
#pragma once
#include "device/packet_socket.hh"
#include "runtime/file_descriptor.hh"

#include <cstdint>
#include <expected>
#include <functional>
#include <linux/netlink.h>
#include <vector>

namespace anabranch::runtime {

class NetlinkSocket {
 public:
  using Visitor = std::function<void(const nlmsghdr&)>;
  /// `groups`: RTMGRP_* bits of the notifications wanted; 0 for a socket that asks.
  static std::expected<NetlinkSocket, device::SystemError> open(std::uint32_t groups);

  int descriptor() const { return fd_.get(); }
  /// Asks for all objects of a kind (RTM_GETLINK, ...); waits for the answer.
  std::expected<void, device::SystemError> dump(std::uint16_t type, unsigned char family, const Visitor& visit);
  /// Sends a finished message and waits for the acknowledgment.
  std::expected<void, device::SystemError> request(nlmsghdr& message);
  /// What has been notified, without waiting. False: some was lost, ask for everything again.
  bool receive(const Visitor& visit);

 private:
  explicit NetlinkSocket(FileDescriptor fd) : fd_{std::move(fd)}, buffer_(kBuffer) {}
  std::expected<void, device::SystemError> converse(nlmsghdr& message, const Visitor& visit);

  static constexpr std::size_t kBuffer = 64 * 1024;  // the kernel's dumps use at most 32 KiB a datagram
  FileDescriptor fd_;
  std::vector<char> buffer_;
  std::uint32_t sequence_ = 0;
};
}  // namespace anabranch::runtime
