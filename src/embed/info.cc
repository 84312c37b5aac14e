// What can be asked and steered: connections, their subflows, counters.
#include "embed/socket_address.hh"
#include "embed/stack.hh"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>

using namespace anabranch;
using namespace anabranch::embed;

namespace {
const Connected* connected(anb_stack* s, int fd) {
  const Socket* socket = s->find(fd);
  return socket == nullptr ? nullptr : std::get_if<Connected>(&socket->is);
}

int no_connection(anb_stack* s, int fd) { return s->find(fd) == nullptr ? -EBADF : -ENOTCONN; }

anb_subflow_info describe(const mptcp::SubflowInfo& f) {
  anb_subflow_info out{};
  out.id = f.id.raw;
  out.interface = f.interface.raw;
  out.local = to_storage(f.local);
  out.remote = to_storage(f.remote);
  out.backup = f.backup ? 1 : 0;
  out.state = f.state.data();  // both are literals
  out.ended_by = f.ended_by.empty() ? "" : f.ended_by.data();
  out.bytes_sent = f.bytes_sent;
  out.bytes_received = f.bytes_received;
  out.retransmits = f.retransmits;
  out.srtt = f.srtt.ns;
  out.min_rtt = f.min_rtt.ns;
  out.congestion_window = f.window.n;
  out.in_flight = f.in_flight.n;
  out.queued = f.queued.n;
  return out;
}

static_assert(ANB_PATH_RATES == static_cast<int>(mptcp::PathChange::rates));  // they are numbered alike

anb_path_event describe(const mptcp::PathEvent& e) {
  anb_path_event out{};
  out.size = sizeof out;
  out.what = static_cast<std::uint32_t>(e.what);
  out.at = e.at.ns;
  out.subflow = e.subflow.raw;
  out.interface = e.interface.raw;
  out.local = to_storage(e.local);
  out.remote = to_storage(e.remote);
  out.address = e.address;
  out.backup = e.backup ? 1 : 0;
  out.by_peer = e.by_peer ? 1 : 0;
  out.was_open = e.was_open ? 1 : 0;
  out.why = e.why.empty() ? "" : e.why.data();  // a literal
  out.sent = e.sent.bytes_per_second;
  out.received = e.received.bytes_per_second;
  out.srtt = e.srtt.ns;
  out.missed = e.missed;
  return out;
}

/// What plain TCP cannot do.
bool is_plain(anb_stack* s, const Connected& c) {
  const auto info = s->stack.info(c.id, {});
  return info && info->protocol == mptcp::Protocol::tcp;
}

/// `what(connection, address)` of a multipath connection; its errors as those of addresses.
template <class What>
int with_address(anb_stack* s, int fd, const sockaddr* address, socklen_t length, anb_time now, What what) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  const auto where = read_address(address, length);
  if (!where) { return -EAFNOSUPPORT; }
  if (is_plain(s, *c)) { return -EOPNOTSUPP; }
  const Status done = what(c->id, *where);
  s->take_events(now);
  return done ? 0 : -errno_of(done.error().code);
}

int status(const Status& s) {
  if (s) { return 0; }
  return s.error().code == Errc::no_such_path ? -ENOENT : -errno_of(s.error().code);
}
}  // namespace

extern "C" {

int anb_get_info(anb_stack* s, int fd, anb_info* out) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  if (out == nullptr || out->size != sizeof *out) { return -EINVAL; }
  const auto info = s->stack.info(c->id, {});
  if (!info) { return -ENOTCONN; }
  *out = {};
  out->size = sizeof *out;
  out->multipath = info->protocol == mptcp::Protocol::mptcp ? 1 : 0;
  out->checksum = info->checksum ? 1 : 0;
  out->version = info->version == wire::Version::v1 ? 1 : 0;
  out->subflows = static_cast<std::uint16_t>(info->subflows.size());
  out->state = info->state.data();
  out->fallback_reason = name(info->fallback_reason).data();
  out->local_token = info->local_token;
  out->remote_token = info->remote_token;
  out->bytes_written = info->bytes_written;
  out->bytes_acknowledged = info->bytes_acknowledged;
  out->bytes_received = info->bytes_received;
  out->bytes_reinjected = info->bytes_reinjected;
  out->duplicate_bytes = info->duplicate_bytes;
  out->receive_buffer = info->receive_buffer.n;
  out->reordering = info->reordering.n;
  return 0;
}

int anb_subflows(anb_stack* s, int fd, anb_subflow_info* out, size_t count, size_t stride) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  if (count != 0 && (out == nullptr || stride != sizeof *out)) { return -EINVAL; }
  const auto info = s->stack.info(c->id, {});
  if (!info) { return -ENOTCONN; }
  for (std::size_t i = 0; i < std::min(count, info->subflows.size()); ++i) { out[i] = describe(info->subflows[i]); }
  return static_cast<int>(info->subflows.size());
}

int anb_next_path_event(anb_stack* s, int fd, anb_path_event* out) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  if (out == nullptr || out->size != sizeof *out) { return -EINVAL; }
  const auto event = s->stack.poll_path_event(c->id);
  if (!event) { return 0; }
  *out = describe(*event);
  return 1;
}

int anb_subflow_open(anb_stack* s, int fd, const sockaddr* local, const sockaddr* remote, int backup, anb_time now) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  const auto length = [](const sockaddr* a) -> socklen_t {
    return a->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  };
  if (remote == nullptr) { return -EINVAL; }
  const auto to = read_address(remote, length(remote));
  const auto from = local == nullptr ? std::nullopt : read_address(local, length(local));
  if (!to || (local != nullptr && !from)) { return -EAFNOSUPPORT; }
  if (is_plain(s, *c)) { return -EOPNOTSUPP; }
  const auto address = from ? std::optional{from->address} : std::nullopt;
  const auto asked = s->stack.open_subflow(c->id, address, *to, backup != 0, at(now));
  s->take_events(now);
  return asked ? 0 : -errno_of(asked.error().code);
}

int anb_announce(anb_stack* s, int fd, const sockaddr* address, socklen_t length, anb_time now) {
  return with_address(s, fd, address, length, now, [&](stack::ConnectionId id, const SocketAddress& where) {
    return s->stack.announce(id, where, at(now));
  });
}

int anb_withdraw(anb_stack* s, int fd, const sockaddr* address, socklen_t length, anb_time now) {
  return with_address(s, fd, address, length, now, [&](stack::ConnectionId id, const SocketAddress& where) {
    return s->stack.withdraw(id, where, at(now));
  });
}

int anb_subflow_close(anb_stack* s, int fd, uint32_t subflow, anb_time now) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  const int result = status(s->stack.close_subflow(c->id, {subflow}, at(now)));
  s->take_events(now);
  return result;
}

int anb_subflow_set_backup(anb_stack* s, int fd, uint32_t subflow, int backup, anb_time now) {
  const Connected* c = connected(s, fd);
  if (c == nullptr) { return no_connection(s, fd); }
  const int result = status(s->stack.set_backup(c->id, {subflow}, backup != 0, at(now)));
  s->take_events(now);
  return result;
}

int anb_counter(const anb_stack* s, const char* wanted, uint64_t* value) {
  if (wanted == nullptr || value == nullptr) { return -EINVAL; }
  const auto& names = Names<stack::Counter>::list;
  const auto it = std::ranges::find(names, std::string_view{wanted});
  if (it == std::end(names)) { return -ENOENT; }
  *value = s->stack.counters()[static_cast<stack::Counter>(it - std::begin(names))];
  return 0;
}

const char* anb_counter_name(size_t index) {
  const auto& names = Names<stack::Counter>::list;
  return index < std::size(names) ? names[index].data() : nullptr;  // literals, so with an end
}
}  // extern "C"
