// Sockets with POSIX' meaning, all of them non-blocking.
#include "embed/socket_address.hh"
#include "embed/stack.hh"

#include <algorithm>
#include <cerrno>
#include <span>

using namespace anabranch;
using namespace anabranch::embed;

namespace {
/// The error that waits to be told, once; 0: none.
int take_error(Socket& s) { return -std::exchange(s.error, 0); }

/// What connect says of a socket that has tried before. After it has told an attempt's failure, the next call is a new
/// attempt, as on Linux.
int connect_again(anb_stack& s, Socket& socket, anb_time now) {
  const auto* c = std::get_if<Connected>(&socket.is);
  if (c == nullptr || c->established) { return -EISCONN; }
  if (socket.error == 0) { return -EALREADY; }
  s.connections.erase(c->id);
  s.stack.release(c->id, at(now));
  socket.is = Fresh{};
  return take_error(socket);
}

/// To one of these addresses, the first one first; not empty.
int connect_to(anb_stack& s, int fd, std::span<const SocketAddress> to, anb_time now) {
  Socket& socket = *s.find(fd);
  const auto* fresh = std::get_if<Fresh>(&socket.is);
  if (fresh == nullptr) { return connect_again(s, socket, now); }
  for (const SocketAddress& a : to) {
    if (a.port == 0 || a.address.is_unspecified()) { return -EINVAL; }
  }
  stack::ConnectOptions options{.remote = to.front(),
                                .remotes = {to.begin() + 1, to.end()},
                                .interfaces = {},
                                .local_address = {},
                                .config = socket.config,
                                .race = socket.race};
  options.fast_open = socket.fast_open_connect;
  if (fresh->bound) {
    options.local_port = fresh->bound->port;
    if (!fresh->bound->address.is_unspecified()) { options.local_address = fresh->bound->address; }
  }
  const auto id = s.stack.connect(options, at(now));
  if (!id) { return -errno_of(id.error().code); }
  socket.is = Connected{.id = *id};
  s.connections[*id] = fd;
  s.take_events(now);
  return -EINPROGRESS;
}

/// Why a socket that is no connection can neither send nor receive.
int not_connected(Socket& s) { return s.error != 0 ? take_error(s) : -ENOTCONN; }
}  // namespace

extern "C" {

int anb_socket(anb_stack* s) { return s->open({}); }

int anb_bind(anb_stack* s, int fd, const sockaddr* address, socklen_t length) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  const auto a = read_address(address, length);
  if (!a) { return -EAFNOSUPPORT; }
  auto* fresh = std::get_if<Fresh>(&socket->is);
  if (fresh == nullptr || fresh->bound) { return -EINVAL; }
  if (!a->address.is_unspecified() && s->owner_of(a->address) == nullptr) { return -EADDRNOTAVAIL; }
  fresh->bound = *a;
  return 0;
}

int anb_listen(anb_stack* s, int fd, int backlog) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  auto* fresh = std::get_if<Fresh>(&socket->is);
  if (fresh == nullptr) { return -EINVAL; }
  if (!fresh->bound || fresh->bound->port == 0) { return -EDESTADDRREQ; }
  const SocketAddress local = *fresh->bound;
  stack::ListenOptions options{.port = local.port, .address = {}, .interfaces = {}};
  if (!local.address.is_unspecified()) { options.address = local.address; }
  options.backlog = static_cast<std::size_t>(std::max(backlog, 1));
  options.announce = socket->announce;
  options.fast_open = socket->fast_open_queue;
  options.stateless = socket->stateless;
  options.config = socket->config;
  const auto id = s->stack.listen(options);
  if (!id) { return -errno_of(id.error().code); }
  socket->is = Listening{.id = *id, .local = local};
  s->listeners[*id] = fd;
  return 0;
}

int anb_accept(anb_stack* s, int fd, sockaddr* address, socklen_t* length) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  auto* l = std::get_if<Listening>(&socket->is);
  if (l == nullptr) { return -EINVAL; }
  const auto id = s->stack.accept(l->id);
  if (!id) { return -EAGAIN; }
  --l->waiting;
  Socket accepted{.is = Connected{.id = *id, .established = true},
                  .config = socket->config,
                  .race = socket->race,
                  .rates_every = socket->rates_every,
                  .watches_paths = socket->watches_paths,
                  .linger = socket->linger};
  const auto state = s->stack.peek(*id, {1});
  const bool dead = !state && state.error().code != Errc::would_block && state.error().code != Errc::closed;
  if (dead) { accepted.error = errno_of(state.error().code); }
  const int number = s->open(std::move(accepted));
  if (number < 0) {
    s->stack.release(*id, {});
    return number;
  }
  s->connections[*id] = number;
  s->changed_now(number);
  write_address(s->stack.remote_address(*id), address, length);
  return number;
}

int anb_connect(anb_stack* s, int fd, const sockaddr* address, socklen_t length, anb_time now) {
  const Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  const auto a = read_address(address, length);
  return a ? connect_to(*s, fd, {&*a, 1}, now) : -EAFNOSUPPORT;
}

int anb_connect_any(anb_stack* s, int fd, const sockaddr_storage* addresses, size_t count, anb_time now) {
  if (s->find(fd) == nullptr) { return -EBADF; }
  if (addresses == nullptr || count == 0 || count > stack::Race::kMostCandidates) { return -EINVAL; }
  std::vector<SocketAddress> to;
  for (const sockaddr_storage& one : std::span{addresses, count}) {
    const auto a = read_address(reinterpret_cast<const sockaddr*>(&one), sizeof one);
    if (!a) { return -EAFNOSUPPORT; }
    to.push_back(*a);
  }
  return connect_to(*s, fd, to, now);
}

ssize_t anb_send(anb_stack* s, int fd, const void* data, size_t length, anb_time now) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  const auto* c = std::get_if<Connected>(&socket->is);
  if (c == nullptr) { return not_connected(*socket); }
  if (socket->error != 0) { return take_error(*socket); }
  if (c->writing_shut) { return -EPIPE; }
  if (!c->established && !socket->fast_open_connect) {
    const auto state = s->stack.peek(c->id, {1});
    return !state && state.error().code != Errc::would_block ? -EPIPE : -EAGAIN;
  }
  const auto taken = s->stack.write(c->id, {static_cast<const std::uint8_t*>(data), length}, at(now));
  s->take_events(now);
  return taken ? static_cast<ssize_t>(*taken) : taken.error().code == Errc::would_block ? -EAGAIN : -EPIPE;
}

ssize_t anb_recv(anb_stack* s, int fd, void* data, size_t length, int flags, anb_time now) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  if ((flags & ~ANB_PEEK) != 0) { return -EINVAL; }
  const auto* c = std::get_if<Connected>(&socket->is);
  if (c == nullptr) { return not_connected(*socket); }
  if (length == 0 || c->reading_shut) { return 0; }
  const bool peek = (flags & ANB_PEEK) != 0;
  const auto got = peek ? s->stack.peek(c->id, {length}) : s->stack.read_chain(c->id, {length}, at(now));
  if (!peek) { s->take_events(now); }
  if (got) { return static_cast<ssize_t>(got->copy_to({static_cast<std::uint8_t*>(data), length})); }
  if (got.error().code == Errc::would_block) { return -EAGAIN; }
  if (socket->error != 0) { return take_error(*socket); }
  return c->established ? 0 : -ENOTCONN;  // the error has been told
}

int anb_shutdown(anb_stack* s, int fd, int how, anb_time now) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) { return -EINVAL; }
  auto* c = std::get_if<Connected>(&socket->is);
  if (c == nullptr) { return -ENOTCONN; }
  if (how != SHUT_WR) {
    c->reading_shut = true;
    (void)s->stack.read_chain(c->id, s->stack.readable(c->id), at(now));
  }
  if (how != SHUT_RD && !std::exchange(c->writing_shut, true)) { (void)s->stack.finish(c->id, at(now)); }
  s->changed_now(fd);
  s->take_events(now);
  return 0;
}

int anb_close(anb_stack* s, int fd, anb_time now) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  if (const auto* l = std::get_if<Listening>(&socket->is)) { s->stack.close(l->id, at(now)); }
  if (const auto* c = std::get_if<Connected>(&socket->is)) {
    if (socket->linger == 0u) { (void)s->stack.abort(c->id, at(now)); }
    s->stack.release(c->id, at(now));
  }
  s->forget(fd);
  s->take_events(now);
  return 0;
}

int anb_getsockname(anb_stack* s, int fd, sockaddr* address, socklen_t* length) {
  const Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  SocketAddress local;
  if (const auto* c = std::get_if<Connected>(&socket->is)) { local = s->stack.local_address(c->id); }
  if (const auto* l = std::get_if<Listening>(&socket->is)) { local = l->local; }
  if (const auto* f = std::get_if<Fresh>(&socket->is)) { local = f->bound.value_or(SocketAddress{}); }
  write_address(local, address, length);
  return 0;
}

int anb_getpeername(anb_stack* s, int fd, sockaddr* address, socklen_t* length) {
  const Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  const auto* c = std::get_if<Connected>(&socket->is);
  if (c == nullptr || !c->established) { return -ENOTCONN; }
  write_address(s->stack.remote_address(c->id), address, length);
  return 0;
}

int anb_poll(anb_stack* s, int fd) {
  const Socket* socket = s->find(fd);
  return socket == nullptr ? -EBADF : s->poll(*socket);
}

int anb_next_ready(anb_stack* s, int* events) {
  if (s->changed.empty()) { return 0; }
  const int fd = s->changed.front();
  s->changed.pop_front();
  Socket& socket = *s->find(fd);
  socket.queued = false;
  *events = s->poll(socket);
  return fd;
}
}  // extern "C"
