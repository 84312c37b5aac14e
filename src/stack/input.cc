// One frame in: dissect, find its subflow, or its listener, or its connection by token, or answer with a reset.
#include "mptcp/roles/role.hh"
#include "stack/parts.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::stack {
namespace {
/// Half the places of a connection: joins that are never completed must leave some for those that are.
std::size_t most_half_open_joins(const Entry& e) { return std::max(1u, e.connection->config().max_subflows / 2); }
}  // namespace

void Stack::Parts::take(const Frame& frame, Instant now) {
  counters.add(Counter::frames_received);
  auto parsed = dissect(frame);
  if (!parsed) {
    malformed.add(parsed.error());
    const bool checksum =
        parsed.error() == DropReason::tcp_bad_checksum || parsed.error() == DropReason::ip_bad_checksum;
    counters.add(checksum ? Counter::dropped_checksum : Counter::dropped_malformed);
    trace::emit(env.trace, now, {}, [&] { return trace::Dropped{anabranch::name(parsed.error()), nullptr}; });
    return;
  }
  std::visit(Overloaded{[&](Dissected& d) { take_segment(d, now); }, [&](DissectedError& e) { take_error(e, now); }},
             *parsed);
}

void Stack::Parts::take_segment(Dissected& d, Instant now) {
  counters.add(Counter::segments_received);
  if (d.segment.flags.syn && !d.segment.flags.ack) { make_room_in_time_wait(d, now); }
  if (const Place* place = demux.find(d.addresses)) {
    const Id id{place->index, place->generation};
    const mptcp::SubflowId on = place->subflow;
    Entry* e = connections.find(id);
    ANABRANCH_CHECK(e != nullptr);  // a connection takes its 4-tuples with it
    const Bytes data = d.segment.payload.size();
    if (data > Bytes{} && !caps.admits(d.addresses.local.address, data, now)) {
      return counters.add(Counter::dropped_over_cap);
    }
    trace::emit(env.trace, now, {e->number, on.raw},
                [&] { return trace::SegmentReceived{&d.segment, &d.addresses, d.interface}; });
    const tcp::Verdict verdict = e->connection->on_segment(on, d.segment, now);
    if (const auto* drop = std::get_if<tcp::Drop>(&verdict)) {
      counters.add(Counter::dropped_by_endpoint);
      trace::emit(env.trace, now, {e->number, on.raw},
                  [&] { return trace::Dropped{anabranch::name(*drop), &d.segment}; });
    }
    touched(id, now);
    return;
  }
  // RFC 1122 §3.2.1.3, RFC 9293 §3.9.2.3: what is for another host or for many, and what is from nobody, is not even
  // refused. [9293-MUST-57 9293-MUST-63]
  if (!owner_of(network, d.addresses.local.address) || !is_somebody_else(d.addresses)) {
    return counters.add(Counter::dropped_not_for_us);
  }
  if (d.segment.flags.syn && !d.segment.flags.ack && !d.segment.flags.rst) {
    if (wire::find<wire::JoinSyn>(d.segment.mptcp)) { return take_join(d, now); }
    return take_syn(d, now);
  }
  if (take_third_of_join(d, now) || take_third(d, now)) { return; }
  answer_stray(d, {}, now);
}

/// Whether there can be a host with that address, other than ourselves (a SYN from our own address and port is "land").
bool Stack::Parts::is_somebody_else(const Addresses& a) const {
  const Address& from = a.remote.address;
  return !from.is_multicast() && !from.is_unspecified() && !is_broadcast(network, from) && a.local != a.remote;
}

Listener* Stack::Parts::listener_for(const SocketAddress& local, InterfaceId interface, Handle<ListenerTag>* handle) {
  Listener* out = nullptr;
  listeners.for_each([&](Handle<ListenerTag> h, Listener& l) {
    const ListenOptions& o = l.options;
    const bool here = o.interfaces.empty() || std::ranges::find(o.interfaces, interface) != o.interfaces.end();
    const bool fits = o.port == local.port && (!o.address || *o.address == local.address) && here;
    if (!fits || (out && out->options.address)) { return; }  // a listener for one address goes before one for all
    out = &l;
    if (handle) { *handle = h; }
  });
  return out;
}

InterfaceId Stack::Parts::answering_interface(const Dissected& d) const {
  for (const Interface& i : network.interfaces) {
    if (has_address(i, d.addresses.local.address) && route_over(network, i.id, d.addresses.remote.address)) {
      return i.id;
    }
  }
  return d.interface;
}

/// A SYN for a 4-tuple that lingers in TIME-WAIT opens a new connection if it is clearly a later one (RFC 6191 §2); if
/// not, the old one answers it.
void Stack::Parts::make_room_in_time_wait(const Dissected& d, Instant now) {
  const Place* place = demux.find(d.addresses);
  if (!place || d.segment.flags.rst) { return; }
  const Id id{place->index, place->generation};
  const mptcp::SubflowId on = place->subflow;
  mptcp::Connection& c = *connections.find(id)->connection;
  const auto last = c.last_seen(on);
  const Listener* l = listener_for(d.addresses.local, d.interface);
  if (!last || !l) { return; }
  const auto& stamps = d.segment.tcp.timestamps;
  const bool stamped = stamps && l->options.config.tcp.timestamps;
  if (!tcp::may_follow(*last, d.segment.seq, stamped ? std::optional{stamps->value} : std::nullopt)) { return; }
  followed = {d.addresses, last->our_next};
  c.end_lingering(on, now);
  touched(id, now);
}

/// RFC 7413 §4.2.2, "server: receiving SYN": whether what rides on it counts, and which cookie is told.
tcp::FastOpenGrant Stack::Parts::grant_for(Listener& l, const Dissected& d, Instant now) {
  tcp::FastOpenGrant grant;
  const auto& option = d.segment.tcp.fast_open;
  if (l.options.fast_open == 0 || !option) { return grant; }
  const auto answer =
      option->cookie.empty() ? CookieJar::Answer::old : fast_open_cookies.check(option->cookie, d.addresses, now);
  if (answer != CookieJar::Answer::good) {
    grant.cookie = fast_open_cookies.cookie(d.addresses, now);
    counters.add(Counter::fast_open_cookies_told);
  }
  if (answer == CookieJar::Answer::wrong) { counters.add(Counter::fast_open_bad_cookie); }
  if (option->cookie.empty() || answer == CookieJar::Answer::wrong) { return grant; }
  while (!l.reset_early.empty() && l.reset_early.front() <= now) { l.reset_early.pop_front(); }
  if (l.early + l.reset_early.size() >= l.options.fast_open) {
    counters.add(Counter::fast_open_queue_full);
    return grant;
  }
  counters.add(Counter::fast_open_taken);
  grant.take_data = true;
  return grant;
}

void Stack::Parts::take_syn(Dissected& d, Instant now) {  // [9293-MUST-42 8684-3.1-35]
  Handle<ListenerTag> handle;
  Listener* l = listener_for(d.addresses.local, d.interface, &handle);
  if (!l) { return answer_stray(d, {}, now); }
  // RFC 9293 leaves a full backlog open: silence makes the peer try again, an RST would make it give up.
  if (l->ready.size() >= l->options.backlog) { return counters.add(Counter::dropped_listener_full); }
  const Stateless stateless = l->options.stateless;
  if (stateless == Stateless::always || (stateless == Stateless::under_pressure && under_pressure(*l))) {
    return answer_without_state(d, *l, now);
  }
  if (under_pressure(*l)) { return counters.add(Counter::dropped_listener_full); }
  Id id;
  Entry* e = begin_passive(handle, d.addresses, d.segment.mptcp, {}, id);
  if (!e) { return counters.add(Counter::dropped_listener_full); }
  const tcp::FastOpenGrant grant = grant_for(*l, d, now);
  if (grant.take_data) {
    e->early = handle;
    ++l->early;
  }
  (void)e->connection->accept(way_for(d.addresses, answering_interface(d), now), d.segment, now, grant);
  tell_addresses(*e, now);
  touched(id, now);
}

bool Stack::Parts::under_pressure(const Listener& l) const {
  return l.waiting() >= l.options.backlog || half_open >= config.limits.half_open;
}

Entry* Stack::Parts::begin_passive(Handle<ListenerTag> handle, const Addresses& addresses,
                                   const wire::MptcpOptions& syn, std::optional<wire::Key> key, Id& id) {
  Listener& l = *listeners.find(handle);
  const mptcp::Dialect* dialect = mptcp::offered(syn, l.options.config.versions);
  id = add(l.options.config, dialect ? *dialect : mptcp::kVersion1, key);
  if (!id) { return nullptr; }
  Entry& e = *connections.find(id);
  e.interfaces = l.options.interfaces;
  e.listener = handle;
  e.announce = l.options.announce;
  e.doors = l.options.announce_at;
  e.stateless = l.options.stateless;
  e.half_open = true;
  ++l.half_open;
  ++half_open;
  demux.insert(addresses, {id.index, id.generation, {0}});
  return &e;
}

/// The port the connection was made to, at any of our addresses; and what was announced with a port (RFC 8684 §3.4.1).
bool Stack::Parts::takes_joins_at(const Entry& e, const SocketAddress& local) const {
  return local.port == e.connection->initial_addresses().local.port ||
         std::ranges::find(e.doors, local) != e.doors.end();
}

// [8684-3.2-13 8684-3.2-19]
/// RFC 8684 §3.2: the token says which connection; the MACs say whether it is true.
void Stack::Parts::take_join(Dissected& d, Instant now) {
  const auto* o = wire::find<wire::JoinSyn>(d.segment.mptcp);
  const auto it = tokens.find(o->token.raw);
  Entry* e = it == tokens.end() ? nullptr : connections.find(it->second);
  if (!e || !e->connection->established()) {
    counters.add(Counter::mp_join_no_token);
    return answer_stray(d, wire::ResetReason::mptcp_error, now);
  }
  const Id id = it->second;
  const bool port_fits = takes_joins_at(*e, d.addresses.local);
  const bool pressure = e->connection->has_room() && e->connection->half_open_joins() >= most_half_open_joins(*e);
  if (port_fits && (e->stateless == Stateless::always || (e->stateless == Stateless::under_pressure && pressure))) {
    return answer_join_without_state(d, *e, now);
  }
  mptcp::SubflowId subflow;
  const tcp::Verdict verdict =
      port_fits ? e->connection->accept_join(way_for(d.addresses, answering_interface(d), now), d.segment, subflow, now)
                : tcp::Verdict{tcp::ResetWith{wire::ResetReason::administratively_prohibited}};
  if (const auto* reset = std::get_if<tcp::ResetWith>(&verdict)) {
    refuse_join(d, *e, reset->reason, now);
  } else {
    demux.insert(d.addresses, {id.index, id.generation, subflow});
  }
  touched(id, now);  // a join that found no room may have made the connection look after others
}

void Stack::Parts::refuse_join(const Dissected& d, const Entry& e, wire::ResetReason reason, Instant now) {
  answer_stray(d, e.connection->dialect().resets_give_reasons ? std::optional{reason} : std::nullopt, now);
}

/// RFC 9293 §3.10.7.1: a segment for a connection that does not exist is answered with an RST, unless it is one.
void Stack::Parts::answer_stray(const Dissected& d, std::optional<wire::ResetReason> reason, Instant now) {
  const Segment& in = d.segment;
  counters.add(Counter::dropped_not_for_us);
  if (in.flags.rst || !config.respond_to_strays || strays.size() >= kMostStrays || !answers.spend(now)) { return; }
  Segment out;
  out.flags.rst = true;
  if (in.flags.ack) {
    out.seq = in.ack;
  } else {
    out.flags.ack = true;
    out.ack = {static_cast<std::uint32_t>(in.seq.raw + in.length())};
  }
  if (reason) {
    out.mptcp.push_back(wire::Reset{.transient = mptcp::is_transient(*reason), .unknown_flags = 0, .reason = *reason});
  }
  counters.add(Counter::strays_reset);
  send_stray(d.addresses, out, d.interface);
}

void Stack::Parts::send_stray(const Addresses& addresses, const Segment& segment, InterfaceId interface,
                              const mptcp::Config& marks) {
  const Envelope envelope{.ttl = marks.hop_limit,
                          .tos = static_cast<std::uint8_t>(marks.dscp << 2),
                          .ipv4_id = ipv4_id++,
                          .interface = interface};
  strays.push_back(assemble(addresses, segment, envelope, arena));
}

void Stack::Parts::take_error(const DissectedError& e, Instant now) {
  const Place* place = demux.find(e.addresses);
  if (!place) { return counters.add(Counter::dropped_not_for_us); }
  const Id id{place->index, place->generation};
  const mptcp::SubflowId on = place->subflow;
  mptcp::Connection& c = *connections.find(id)->connection;
  if (e.kind == wire::IcmpKind::fragmentation_needed) {
    c.on_packet_too_big(on, e.mtu, e.seq, now);
  } else {
    // [9293-MUST-54 9293-MUST-56 9293-SHLD-26]
    // RFC 9293 §3.9.2.2 with RFC 5461: protocol, port and prohibited are hard errors; net and host may pass.
    const bool hard = e.kind != wire::IcmpKind::unreachable_network && e.kind != wire::IcmpKind::unreachable_host;
    c.on_unreachable(on, hard, e.seq, now);
    doubt_attempt(id, now);
  }
  touched(id, now);
}
}  // namespace anabranch::stack
