// setsockopt and getsockopt: a table of options, each with how it is written and how it is read.
#include "cc/registry.hh"
#include "embed/stack.hh"
#include "mptcp/path_manager.hh"
#include "mptcp/policy.hh"
#include "mptcp/scheduler.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>

using namespace anabranch;
using namespace anabranch::embed;

namespace {
constexpr std::int64_t kSecond = 1'000'000'000, kMillisecond = 1'000'000;

/// Of an int option: 0 or an errno, negative.
using Set = int (*)(Socket&, int value);
using Get = int (*)(const anb_stack&, Socket&);
/// When it may be set: those that shape the handshake or the buffers, only before there is a connection.
enum class When : std::uint8_t { always, before, never };

struct IntOption {
  int level, name;
  When when;
  Set set;
  Get get;
};

int seconds_option(Duration& where, int value) {
  if (value < 1 || value > 32767) { return -EINVAL; }  // Linux's limits
  where = Duration{value * kSecond};
  return 0;
}

int buffer_option(Bytes& where, int value) {
  constexpr int kLeast = 4096;  // a packet or two: below it nothing moves
  where = Bytes{static_cast<std::uint64_t>(std::max(value, kLeast))};
  return 0;
}

int milliseconds_option(Duration& where, int value, Duration least) {
  if (value < 0 || Duration{value * kMillisecond} < least) { return -EINVAL; }
  where = Duration{value * kMillisecond};
  return 0;
}

int within(unsigned& where, int value, int low, int high) {
  if (value < low || value > high) { return -EINVAL; }
  where = static_cast<unsigned>(value);
  return 0;
}

int refuse(Socket&, int) { return -ENOPROTOOPT; }

const IntOption kOptions[] = {
    {SOL_SOCKET, SO_ERROR, When::never, refuse, [](const anb_stack&, Socket& s) { return std::exchange(s.error, 0); }},
    {SOL_SOCKET, SO_TYPE, When::never, refuse, [](const anb_stack&, Socket&) -> int { return SOCK_STREAM; }},
    {SOL_SOCKET, SO_PROTOCOL, When::never, refuse,
     [](const anb_stack&, Socket& s) -> int { return s.config.multipath ? 262 /* IPPROTO_MPTCP */ : IPPROTO_TCP; }},
    {SOL_SOCKET, SO_ACCEPTCONN, When::never, refuse,
     [](const anb_stack&, Socket& s) { return std::holds_alternative<Listening>(s.is) ? 1 : 0; }},
    {SOL_SOCKET, SO_REUSEADDR, When::always,
     [](Socket& s, int v) {
       s.reuse_address = v != 0;  // no TIME-WAIT keeps a listener from its port here
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.reuse_address ? 1 : 0; }},
    {SOL_SOCKET, SO_SNDBUF, When::before, [](Socket& s, int v) { return buffer_option(s.config.send_buffer, v); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.send_buffer.n); }},
    {SOL_SOCKET, SO_RCVBUF, When::before,
     [](Socket& s, int v) {
       buffer_option(s.config.receive_buffer, v);
       s.config.initial_receive_buffer = std::min(s.config.initial_receive_buffer, s.config.receive_buffer);
       return 0;
     },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.receive_buffer.n); }},
    {SOL_SOCKET, SO_KEEPALIVE, When::before,
     [](Socket& s, int v) {
       constexpr Duration kLinux{7200 * kSecond};
       Duration& idle = s.config.tcp.keepalive_idle;
       if (v != 0 && idle == Duration{}) { idle = kLinux; }
       if (v == 0) {
         idle = {};
       }
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.config.tcp.keepalive_idle == Duration{} ? 0 : 1; }},
    {IPPROTO_TCP, TCP_KEEPIDLE, When::before,
     [](Socket& s, int v) { return seconds_option(s.config.tcp.keepalive_idle, v); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.tcp.keepalive_idle.ns / kSecond); }},
    {IPPROTO_TCP, TCP_KEEPINTVL, When::before,
     [](Socket& s, int v) { return seconds_option(s.config.tcp.keepalive_interval, v); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.tcp.keepalive_interval.ns / kSecond); }},
    {IPPROTO_TCP, TCP_KEEPCNT, When::before,
     [](Socket& s, int v) { return within(s.config.tcp.keepalive_probes, v, 1, 127); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.tcp.keepalive_probes); }},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, When::before,
     [](Socket& s, int v) {
       if (v < 0) { return -EINVAL; }
       s.config.tcp.give_up_after = v == 0 ? tcp::Config{}.give_up_after : Duration{v * kMillisecond};
       return 0;
     },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.tcp.give_up_after.ns / kMillisecond); }},
    {IPPROTO_TCP, TCP_NODELAY, When::always,
     [](Socket& s, int v) {
       s.config.no_delay = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.config.no_delay ? 1 : 0; }},
    {IPPROTO_TCP, TCP_CORK, When::always,
     [](Socket& s, int v) {
       s.config.cork = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.config.cork ? 1 : 0; }},
    {IPPROTO_TCP, TCP_FASTOPEN, When::before, [](Socket& s, int v) { return within(s.fast_open_queue, v, 0, 65535); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.fast_open_queue); }},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, When::before,
     [](Socket& s, int v) {
       s.fast_open_connect = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.fast_open_connect ? 1 : 0; }},
    {IPPROTO_TCP, TCP_MAXSEG, When::never, refuse,
     [](const anb_stack& stack, Socket& s) {
       const auto* c = std::get_if<Connected>(&s.is);
       const auto local = c ? stack.stack.local_address(c->id).address : Address{};
       const anb_stack::Port* p = stack.owner_of(local);
       if (p == nullptr) { return 536; }  // RFC 9293 §3.7.1
       return static_cast<int>(p->interface.mtu) - (local.family == Family::v4 ? 40 : 60);
     }},
    {ANB_SOL, ANB_MULTIPATH, When::before,
     [](Socket& s, int v) {
       s.config.multipath = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.config.multipath ? 1 : 0; }},
    {ANB_SOL, ANB_CHECKSUM, When::before,
     [](Socket& s, int v) {
       s.config.checksum = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.config.checksum ? 1 : 0; }},
    {ANB_SOL, ANB_VERSIONS, When::before,
     [](Socket& s, int v) {
       constexpr mptcp::Versions kThem[] = {mptcp::Versions::v0, mptcp::Versions::v1, mptcp::Versions::prefer_v1};
       if (v < 0 || v >= static_cast<int>(std::size(kThem))) { return -EINVAL; }
       s.config.versions = kThem[v];
       return 0;
     },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.versions); }},
    {ANB_SOL, ANB_STATELESS, When::before,
     [](Socket& s, int v) {
       constexpr stack::Stateless kThem[] = {stack::Stateless::never, stack::Stateless::under_pressure,
                                             stack::Stateless::always};
       if (v < 0 || v >= static_cast<int>(std::size(kThem))) { return -EINVAL; }
       s.stateless = kThem[v];
       return 0;
     },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.stateless); }},
    {ANB_SOL, ANB_MAX_SUBFLOWS, When::before, [](Socket& s, int v) { return within(s.config.max_subflows, v, 1, 255); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.max_subflows); }},
    {ANB_SOL, ANB_MAX_REMOTE, When::before,
     [](Socket& s, int v) { return within(s.config.max_remote_addresses, v, 0, 255); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.max_remote_addresses); }},
    {ANB_SOL, ANB_CLOSE_TIMEOUT, When::before,
     [](Socket& s, int v) {
       if (v < 0) { return -EINVAL; }
       s.config.close_timeout = Duration{v * kMillisecond};
       return 0;
     },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.config.close_timeout.ns / kMillisecond); }},
    {ANB_SOL, ANB_RACE, When::before,
     [](Socket& s, int v) {
       s.race.on = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.race.on ? 1 : 0; }},
    {ANB_SOL, ANB_RACE_DELAY, When::before,
     [](Socket& s, int v) { return milliseconds_option(s.race.between, v, stack::Race::kLeastBetween); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.race.between.ns / kMillisecond); }},
    {ANB_SOL, ANB_RACE_PATIENCE, When::before,
     [](Socket& s, int v) { return milliseconds_option(s.race.patience, v, {}); },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.race.patience.ns / kMillisecond); }},
    {ANB_SOL, ANB_WATCH_PATHS, When::always,
     [](Socket& s, int v) {
       s.watches_paths = v != 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.watches_paths ? 1 : 0; }},
    {ANB_SOL, ANB_RATES, When::always,
     [](Socket& s, int v) {
       return v == 0 ? milliseconds_option(s.rates_every, v, {}) : milliseconds_option(s.rates_every, v, 10_ms);
     },
     [](const anb_stack&, Socket& s) { return static_cast<int>(s.rates_every.ns / kMillisecond); }},
    {ANB_SOL, ANB_NO_ANNOUNCE, When::before,
     [](Socket& s, int v) {
       s.announce = v == 0;
       return 0;
     },
     [](const anb_stack&, Socket& s) { return s.announce ? 0 : 1; }},
};

const IntOption* find_option(int level, int name) {
  const auto it = std::ranges::find_if(kOptions, [&](const auto& o) { return o.level == level && o.name == name; });
  return it == std::end(kOptions) ? nullptr : &*it;
}

/// Options whose value is one of a list of names.
struct NameOption {
  int level, name;
  std::string& (*where)(Socket&);
  std::span<const std::string_view> (*known)();
};
const NameOption kNames[] = {
    {IPPROTO_TCP, TCP_CONGESTION, [](Socket& s) -> std::string& { return s.config.tcp.congestion; },
     [] { return std::span<const std::string_view>{cc::controller_names()}; }},
    {ANB_SOL, ANB_SCHEDULER, [](Socket& s) -> std::string& { return s.config.scheduler; },
     [] { return std::span<const std::string_view>{mptcp::scheduler_names()}; }},
    {ANB_SOL, ANB_PATH_MANAGER, [](Socket& s) -> std::string& { return s.config.path_manager; },
     [] { return std::span<const std::string_view>{mptcp::path_manager_names()}; }},
};

const NameOption* find_name_option(int level, int name) {
  const auto it = std::ranges::find_if(kNames, [&](const auto& o) { return o.level == level && o.name == name; });
  return it == std::end(kNames) ? nullptr : &*it;
}

bool may_change(const Socket& s) { return std::holds_alternative<Fresh>(s.is); }

int set_linger(Socket& s, const void* value, socklen_t length) {
  linger l{};
  if (length < sizeof l) { return -EINVAL; }
  std::memcpy(&l, value, sizeof l);
  if (l.l_onoff == 0) {
    s.linger.reset();
  } else {
    s.linger = static_cast<unsigned>(std::max(l.l_linger, 0));
  }
  return 0;
}

int set_name(anb_stack& stack, Socket& s, const NameOption& o, const void* value, socklen_t length, anb_time now) {
  std::string_view name{static_cast<const char*>(value), length};
  name = name.substr(0, name.find('\0'));
  if (std::ranges::find(o.known(), name) == o.known().end()) { return -ENOENT; }
  if (const auto* c = std::get_if<Connected>(&s.is); c != nullptr && o.name == ANB_SCHEDULER) {
    (void)stack.stack.set_scheduler(c->id, name, at(now));
    stack.take_events(now);
  } else if (!may_change(s)) {
    return -EISCONN;
  }
  o.where(s) = name;
  return 0;
}

int set_policy(Socket& s, const void* value, socklen_t length) {
  std::string_view name{static_cast<const char*>(value), length};
  name = name.substr(0, name.find('\0'));
  const auto known = mptcp::policy_names();
  if (std::ranges::find(known, name) == known.end()) { return -ENOENT; }
  if (!may_change(s)) { return -EISCONN; }
  return mptcp::apply_policy(name, s.config) ? 0 : -EINVAL;
}

/// As much as there is room for.
int give(const void* from, socklen_t size, void* value, socklen_t* length) {
  *length = std::min(*length, size);
  std::memcpy(value, from, *length);
  return 0;
}
}  // namespace

extern "C" {

int anb_setsockopt(anb_stack* s, int fd, int level, int name, const void* value, socklen_t length, anb_time now) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  if (value == nullptr) { return -EINVAL; }
  if (level == SOL_SOCKET && name == SO_LINGER) { return set_linger(*socket, value, length); }
  if (const NameOption* o = find_name_option(level, name)) { return set_name(*s, *socket, *o, value, length, now); }
  if (level == ANB_SOL && name == ANB_POLICY) { return set_policy(*socket, value, length); }
  const IntOption* o = find_option(level, name);
  if (o == nullptr || o->when == When::never) { return -ENOPROTOOPT; }
  if (length < sizeof(int)) { return -EINVAL; }
  if (o->when == When::before && !may_change(*socket)) { return -EISCONN; }
  int number = 0;
  std::memcpy(&number, value, sizeof number);
  const int result = o->set(*socket, number);
  if (const auto* c = std::get_if<Connected>(&socket->is); c != nullptr && result == 0 && level == IPPROTO_TCP) {
    (void)s->stack.set_no_delay(c->id, socket->config.no_delay, at(now));  // those of a live connection
    (void)s->stack.set_cork(c->id, socket->config.cork, at(now));
    s->take_events(now);
  }
  if (const auto* c = std::get_if<Connected>(&socket->is); c != nullptr && result == 0 && level == ANB_SOL) {
    (void)s->stack.watch_rates(c->id, socket->rates_every, at(now));
    s->take_events(now);
  }
  return result;
}

int anb_getsockopt(anb_stack* s, int fd, int level, int name, void* value, socklen_t* length) {
  Socket* socket = s->find(fd);
  if (socket == nullptr) { return -EBADF; }
  if (value == nullptr || length == nullptr) { return -EINVAL; }
  if (level == SOL_SOCKET && name == SO_LINGER) {
    const linger l{.l_onoff = socket->linger ? 1 : 0, .l_linger = static_cast<int>(socket->linger.value_or(0))};
    return give(&l, sizeof l, value, length);
  }
  if (const NameOption* o = find_name_option(level, name)) {
    const std::string& text = o->where(*socket);
    return give(text.c_str(), static_cast<socklen_t>(text.size() + 1), value, length);
  }
  const IntOption* o = find_option(level, name);
  if (o == nullptr) { return -ENOPROTOOPT; }
  const int number = o->get(*s, *socket);
  return give(&number, sizeof number, value, length);
}
}  // extern "C"
