// The application's side of a stack: connecting, listening, letting go.
#include "cc/registry.hh"
#include "stack/parts.hh"

#include <algorithm>

namespace anabranch::stack {

Stack::Parts::Parts(Env& env_, SlabPool& pool_, Config config_)
    : env{env_},
      pool{pool_},
      config{std::move(config_)},
      memory{config.limits.memory},
      connections{config.limits.connections},
      demux{env.random},
      arena{pool_},
      answers{config.limits.resets_per_second},
      isn_key{crypto::SipKey::draw(env.random)},
      fast_open_cookies{env.random, config.cookie_period},
      destinations{config.limits.destinations},
      cookies{env.random},
      joins{config.limits.pending_joins, env.random},
      next_port{static_cast<std::size_t>(env.random.visible() % 65536)},
      ipv4_id{static_cast<std::uint16_t>(env.random.visible())} {}

std::optional<Errc> Stack::Parts::check(const mptcp::Config& c) const {
  const auto known = [](auto names, std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  const bool good = (c.make_scheduler || known(mptcp::scheduler_names(), c.scheduler)) &&
                    known(mptcp::path_manager_names(), c.path_manager) &&
                    known(cc::controller_names(), c.tcp.congestion) && c.max_subflows > 0 && c.paths.ndiffports > 0 &&
                    c.send_buffer && c.receive_buffer;
  return good ? std::nullopt : std::optional{Errc::bad_argument};
}

Id Stack::Parts::add(const mptcp::Config& c, const mptcp::Dialect& dialect, std::optional<wire::Key> given) {
  wire::Key key = given.value_or(wire::Key{});
  while (key.raw == 0 || tokens.contains(dialect.token_of(key).raw)) {
    // [8684-3.1-06 8684-3.1-07 8684-3.1-08]
    key.raw = env.random.secret_word();  // §3.1: a token names one connection; key 0 is not a key
  }
  if (memory.left() < stream::MemoryAccount::kReserved) {
    counters.add(Counter::memory_refused_connections);
    return {};
  }
  const std::uint64_t number = next_number++;
  const Id id = connections.emplace(
      std::make_unique<mptcp::Connection>(env, pool, counters, c, dialect, key, number, &memory), number);
  if (id) { tokens[dialect.token_of(key).raw] = id; }
  return id;
}

mptcp::Way Stack::Parts::way_for(const Addresses& a, InterfaceId interface, Instant now) {
  mptcp::Way way{.addresses = a,
                 .interface = interface,
                 .isn = crypto::initial_seq(isn_key, a.local, a.remote, now),
                 .stamp_offset = cookies.timestamp_offset(a)};
  if (followed && followed->first == a) {
    // RFC 1122 §4.2.2.13: above all that the old connection sent; a window further, for what is still on its way.
    constexpr std::uint32_t kWindow = 65536;
    const std::uint32_t least = followed->second.raw + kWindow;
    if (static_cast<std::int32_t>(way.isn.raw - least) < 0) { way.isn.raw = least; }
    followed.reset();
  }
  if (const Interface* i = find_interface(network, interface)) {
    way.mtu = i->mtu;
    way.super_segment = i->super_segment;
  }
  return way;
}

std::vector<mptcp::LocalAddress> Stack::Parts::usable_addresses(const Entry& e) const {
  const auto& initial = e.connection->initial_addresses().local.address;
  std::vector<mptcp::LocalAddress> out;
  for (const Interface& i : network.interfaces) {
    const bool allowed = e.interfaces.empty() || std::ranges::find(e.interfaces, i.id) != e.interfaces.end();
    if (!i.up || !allowed) { continue; }
    for (const InterfaceAddress& a : i.addresses) {
      // Without its scope a link-local address means nothing to the peer, and a loopback one is nobody else's.
      const bool global = !a.address.is_link_local() && !a.address.is_loopback() && e.announce;
      if (global || a.address == initial) { out.push_back({i.id, a.address, a.use, a.prefix}); }
    }
  }
  return out;
}

void Stack::Parts::tell_addresses(Entry& e, Instant now) {
  std::vector<InterfaceId> up;
  for (const Interface& i : network.interfaces) {
    if (i.up) { up.push_back(i.id); }
  }
  for (const SocketAddress& door : e.doors) {
    const Interface* i = owner_of(network, door.address);
    if (i && i->up) { (void)e.connection->announce({i->id, door.address, {}}, door.port, now); }
  }
  e.connection->set_local_addresses(usable_addresses(e), up, now);
}

Status Stack::Parts::announce(ConnectionId id, const SocketAddress& where, Instant now) {
  const Interface* i = owner_of(network, where.address);
  if (!i || !i->up) { return fail(Errc::no_such_path, "announce: not an address of ours"); }
  Entry* e = find(id);
  if (!e) { return fail(Errc::closed, "announce"); }
  const std::optional<std::uint16_t> port = where.port != 0 ? std::optional{where.port} : std::nullopt;
  if (port && std::ranges::find(e->doors, where) == e->doors.end()) {
    if (e->doors.size() >= kMostDoors) { return fail(Errc::limit_reached, "announce: enough of them"); }
    e->doors.push_back(where);
  }
  return with(id, "announce", now,
              [&](mptcp::Connection& c) { return c.announce({i->id, where.address, {}}, port, now); });
}

Status Stack::Parts::withdraw(ConnectionId id, const SocketAddress& where, Instant now) {
  Entry* e = find(id);
  if (!e || std::erase(e->doors, where) == 0) { return fail(Errc::no_such_path, "withdraw: was not announced"); }
  return with(id, "withdraw", now,
              [&](mptcp::Connection& c) { return c.withdraw({{}, where.address, {}}, where.port, now); });
}

/// Takes a 4-tuple from a subflow that lingers in TIME-WAIT, if it is safe to use it again at once: both ends use
/// timestamps, and ours have moved since (RFC 6191 §3, RFC 7323 appendix B.2).
bool Stack::Parts::end_lingering(const Addresses& a, Instant now) {
  const Place* place = demux.find(a);
  if (!place) { return false; }
  const Id id{place->index, place->generation};
  const mptcp::SubflowId on = place->subflow;
  mptcp::Connection& c = *connections.find(id)->connection;
  const auto last = c.last_seen(on);
  constexpr Duration kMoved{1'000'000'000};  // Linux: a second, far more than a tick of either clock
  if (!last || !last->stamp || now - last->stamped_at < kMoved) { return false; }
  followed = {a, last->our_next};
  c.end_lingering(on, now);
  touched(id, now);
  return true;
}

/// A local port of ours whose 4-tuple is free, in turn; when there is none, one that only lingers.
std::optional<std::uint16_t> Stack::Parts::free_port(const Address& local, const SocketAddress& remote, Instant now) {
  for (std::size_t i = 0; i < config.ports.size(); ++i) {
    const std::uint16_t port = config.ports[next_port++ % config.ports.size()];
    if (!demux.contains({{local, port}, remote})) { return port; }
  }
  for (const std::uint16_t port : config.ports) {
    if (end_lingering({{local, port}, remote}, now)) { return port; }
  }
  return std::nullopt;
}

Result<ListenerId> Stack::Parts::listen(const ListenOptions& options) {
  if (const auto bad = check(options.config)) { return fail(*bad, "listen: unknown policy name or empty limit"); }
  if (options.port == 0 || options.backlog == 0) {
    return fail(Errc::bad_argument, "listen: port and backlog must not be 0");
  }
  if (options.announce_at.size() > kMostDoors) { return fail(Errc::limit_reached, "listen: too many announcements"); }
  bool taken = false;
  listeners.for_each([&](auto, const Listener& l) {
    taken = taken || (l.options.port == options.port &&
                      (!l.options.address || !options.address || l.options.address == options.address));
  });
  if (taken) { return fail(Errc::address_in_use, "listen"); }  // [9293-MUST-41]
  const auto h = listeners.emplace(Listener{options, {}, 0});
  return ListenerId{h.index, h.generation};
}

void Stack::Parts::close_listener(ListenerId id, Instant now) {
  const Handle<ListenerTag> h{id.index, id.generation};
  Listener* l = listeners.find(h);
  if (!l) { return; }
  // Whoever was not accepted yet never will be.
  std::vector<Id> orphans;
  connections.for_each([&](Id c, const Entry& e) {
    if (e.listener == h) { orphans.push_back(c); }
  });
  const std::deque<Id> unaccepted = std::move(l->ready);
  listeners.erase(h);
  for (const Id c : unaccepted) { orphans.push_back(c); }
  for (const Id c : orphans) {
    if (!connections.find(c)) { continue; }
    Entry& e = *connections.find(c);
    if (std::exchange(e.half_open, false)) { --half_open; }
    e.listener = e.early = {};
    e.released = true;
    e.connection->abort(now);
    touched(c, now);
  }
}

void Stack::Parts::release(ConnectionId cid, Instant now) {
  Entry* e = find(cid);
  if (!e) { return; }
  const Id id{cid.index, cid.generation};
  if (e->contest) { return release_contest(id, now); }
  e->released = true;
  e->connection->orphan();
  std::erase_if(events, [&](const Event& ev) { return ev.what != Happened::acceptable && ev.connection == cid; });
  // RFC 9293 §3.10.4 with RFC 2525 §2.17: what the peer sent and nobody read must not look delivered.
  if (e->connection->readable() || e->connection->unborn()) {
    e->connection->abort(now);
  } else {
    (void)e->connection->finish(now);
  }
  touched(id, now);
}
}  // namespace anabranch::stack
