#include "embed/stack.hh"

#include "embed/socket_address.hh"

#include <algorithm>
#include <cerrno>
#include <poll.h>

using namespace anabranch;
using namespace anabranch::embed;

namespace {
embed::Seed seed_of(const anb_stack_options& options) {
  embed::Seed seed;
  std::ranges::copy(options.seed, seed.begin());
  return seed;
}

stack::Stack::Config config_of(const anb_stack_options& options) {
  stack::Stack::Config config;
  config.limits.connections = options.max_connections;
  config.limits.half_open = options.max_half_open;
  config.respond_to_strays = options.reset_strays != 0;
  for (std::uint32_t p = options.first_port; p <= options.last_port; ++p) {
    config.ports.push_back(static_cast<std::uint16_t>(p));
  }
  return config;
}
}  // namespace

namespace anabranch::embed {
int errno_of(Errc code) {
  switch (code) {
    case Errc::would_block: return EAGAIN;
    case Errc::closed: return EPIPE;
    case Errc::reset_by_peer: return ECONNRESET;
    case Errc::timed_out: return ETIMEDOUT;
    case Errc::refused: return ECONNREFUSED;
    case Errc::unreachable: return ENETUNREACH;
    case Errc::no_such_path: return EADDRNOTAVAIL;
    case Errc::no_ports_left: return EADDRNOTAVAIL;
    case Errc::limit_reached: return ENOBUFS;
    case Errc::address_in_use: return EADDRINUSE;
    case Errc::bad_argument: return EINVAL;
  }
  return EINVAL;
}
}  // namespace anabranch::embed

anb_stack::anb_stack(const anb_stack_options& options)
    : random{seed_of(options)},
      stack{env, pool, config_of(options)},
      most_sockets{std::size_t{options.max_connections} + 1024} {}  // listeners and sockets not connected yet

Socket* anb_stack::find(int fd) {
  const auto index = static_cast<std::size_t>(fd) - 1;
  return fd > 0 && index < sockets.size() && sockets[index] ? &*sockets[index] : nullptr;
}

int anb_stack::open(Socket socket) {
  if (sockets.size() - free_numbers.size() >= most_sockets) { return -EMFILE; }
  int fd = 0;
  if (free_numbers.empty()) {
    sockets.emplace_back();
    fd = static_cast<int>(sockets.size());
  } else {
    fd = free_numbers.back();
    free_numbers.pop_back();
  }
  sockets[static_cast<std::size_t>(fd) - 1] = std::move(socket);
  return fd;
}

void anb_stack::forget(int fd) {
  Socket& s = *find(fd);
  if (const auto* c = std::get_if<Connected>(&s.is)) { connections.erase(c->id); }
  if (const auto* l = std::get_if<Listening>(&s.is)) { listeners.erase(l->id); }
  if (s.queued) { std::erase(changed, fd); }
  sockets[static_cast<std::size_t>(fd) - 1].reset();
  free_numbers.push_back(fd);
}

void anb_stack::changed_now(int fd) {
  Socket& s = *find(fd);
  if (!std::exchange(s.queued, true)) { changed.push_back(fd); }
}

void anb_stack::take_events(anb_time now) {
  while (const auto event = stack.poll_event()) {
    if (event->what == stack::Happened::acceptable) {
      const auto it = listeners.find(event->listener);
      if (it == listeners.end()) { continue; }
      ++std::get<Listening>(find(it->second)->is).waiting;
      changed_now(it->second);
      continue;
    }
    const auto it = connections.find(event->connection);
    if (it == connections.end()) { continue; }  // nobody has accepted it yet: accept looks at it as it is then
    Socket& s = *find(it->second);
    auto& c = std::get<Connected>(s.is);
    if (event->what == stack::Happened::connected) { c.established = true; }
    if (event->what == stack::Happened::connected && s.rates_every > Duration{}) {
      (void)stack.watch_rates(c.id, s.rates_every, at(now));
    }
    if (event->what == stack::Happened::closed && event->error != Errc::closed) { s.error = errno_of(event->error); }
    if (c.reading_shut) { (void)stack.read_chain(c.id, stack.readable(c.id), at(now)); }
    changed_now(it->second);
  }
}

int anb_stack::poll(const Socket& s) const {
  if (const auto* l = std::get_if<Listening>(&s.is)) { return l->waiting != 0 ? POLLIN : 0; }
  const auto* c = std::get_if<Connected>(&s.is);
  if (c == nullptr) { return POLLOUT | POLLHUP; }  // as Linux has it for a socket that is not connected
  const auto front = stack.peek(c->id, {1});
  const bool failed = !front && front.error().code != Errc::would_block;
  const bool ended = (front && front->empty()) || c->reading_shut;
  if (failed) { return POLLIN | POLLOUT | POLLRDHUP | POLLHUP | (s.error != 0 ? POLLERR : 0); }
  if (!c->established) { return 0; }
  int events = 0;
  if (front || ended) { events |= POLLIN; }
  if (ended) { events |= POLLRDHUP; }
  if (s.watches_paths && stack.has_path_event(c->id)) { events |= POLLPRI; }
  if (stack.writable(c->id) || c->writing_shut) { events |= POLLOUT; }
  if (ended && c->writing_shut) { events |= POLLHUP; }
  return events;
}

// --- creation, time and packets

extern "C" {

const char* anb_version(void) { return ANABRANCH_VERSION; }

void anb_stack_options_init(anb_stack_options* options) {
  *options = {};
  options->size = sizeof *options;
  options->max_connections = 65536;
  options->max_half_open = 1024;
  options->first_port = 32768;  // Linux's range
  options->last_port = 60999;
  options->reset_strays = 1;
}

anb_stack* anb_stack_create(const anb_stack_options* options) {
  const bool good = options != nullptr && options->size == sizeof *options && options->max_connections > 0 &&
                    options->max_half_open > 0 && options->first_port > 0 && options->first_port <= options->last_port;
  if (!good) { return nullptr; }
  try {
    return std::make_unique<anb_stack>(*options).release();
  } catch (const std::bad_alloc&) { return nullptr; }
}

void anb_stack_destroy(anb_stack* stack) { const std::unique_ptr<anb_stack> gone{stack}; }

int anb_input(anb_stack* s, uint32_t interface, const void* packet, size_t length, anb_time now) {
  if (s->port(interface) == nullptr) { return -ENODEV; }
  if (packet == nullptr || length == 0) { return -EINVAL; }
  if (length > 65535) { return -EMSGSIZE; }
  // Headers must be contiguous: a packet is not laid over the end of a slab. Several share one: what waits to be read
  // shall not hold forty times its size.
  SlabRef& slab = s->arriving;
  if (!slab || slab->capacity - slab->used < length) { slab = s->pool.get(); }
  std::uint8_t* bytes = slab->data() + slab->used;
  std::memcpy(bytes, packet, length);
  slab->used += static_cast<std::uint32_t>(length);
  Frame frame{.bytes = Chain{Slice{slab, {bytes, length}}}, .interface = {interface}};
  s->stack.receive({&frame, 1}, at(now));
  s->take_events(now);
  return 0;
}

int anb_output(anb_stack* s, anb_packet* packet, anb_time now) {
  if (!s->waiting) {
    Frame frame;
    const std::size_t n = s->stack.poll_transmit({&frame, 1}, at(now));
    s->take_events(now);
    if (n == 0) { return 0; }
    s->waiting = std::move(frame);
  }
  packet->length = s->waiting->bytes.size().n;
  packet->interface = s->waiting->interface.raw;
  packet->at = now;
  if (packet->length > packet->capacity) { return -EMSGSIZE; }
  s->waiting->bytes.copy_to({static_cast<std::uint8_t*>(packet->data), packet->capacity});
  s->waiting.reset();
  return 1;
}

anb_time anb_deadline(const anb_stack* s) { return s->stack.deadline().ns; }

void anb_advance(anb_stack* s, anb_time now) {
  s->stack.on_deadline(at(now));
  s->take_events(now);
}
}  // extern "C"
