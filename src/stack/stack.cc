#include "stack/parts.hh"

namespace anabranch::stack {

Stack::Stack(Env& env, SlabPool& pool, Config config) : parts_{std::make_unique<Parts>(env, pool, std::move(config))} {}
Stack::~Stack() = default;

void Stack::update(const Network& network, Instant now) { parts_->update(network, now); }
void Stack::receive(std::span<Frame> frames, Instant now) {
  for (Frame& frame : frames) {
    parts_->take(frame, now);
    frame = {};
  }
}
std::size_t Stack::poll_transmit(std::span<Frame> out, Instant now) { return parts_->poll_transmit(out, now); }
void Stack::on_deadline(Instant now) { parts_->on_deadline(now); }
Instant Stack::deadline() const { return parts_->wheel.next(); }

std::optional<Event> Stack::poll_event() {
  if (parts_->events.empty()) { return std::nullopt; }
  const Event out = parts_->events.front();
  parts_->events.pop_front();
  return out;
}

Result<ConnectionId> Stack::connect(const ConnectOptions& options, Instant now) {
  return parts_->connect(options, now);
}
Result<ListenerId> Stack::listen(const ListenOptions& options) { return parts_->listen(options); }

std::optional<ConnectionId> Stack::accept(ListenerId id) {
  Listener* l = parts_->listeners.find({id.index, id.generation});
  if (!l || l->ready.empty()) { return std::nullopt; }
  const Id out = l->ready.front();
  l->ready.pop_front();
  return ConnectionId{out.index, out.generation};
}

void Stack::close(ListenerId id, Instant now) { parts_->close_listener(id, now); }

Result<std::size_t> Stack::write(ConnectionId id, std::span<const std::uint8_t> bytes, Instant now) {
  return parts_->write(id, bytes, now);
}

Result<std::size_t> Stack::write_chain(ConnectionId id, const Chain& bytes, Instant now) {
  if (const Entry* e = parts_->find(id); e && e->contest) { return write(id, bytes.to_vector(), now); }
  return parts_->with(id, "write", now, [&](mptcp::Connection& c) { return c.write(bytes, now); });
}

Result<Chain> Stack::read_chain(ConnectionId id, Bytes at_most, Instant now) {
  if (const Entry* e = parts_->find(id); e && e->contest) { return fail(Errc::would_block, "read"); }
  return parts_->with(id, "read", now, [&](mptcp::Connection& c) { return c.read(at_most, now); });
}

Result<std::size_t> Stack::read(ConnectionId id, std::span<std::uint8_t> out, Instant now) {
  if (out.empty()) { return 0; }
  const Result<Chain> chain = read_chain(id, {out.size()}, now);
  if (!chain) { return std::unexpected(chain.error()); }
  return chain->copy_to(out);
}

Result<Chain> Stack::peek(ConnectionId id, Bytes at_most) const {
  const Entry* e = parts_->find(id);
  if (!e) { return fail(Errc::closed, "peek"); }
  if (e->contest) { return fail(Errc::would_block, "peek"); }
  return e->connection->peek(at_most);
}

bool Stack::awaits_first_bytes(ConnectionId id) const {
  const Entry* e = parts_->find(id);
  return e && e->connection->awaits_first_bytes();
}

Bytes Stack::readable(ConnectionId id) const {
  const Entry* e = parts_->find(id);
  return e && !e->contest ? e->connection->readable() : Bytes{};
}
Bytes Stack::writable(ConnectionId id) const {
  const Entry* e = parts_->find(id);
  if (e && e->contest) { return e->contest->room(); }
  return e ? e->connection->writable() : Bytes{};
}

Status Stack::finish(ConnectionId id, Instant now) { return parts_->finish(id, now); }

Status Stack::abort(ConnectionId id, Instant now) { return parts_->abort(id, now); }

Status Stack::set_no_delay(ConnectionId id, bool on, Instant now) {
  return parts_->with_all(
      id, "set_no_delay", now, [&](mptcp::Config& c) { c.no_delay = on; },
      [&](mptcp::Connection& c) { c.set_no_delay(on, now); });
}

Status Stack::set_cork(ConnectionId id, bool on, Instant now) {
  return parts_->with_all(
      id, "set_cork", now, [&](mptcp::Config& c) { c.cork = on; }, [&](mptcp::Connection& c) { c.set_cork(on, now); });
}

void Stack::release(ConnectionId id, Instant now) { parts_->release(id, now); }

Result<mptcp::ConnectionInfo> Stack::info(ConnectionId id, Instant) const {
  const Entry* e = parts_->find(id);
  if (!e) { return fail(Errc::closed, "info"); }
  return parts_->info(*e);
}

SocketAddress Stack::local_address(ConnectionId id) const {
  const Entry* e = parts_->find(id);
  return e ? parts_->shown(*e).connection->initial_addresses().local : SocketAddress{};
}
SocketAddress Stack::remote_address(ConnectionId id) const {
  const Entry* e = parts_->find(id);
  return e ? parts_->shown(*e).connection->initial_addresses().remote : SocketAddress{};
}

Status Stack::set_backup(ConnectionId id, mptcp::SubflowId subflow, bool backup, Instant now) {
  return parts_->with(id, "set_backup", now, [&](mptcp::Connection& c) { return c.set_backup(subflow, backup, now); });
}
Status Stack::close_subflow(ConnectionId id, mptcp::SubflowId subflow, Instant now) {
  return parts_->with(id, "close_subflow", now, [&](mptcp::Connection& c) { return c.close_subflow(subflow, now); });
}

Status Stack::announce(ConnectionId id, const SocketAddress& where, Instant now) {
  return parts_->announce(id, where, now);
}
Status Stack::withdraw(ConnectionId id, const SocketAddress& where, Instant now) {
  return parts_->withdraw(id, where, now);
}
Status Stack::open_subflow(ConnectionId id, std::optional<Address> local, const SocketAddress& remote, bool backup,
                           Instant now) {
  if (!local) {
    const auto ways = interfaces_towards(parts_->network, remote.address);
    if (ways.empty()) { return fail(Errc::no_such_path, "open_subflow: no route"); }
    local = source_address(parts_->network, ways.front(), remote.address);
  }
  return parts_->with(id, "open_subflow", now,
                      [&](mptcp::Connection& c) { return c.open_subflow(*local, remote, backup); });
}

std::optional<mptcp::PathEvent> Stack::poll_path_event(ConnectionId id) {
  Entry* e = parts_->find(id);
  return e && !e->contest ? e->connection->poll_path_event() : std::nullopt;
}
bool Stack::has_path_event(ConnectionId id) const {
  const Entry* e = parts_->find(id);
  return e && !e->contest && e->connection->has_path_event();
}

Status Stack::watch_rates(ConnectionId id, Duration every, Instant now) {
  constexpr Duration kLeast{10'000'000};  // more often there is nothing to see but noise, and work
  if (every != Duration{} && every < kLeast) { return fail(Errc::bad_argument, "watch_rates: too often"); }
  if (Entry* e = parts_->find(id)) { e->rates_every = every; }
  return parts_->with(id, "watch_rates", now, [&](mptcp::Connection& c) -> Status {
    c.watch_rates(every, now);
    return {};
  });
}

Status Stack::set_scheduler(ConnectionId id, std::string_view name, Instant now) {
  if (!mptcp::make_scheduler(name)) { return fail(Errc::bad_argument, "set_scheduler: no such scheduler"); }
  return parts_->with_all(
      id, "set_scheduler", now, [&](mptcp::Config& c) { c.scheduler = name; },
      [&](mptcp::Connection& c) { (void)c.set_scheduler(name, now); });
}

const Counters& Stack::counters() const { return parts_->counters; }
const Tally<DropReason>& Stack::malformed() const { return parts_->malformed; }
std::size_t Stack::connection_count() const { return parts_->connections.size(); }
Bytes Stack::memory_used() const { return parts_->memory.used(); }
Bytes Stack::memory_highest() const { return parts_->memory.highest(); }
std::size_t Stack::half_open_count() const { return parts_->half_open; }
std::size_t Stack::pending_join_count() const { return parts_->joins.size(); }
bool Stack::is_consistent() const { return parts_->is_consistent(); }
}  // namespace anabranch::stack
