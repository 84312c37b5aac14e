// The subflows a connection has or wants: joins, addresses, what the path manager hears and asks for, what the peer says.
#include "crypto/equal.hh"
#include "crypto/keys.hh"
#include "mptcp/connection.hh"
#include "mptcp/roles/join.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

// --- joins ------------------------------------------------------------------------------------------------------

bool Connection::takes_joins() const {
  // While closing too: a peer whose path broke may still have to hear that its DATA_FIN arrived.
  return session_.mode == Mode::mptcp && established();
}

/// Who may give way to a join when there is no room: a subflow from the same address that shows no sign of life, for
/// the peer has lost it if anybody has. Those that do are asked; by the time the peer tries again the answer is there.
/// One join at a time, and it takes the place only when it has proved who it is (RFC 8684 §3.2, §3.6).
Subflow* Connection::replaceable(wire::AddressId id, const Address& from, Instant now) {
  const auto waits = [](const auto& s) { return s->lane().replaces && !s->was_up && !s->over; };
  if (std::ranges::any_of(subflows_, waits)) { return nullptr; }
  const auto same = [&](const Subflow& s) {
    return !s.over && (s.lane().remote == id || s.way().addresses.remote.address == from);
  };
  for (const auto& s : subflows_) {
    if (same(*s) && (s->stalled || !s->was_up)) { return s.get(); }
  }
  for (const auto& s : subflows_) {
    if (same(*s)) { s->question(Doubt::Cause::replaced, now); }
  }
  return nullptr;
}

tcp::Verdict Connection::accept_join(const Way& way, const Segment& syn, SubflowId& id, Instant now) {
  const auto* o = wire::find<wire::JoinSyn>(syn.mptcp);
  ANABRANCH_CHECK(o != nullptr);  // the stack found us by it
  counters_.add(Counter::mp_join_syn_received);
  return resume_join(way, syn, static_cast<std::uint32_t>(env_.random.visible()), id, now);
}

std::size_t Connection::half_open_joins() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      subflows_, [](const auto& s) { return s->lane().joined && s->endpoint().phase() == tcp::Phase::syn_received; }));
}

/// Whether the connection takes a join that came this way, and as what. [8684-3.2-13]
std::expected<Connection::Admission, wire::ResetReason> Connection::admit_join(const Way& way, const wire::JoinSyn& syn,
                                                                               Instant now) {
  const auto refuse = [this](wire::ResetReason why) {
    counters_.add(Counter::mp_join_refused);
    return std::unexpected(why);
  };
  const auto local = addresses_.id_at({way.interface, way.addresses.local.address}, way.addresses.local.port);
  if (!takes_joins() || !local) { return refuse(wire::ResetReason::administratively_prohibited); }
  Admission out{.local = *local, .backup = addresses_.local(*local)->where.use.backup};
  if (session_.alive < session_.config.max_subflows) { return out; }
  const Subflow* old = replaceable(syn.id, way.addresses.remote.address, now);
  if (!old) {
    settle(now);  // those in question are to be asked
    return refuse(wire::ResetReason::lack_of_resources);
  }
  out.replaces = old->id();
  return out;
}

std::expected<wire::JoinSynAck, wire::ResetReason> Connection::answer_join(const Way& way, const wire::JoinSyn& syn,
                                                                           std::uint32_t nonce, Instant now) {
  counters_.add(Counter::mp_join_syn_received);
  const auto admitted = admit_join(way, syn, now);
  if (!admitted) { return std::unexpected(admitted.error()); }
  return join_answer(session_, {.local = admitted->local, .local_backup = admitted->backup}, syn, nonce);
}

bool Connection::proves_join(const wire::JoinSyn& syn, std::uint32_t nonce, const wire::JoinAck& ack) const {
  return session_.remote_key && join_is_proved(session_, syn, nonce, ack);
}

tcp::Verdict Connection::resume_join(const Way& way, const Segment& syn, std::uint32_t nonce, SubflowId& id,
                                     Instant now) {
  const auto* o = wire::find<wire::JoinSyn>(syn.mptcp);
  ANABRANCH_CHECK(o != nullptr);
  const auto admitted = admit_join(way, *o, now);
  if (!admitted) { return tcp::ResetWith{admitted.error()}; }
  Lane lane{.local = admitted->local,
            .remote = o->id,
            .joined = true,
            .local_backup = admitted->backup,
            .remote_backup = o->backup,
            .replaces = admitted->replaces};
  Subflow& s = add(way, std::move(lane), std::make_unique<JoinServer>(nonce, *o));
  id = s.id();
  s.opened_by_peer = true;
  const tcp::Verdict verdict = s.accept(syn, now);
  settle(now);
  return verdict;
}

void Connection::hear_joined(Subflow& s, Instant now) {
  counters_.add(Counter::mp_join_established);
  session_.in_sequence = false;
  if (s.lane().replaces) {
    Subflow* old = find(*s.lane().replaces);
    const bool alive = old && !old->over && old->was_up && !old->stalled;
    if (alive) {  // it has recovered meanwhile: there is no room after all
      s.set_ended_by(name(wire::ResetReason::lack_of_resources));
      return s.endpoint().abort(wire::ResetReason::lack_of_resources);
    }
    if (old && !old->over) {
      counters_.add(Counter::mp_join_replaced);
      old->set_ended_by(name(Doubt::Cause::replaced));
      old->endpoint().abort(wire::ResetReason::unspecified);
    }
  }
  subflow_up(s, now);
  tell_path_manager(SubflowUp{{s.lane().local, s.lane().remote}, s.lane().local_backup}, now);
}

// --- addresses --------------------------------------------------------------------------------------------------

void Connection::set_local_addresses(std::span<const LocalAddress> addresses, std::span<const InterfaceId> up,
                                     Instant now) {
  std::optional<wire::AddressId> kept;  // withdrawn it would only be asked for its life
  if (session_.mode == Mode::mptcp) {   // plain TCP has no other path: its address may come back
    for (const auto& s : subflows_) {
      const bool address_there = std::ranges::any_of(
          addresses, [&](const LocalAddress& a) { return a.address == s->way().addresses.local.address; });
      const bool interface_there = std::ranges::find(up, s->way().interface) != up.end();
      // The last one of a side that cannot open others is kept: the address may come back before the peer has noticed.
      const bool irreplaceable = !active_ && session_.alive == 1;
      if (irreplaceable) { kept = s->lane().local; }
      if (s->over || (address_there && interface_there) || irreplaceable) { continue; }
      s->set_ended_by("interface_lost");
      s->silent = true;
    }
  }
  std::vector<wire::AddressId> gone;
  for (const auto& [id, local] : addresses_.locals()) {
    const auto same = [&](const LocalAddress& a) { return a.address == local.where.address; };
    if (local.up && std::ranges::none_of(addresses, same)) { gone.push_back(id); }
  }
  for (const wire::AddressId id : gone) {
    addresses_.local(id)->up = false;
    if (session_.mode == Mode::mptcp && id != kept) { addresses_.withdraw(id); }
    tell_path_manager(LocalDown{id}, now);
  }
  for (const LocalAddress& a : addresses) {
    const auto id = addresses_.id_of(a);
    if (!id) { continue; }
    Addresses::Local& local = *addresses_.local(*id);
    const bool was_up = local.up;
    const bool other_use = local.where.use != a.use || local.where.prefix != a.prefix;
    local = {.where = a, .port = local.port, .up = true};
    addresses_.back(*id);
    if (!was_up || other_use || *id == wire::AddressId{0}) {
      tell_path_manager(LocalUp{*id, a.address, a.use, a.prefix}, now);
    }
  }
  for (const auto& [id, local] : addresses_.locals()) {  // doors at addresses that have an id of their own
    const bool there = std::ranges::find(addresses, local.where.address, &LocalAddress::address) != addresses.end();
    if (!local.port || local.up || local.retired || !there) { continue; }
    addresses_.local(id)->up = true;
    addresses_.back(id);
    tell_path_manager(LocalUp{id, local.where.address, {.subflows = false}}, now);
  }
  tell_path_manager(NetworkChanged{}, now);
  for (const auto& s : subflows_) { s->endpoint().try_again(now); }
  settle(now);
}

Status Connection::announce(const LocalAddress& where, std::optional<std::uint16_t> port, Instant now) {
  if (session_.mode == Mode::tcp) { return fail(Errc::no_such_path, "announce: plain TCP"); }
  const auto id = port ? addresses_.door(where, *port) : addresses_.id_of(where);
  if (!id) { return fail(Errc::limit_reached, "announce"); }
  Addresses::Local& local = *addresses_.local(*id);
  const bool was_up = std::exchange(local.up, true);
  local.retired = false;
  addresses_.back(*id);
  if (!was_up) { tell_path_manager(LocalUp{*id, where.address, {.subflows = false}}, now); }
  if (!port) { addresses_.announce(*id); }  // perhaps once more, so that the peer tries again (§3.4.1)
  settle(now);
  return {};
}

Status Connection::withdraw(const LocalAddress& where, std::uint16_t port, Instant now) {
  const auto id = addresses_.id_at(where, port);
  Addresses::Local* local = id ? addresses_.local(*id) : nullptr;
  if (!local || local->port != port || !local->up) { return fail(Errc::no_such_path, "withdraw"); }
  local->up = false;
  local->retired = true;  // it is not the network that took it away
  if (session_.mode == Mode::mptcp) { addresses_.withdraw(*id); }
  tell_path_manager(LocalDown{*id}, now);
  settle(now);
  return {};
}

void Connection::hear_add_addr(Subflow& s, const wire::AddAddr& o, Instant now) {
  if (o.echo) { return addresses_.echoed(o); }
  counters_.add(Counter::add_addr_received);
  if (session_.dialect.add_addr_is_signed) {
    // [8684-3.4.1-10]
    const std::uint64_t expected = crypto::add_addr_mac(*session_.remote_key, session_.local_key, o);
    if (!o.mac || !crypto::equal(expected, *o.mac)) { return counters_.add(Counter::add_addr_bad_mac); }
  }
  // Echoed even when it is of no use to us: the peer repeats it otherwise (§3.4.1). It repeats what we cannot say now, too.
  if (session_.dialect.add_addr_is_echoed && s.lane().signals.size() < kMostSignals) {
    s.lane().signals.push_back(
        wire::AddAddr{.echo = true, .id = o.id, .address = o.address, .port = o.port, .mac = {}});
  }
  const SocketAddress where{o.address, o.port.value_or(initial_.remote.port)};
  const bool useless = o.address.is_unspecified() || o.address.is_multicast() || o.address.is_loopback();
  const auto learned = useless ? Addresses::Learned::too_many : addresses_.learn(o.id, where);
  if (learned == Addresses::Learned::contradicts || learned == Addresses::Learned::too_many) {
    return counters_.add(Counter::add_addr_ignored);
  }
  // §3.1: with the C flag nothing may be opened to the initial address and port, by whatever id they come.
  if (session_.no_more_to_initial && where == initial_.remote) { return; }
  trace::emit(env_.trace, now, {number_, s.id().raw},
              [&] { return trace::AddressAnnounced{o.id.raw, where, true, false}; });
  note_path({.what = PathChange::announced, .remote = where, .address = o.id.raw, .by_peer = true, .why = {}}, nullptr,
            now);
  tell_path_manager(RemoteKnown{*addresses_.remote_id(where), where}, now);
}

void Connection::hear_remove_addr(const wire::RemoveAddr& o, Instant now) {
  counters_.add(Counter::remove_addr_received);
  for (const wire::AddressId id : o.ids) {
    const auto uses = [id](const auto& s) { return !s->over && s->lane().remote == id; };
    if (!addresses_.forget(id) && std::ranges::none_of(subflows_, uses)) {
      counters_.add(Counter::remove_addr_unknown);
      continue;
    }
    trace::emit(env_.trace, now, {number_, 0}, [&] { return trace::AddressWithdrawn{id.raw, true}; });
    note_path({.what = PathChange::withdrawn, .address = id.raw, .by_peer = true, .why = {}}, nullptr, now);
    tell_path_manager(RemoteGone{id}, now);
    // Whoever sent this may not be the peer: paths are asked before they are ended, and others carry their data.
    for (const auto& s : subflows_) {
      if (!uses(s)) { continue; }
      s->question(Doubt::Cause::address_removed, now);
      take_over(*s, now);
    }
  }
}

// --- wishes -----------------------------------------------------------------------------------------------------

void Connection::tell_path_manager(const Fact& fact, Instant now) {
  std::vector<Request> out;
  path_manager_->on(fact, now, out);
  manager_wakes_ = path_manager_->deadline();
  carry_out(out, now);
}

void Connection::carry_out(const std::vector<Request>& requests, Instant now) {
  std::deque<Request> todo(requests.begin(), requests.end());
  while (!todo.empty()) {
    const Request request = todo.front();
    todo.pop_front();
    const Open* open = std::get_if<Open>(&request);
    if (carry_out(request, now)) {
      trace::emit(env_.trace, now, {number_, 0}, [&] {
        constexpr std::string_view kNames[] = {"open", "announce", "prioritise", "close"};
        return trace::PathManagerRequest{kNames[request.index()], open ? open->pair.remote.raw : std::uint8_t{0}};
      });
      continue;
    }
    std::vector<Request> instead;  // whoever is refused waits a while before it asks for the same again
    path_manager_->on(Refused{open->pair, Errc::limit_reached}, now, instead);
    manager_wakes_ = path_manager_->deadline();
    todo.insert(todo.end(), instead.begin(), instead.end());
  }
}

/// False: there is no room for another subflow, or it is too late for one.
bool Connection::carry_out(const Request& request, Instant now) {
  const auto each_of = [this](const Pair& pair, auto&& f) {
    for (const auto& s : subflows_) {
      if (!s->over && s->was_up && Pair{s->lane().local, s->lane().remote} == pair) { f(*s); }
    }
  };
  const auto open = [this](const Open& o) {
    const auto* local = addresses_.local(o.pair.local);
    const auto* remote = addresses_.remote(o.pair.remote);
    const bool room = session_.alive + requests_.size() < session_.config.max_subflows;
    if (phase_ != Phase::open || session_.mode != Mode::mptcp || !local || !remote || !room) { return false; }
    requests_.push_back({o.pair, local->where, *remote, o.backup});
    return true;
  };
  return std::visit(Overloaded{
                        [&](const Announce& r) {
                          addresses_.announce(r.id);
                          return true;
                        },
                        [&](const Prioritise& r) {
                          each_of(r.pair, [&](Subflow& s) {
                            if (!s.by_hand) { prioritise(s, r.backup, now); }
                          });
                          return true;
                        },
                        [&](const Close& r) {
                          each_of(r.pair, [&](Subflow& s) { close(s); });
                          return true;
                        },
                        open,
                    },
                    request);
}

std::optional<OpenRequest> Connection::poll_request() {
  if (requests_.empty()) { return std::nullopt; }
  OpenRequest out = requests_.front();
  requests_.pop_front();
  return out;
}

SubflowId Connection::open(const OpenRequest& request, const Way& way, Instant now) {
  Lane lane{.local = request.pair.local, .remote = request.pair.remote, .joined = true, .local_backup = request.backup};
  Subflow& s =
      add(way, std::move(lane), std::make_unique<JoinClient>(static_cast<std::uint32_t>(env_.random.visible())));
  s.by_hand = request.by_hand;
  const SubflowId id = s.id();
  s.connect(now);
  settle(now);
  return id;
}

void Connection::refuse(const OpenRequest& request, Errc why, Instant now) {
  trace::emit(env_.trace, now, {number_, 0},
              [&] { return trace::PathManagerRefused{"open", anabranch::name(why), request.pair.remote.raw}; });
  tell_path_manager(Refused{request.pair, why}, now);
  settle(now);
}

Status Connection::open_subflow(const Address& from, const SocketAddress& to, bool backup) {
  if (phase_ != Phase::open || session_.mode != Mode::mptcp) { return fail(Errc::no_such_path, "open_subflow"); }
  const auto& locals = addresses_.locals();
  const auto ours =
      std::ranges::find_if(locals, [&](const auto& l) { return l.second.up && l.second.where.address == from; });
  if (ours == locals.end()) { return fail(Errc::no_such_path, "open_subflow: not an address of this connection"); }
  if (session_.alive + requests_.size() >= session_.config.max_subflows) {
    return fail(Errc::limit_reached, "open_subflow");
  }
  // An address that was never announced gets an id that only we use, from the end that peers use last.
  wire::AddressId remote{0xff};
  if (const auto known = addresses_.remote_id(to)) {
    remote = *known;
  } else {
    while (remote.raw > 1 && addresses_.remote(remote) != nullptr) { --remote.raw; }
  }
  requests_.push_back({{ours->first, remote}, ours->second.where, to, backup, true});
  return {};
}

Status Connection::close_subflow(SubflowId id, Instant now) {
  Subflow* s = find(id);
  if (!s || s->over || session_.mode != Mode::mptcp) { return fail(Errc::no_such_path, "close_subflow"); }
  close(*s);
  settle(now);
  return {};
}

// [8684-3.4.2-12]
/// §3.4.2: what works is closed with FINs, after its data; what does not is reset, and others take its data.
void Connection::close(Subflow& s) {
  if (s.carries_data() && !s.doubtful()) { return s.endpoint().finish(); }
  s.set_ended_by("closed");
  s.endpoint().abort(wire::ResetReason::unacceptable_performance);
}

Status Connection::set_backup(SubflowId id, bool backup, Instant now) {
  Subflow* s = find(id);
  if (!s || session_.mode != Mode::mptcp) { return fail(Errc::no_such_path, "set_backup"); }
  s->by_hand = true;
  prioritise(*s, backup, now);
  settle(now);
  return {};
}

/// MP_PRIO is not answered either: see Subflow::repeat_priority.
void Connection::prioritise(Subflow& s, bool backup, Instant now) {
  s.lane().local_backup = backup;
  note_path({.what = PathChange::priority, .why = {}}, &s, now);
  Subflow* speaker = session_.dialect.prio_has_id && s.doubtful() ? best() : &s;
  if (!speaker || speaker == &s) {
    s.lane().signals.push_back(wire::Prio{backup});
    return s.repeat_priority(now);
  }
  // RFC 6824 §3.3.8: of an address that cannot be used now, on another
  for (const auto& f : subflows_) {
    if (f->lane().local == s.lane().local) { f->lane().local_backup = backup; }
  }
  speaker->lane().signals.push_back(wire::PrioOfAddress{backup, s.lane().local});
}

// --- signals ----------------------------------------------------------------------------------------------------

/// The subflow to say something on: carrying data, not stalled, then the quickest.
Subflow* Connection::best() {
  Subflow* out = nullptr;
  const auto rank = [](const Subflow& s) { return std::tuple{s.doubtful(), s.endpoint().info().srtt, s.id()}; };
  for (const auto& s : subflows_) {
    if (s->carries_data() && (!out || rank(*s) < rank(*out))) { out = s.get(); }
  }
  return out;
}

void Connection::send_signals(Instant now) {
  if (session_.mode != Mode::mptcp || !addresses_.anything_due(now)) { return; }
  Subflow* s = best();
  if (!s) { return; }
  const Duration rto = std::max(s->endpoint().info().rto, 200_ms);
  while (auto withdrawal = addresses_.due_withdrawal(now, rto)) {
    counters_.add(Counter::remove_addr_sent);
    say(*withdrawal, *s);
  }
  if (auto announcement = addresses_.due_announcement(now, rto)) {
    counters_.add(Counter::add_addr_sent);
    trace::emit(env_.trace, now, {number_, s->id().raw}, [&] {
      return trace::AddressAnnounced{
          announcement->id.raw, {announcement->address, announcement->port.value_or(0)}, false, false};
    });
    if (session_.dialect.add_addr_is_signed) {
      announcement->mac = crypto::add_addr_mac(session_.local_key, *session_.remote_key, *announcement);
      say(*announcement, *s);
    } else {
      say(wire::AddAddrV0{announcement->id, announcement->address, announcement->port}, *s);
    }
  }
}

/// Where nothing is echoed it is said on every subflow, because each may lose it (RFC 6824 §3.4.1).
void Connection::say(const wire::MptcpOption& signal, Subflow& best) {
  for (const auto& s : subflows_) {
    const bool also = !session_.dialect.add_addr_is_echoed && s->carries_data();
    if (s.get() == &best || also) { s->lane().signals.push_back(signal); }
  }
}
}  // namespace anabranch::mptcp
