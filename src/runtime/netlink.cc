#include "runtime/netlink.hh"

#include <cerrno>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace anabranch::runtime {
namespace {
std::unexpected<device::SystemError> failed(std::string_view call) {
  return std::unexpected(device::SystemError{call, errno});
}
int call_visitor(const nlmsghdr* message, void* visitor) {
  (*static_cast<const NetlinkSocket::Visitor*>(visitor))(*message);
  return MNL_CB_OK;
}
}  // namespace

std::expected<NetlinkSocket, device::SystemError> NetlinkSocket::open(std::uint32_t groups) {
  FileDescriptor fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (groups != 0 ? SOCK_NONBLOCK : 0), NETLINK_ROUTE)};
  if (!fd) { return failed("socket(NETLINK_ROUTE)"); }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) { return failed("bind"); }
  return NetlinkSocket{std::move(fd)};
}

std::expected<void, device::SystemError> NetlinkSocket::dump(std::uint16_t type, unsigned char family,
                                                             const Visitor& visit) {
  char space[64] = {};
  nlmsghdr* message = ::mnl_nlmsg_put_header(space);
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  // All four kinds of request we make begin with the family; the longest of them has 12 bytes.
  auto* body = static_cast<unsigned char*>(::mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
  body[0] = family;
  return converse(*message, visit);
}

std::expected<void, device::SystemError> NetlinkSocket::request(nlmsghdr& message) {
  message.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  return converse(message, [](const nlmsghdr&) {});
}

std::expected<void, device::SystemError> NetlinkSocket::converse(nlmsghdr& message, const Visitor& visit) {
  message.nlmsg_seq = ++sequence_;
  if (::send(fd_.get(), &message, message.nlmsg_len, 0) < 0) { return failed("netlink send"); }
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0) { return failed("netlink recv"); }
    const int more = ::mnl_cb_run(buffer_.data(), static_cast<std::size_t>(n), sequence_, 0, call_visitor,
                                  const_cast<Visitor*>(&visit));
    if (more < 0 && errno != EPROTO) { return failed("netlink request"); }  // EPROTO: an answer to an older request
    if (more == MNL_CB_STOP) { return {}; }
  }
}

bool NetlinkSocket::receive(const Visitor& visit) {
  bool complete = true;
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0 && errno == ENOBUFS) {
      complete = false;
      continue;
    }
    if (n <= 0) { return complete; }
    ::mnl_cb_run(buffer_.data(), static_cast<std::size_t>(n), 0, 0, call_visitor, const_cast<Visitor*>(&visit));
  }
}
}  // namespace anabranch::runtime
