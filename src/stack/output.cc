// Frames out, deadlines, changes of the network, and what follows when a connection was touched.
#include "stack/parts.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::stack {

void Stack::Parts::enqueue(Id id, Entry& e) {
  if (!std::exchange(e.queued, true)) { ready.push_back(id); }
}

std::size_t Stack::Parts::poll_transmit(std::span<Frame> out, Instant now) {
  std::size_t n = 0;
  while (n < out.size() && !strays.empty()) {
    out[n++] = std::move(strays.front());
    strays.pop_front();
  }
  while (n < out.size() && !ready.empty()) {
    const Id id = ready.front();
    ready.pop_front();
    Entry* e = connections.find(id);
    if (!e) { continue; }
    e->queued = false;
    if (is_held(*e)) { continue; }
    unsigned burst = 0;
    while (n < out.size() && burst < kBurst) {
      auto segment = e->connection->poll_transmit(now);
      if (!segment) { break; }
      trace::emit(env.trace, now, {e->number, segment->on.raw}, [&] {
        return trace::SegmentSent{&segment->segment, &segment->way->addresses, segment->way->interface, false};
      });
      out[n++] = make_frame(e->connection->config(), *segment);
      ++burst;
    }
    const bool maybe_more = n == out.size() || burst == kBurst;
    const bool news = take_up(id, now);
    if (Entry* still = connections.find(id); still && (maybe_more || news)) { enqueue(id, *still); }
  }
  counters.add(Counter::frames_sent, n);
  return n;
}

Frame Stack::Parts::make_frame(const mptcp::Config& of, const mptcp::Outgoing& out) {
  counters.add(Counter::segments_sent);
  const Interface* i = find_interface(network, out.way->interface);
  Envelope envelope{.ttl = of.hop_limit,  // [9293-MUST-48 9293-MUST-49 9293-SHLD-22]
                    .tos = static_cast<std::uint8_t>(of.dscp << 2),
                    .ipv4_id = ipv4_id,
                    .interface = out.way->interface};
  if (i && i->checksum_offload) { envelope.checksum = ChecksumState::pending; }
  const std::uint64_t packets =
      out.segment.cut ? (out.segment.payload.size().n + out.segment.cut - 1) / out.segment.cut : 1;
  ipv4_id = static_cast<std::uint16_t>(ipv4_id + packets);
  return assemble(out.way->addresses, out.segment, envelope, arena);  // [9293-MUST-45]
}

void Stack::Parts::on_deadline(Instant now) {
  std::vector<std::uint32_t> due;
  wheel.expire(now, due);
  for (const std::uint32_t index : due) {
    const Id id = connections.handle_at(index);
    Entry* e = connections.find(id);
    if (!e) { continue; }
    if (e->connection->deadline() <= now) { e->connection->on_deadline(now); }
    touched(id, now);
  }
}

void Stack::Parts::update(const Network& now_is, Instant now) {
  if (now_is == network) { return; }
  network = now_is;
  caps.update(network, now);
  std::vector<Id> all;
  connections.for_each([&](Id id, const Entry&) { all.push_back(id); });
  for (const Id id : all) {
    Entry* e = connections.find(id);
    if (!e) { continue; }  // it was an attempt of one before
    tell_addresses(*e, now);
    doubt_attempt_without_address(id, now);
    touched(id, now);
  }
}

void Stack::Parts::touched(Id id, Instant now) {
  take_up(id, now);
  if (Entry* e = connections.find(id)) { enqueue(id, *e); }
}

bool Stack::Parts::take_up(Id id, Instant now) {
  Entry* e = connections.find(id);
  if (!e) { return false; }
  if (e->races_for) {
    take_up_attempt(id, now);
    return false;
  }
  bool news = false;
  while (const auto request = e->connection->poll_request()) {
    carry_out(id, *e, *request, now);
    news = true;
  }
  take_events(id, *e, now);
  watch_early(*e, now);
  if (e->released && e->connection->readable()) {  // nobody will read it: RFC 2525 §2.17
    e->connection->abort(now);
    news = true;
  }
  while (const auto ended = e->connection->poll_ended()) { demux.erase(ended->addresses); }
  if (e->connection->dead()) {
    give_up(id, *e);
    return false;
  }
  wheel.set(id.index, e->connection->deadline());
  return news;
}

// The connection's happenings are the stack's, but for the first, which a listener may have to hear.
static_assert(static_cast<int>(Happened::connected) == static_cast<int>(mptcp::Happened::established));
static_assert(static_cast<int>(Happened::closed) == static_cast<int>(mptcp::Happened::closed));

/// RFC 7413 §4.2 and §5.1: one fewer is pending when its third segment comes; when it was reset, later.
void Stack::Parts::watch_early(Entry& e, Instant now) {
  if (!e.early || e.connection->opened_early()) { return; }
  Listener* l = listeners.find(std::exchange(e.early, {}));
  if (!l) { return; }
  --l->early;
  const bool went_on = e.connection->initial_agreement() && !e.connection->dead() && e.connection->established();
  if (!went_on) { l->reset_early.push_back(now + kResetEarly); }
}

void Stack::Parts::take_events(Id id, Entry& e, Instant now) {
  const ConnectionId cid{id.index, id.generation};
  while (const auto event = e.connection->poll_event()) {
    Happened what = static_cast<Happened>(event->what);
    if (event->what == mptcp::Happened::established || event->what == mptcp::Happened::closed) {
      remember_handshake(e, event->error, now);
    }
    if (event->what == mptcp::Happened::established) {
      counters.add(Counter::connections_accepted, e.half_open ? 1 : 0);
      remember_version(e, now);
      Listener* l = listeners.find(e.listener);
      if (std::exchange(e.half_open, false)) {
        --half_open;
        if (l) { --l->half_open; }
      }
      if (l) {
        l->ready.push_back(id);
        events.push_back({Happened::acceptable, {}, {e.listener.index, e.listener.generation}, {}});
        e.listener = {};
        continue;
      }
      what = Happened::connected;
    }
    if (!e.released) { tell({what, cid, {}, event->error}); }
  }
}

/// That something changed is told once until it is heard: a peer can make subflows change as often as it likes.
void Stack::Parts::tell(const Event& event) {
  const auto said = [&](const Event& e) { return e.what == event.what && e.connection == event.connection; };
  constexpr std::ptrdiff_t kLook = 16;  // back; other connections may have spoken in between
  const auto from = events.end() - std::min<std::ptrdiff_t>(kLook, static_cast<std::ptrdiff_t>(events.size()));
  if (event.what == Happened::paths_changed && std::any_of(from, events.end(), said)) { return; }
  events.push_back(event);
}

void Stack::Parts::carry_out(Id id, Entry& e, const mptcp::OpenRequest& request, Instant now) {
  const auto route = route_over(network, request.from.interface, request.to.address);
  if (!route) { return e.connection->refuse(request, Errc::no_such_path, now); }
  // The same local port where its 4-tuple is free, as one application's connections look; else another of ours.
  std::optional<std::uint16_t> port = e.connection->initial_addresses().local.port;
  const Addresses preferred{{request.from.address, *port}, request.to};
  const bool used = std::ranges::find(e.used, preferred) != e.used.end();
  if (used || demux.contains(preferred)) { port = free_port(request.from.address, request.to, now); }
  if (!port) { return e.connection->refuse(request, Errc::no_ports_left, now); }
  const Addresses a{{request.from.address, *port}, request.to};
  if (e.used.size() < kMostUsed) { e.used.push_back(a); }
  const mptcp::SubflowId subflow = e.connection->open(request, way_for(a, request.from.interface, now), now);
  demux.insert(a, {id.index, id.generation, subflow});
}

/// The connection is over and nothing of it is wanted any more.
void Stack::Parts::give_up(Id id, Entry& e) {
  if (e.half_open) {
    --half_open;
    if (Listener* l = listeners.find(e.listener)) { --l->half_open; }
  }
  // A handle that the application still holds keeps the connection for reports; it goes with `release`.
  const bool known = !e.released && !e.half_open;
  wheel.clear(id.index);
  if (known) { return; }
  counters.add(Counter::connections_closed, e.dismissed ? 0 : 1);
  tokens.erase(e.connection->token().raw);
  connections.erase(id);
}

bool Stack::Parts::is_consistent() const {
  bool good = true;
  std::size_t half = 0;
  connections.for_each([&](Id, const Entry& e) {
    good = good && e.connection->is_consistent() && contest_is_consistent(e);
    half += e.half_open ? 1 : 0;
  });
  good = good && memory.used() <= memory.cap();
  return good && half == half_open && connections.size() <= config.limits.connections;
}
}  // namespace anabranch::stack
