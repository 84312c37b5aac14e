#include "mptcp/connection.hh"

#include "mptcp/roles/capable_client.hh"
#include "mptcp/roles/capable_server.hh"
#include "mptcp/roles/join.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

Connection::Connection(Env& env, SlabPool& pool, Counters& counters, const Config& config, const Dialect& dialect,
                       wire::Key key, std::uint64_t number)
    : env_{env},
      counters_{counters},
      number_{number},
      session_{pool, config, dialect, key},
      addresses_{config.max_remote_addresses, dialect.add_addr_is_echoed},
      scheduler_{make_scheduler(config.scheduler)},
      path_manager_{make_path_manager(config.path_manager)},
      batching_{config.no_delay, config.cork} {
  ANABRANCH_CHECK(scheduler_ && path_manager_);  // the stack checks names before it makes a connection
}

Connection::~Connection() = default;

std::span<const cc::Flow> Connection::flows() const {
  flows_.clear();
  for (const auto& s : subflows_) {
    const tcp::Info i = s->endpoint().info();
    flows_.push_back(
        {.window = i.window, .in_flight = i.in_flight, .srtt = i.srtt, .segment = {i.segment}, .between_losses = {}});
  }
  return flows_;
}

Subflow& Connection::add(const Way& way, Lane lane, std::unique_ptr<SubflowRole> role) {
  lane.id = {next_id_++};
  subflows_.push_back(std::make_unique<Subflow>(env_, session_, static_cast<const cc::Group&>(*this), way,
                                                std::move(lane), std::move(role)));
  ++session_.alive;
  return *subflows_.back();
}

Subflow* Connection::find(SubflowId id) {
  const auto it = std::ranges::find(subflows_, id, [](const auto& s) { return s->id(); });
  return it == subflows_.end() ? nullptr : it->get();
}
const Subflow* Connection::find(SubflowId id) const { return const_cast<Connection*>(this)->find(id); }

// --- opening ---------------------------------------------------------------------------------------------------

void Connection::connect(const Way& way, Instant now, const std::optional<tcp::FastOpenOffer>& offer) {
  active_ = true;
  initial_ = way.addresses;
  addresses_.set_initial_local({way.interface, way.addresses.local.address});
  addresses_.set_initial_remote(way.addresses.remote);
  std::unique_ptr<SubflowRole> role;
  if (session_.config.multipath && !path_drops_option_) {
    role = std::make_unique<CapableClient>(session_.dialect);
  } else {
    session_.fallback = path_drops_option_ ? FallbackReason::known_to_drop_option : FallbackReason::not_requested;
    session_.mode = Mode::tcp;
    role = std::make_unique<Plain>();
  }
  mode_told_ = session_.mode;
  add(way, {}, std::move(role)).connect(now, offer);
  settle(now);
}

tcp::Verdict Connection::accept(const Way& way, const Segment& syn, Instant now, const tcp::FastOpenGrant& grant) {
  initial_ = way.addresses;
  addresses_.set_initial_local({way.interface, way.addresses.local.address});
  addresses_.set_initial_remote(way.addresses.remote);
  std::unique_ptr<SubflowRole> role;
  // [8684-3.1-35]
  if (session_.config.multipath && offered(syn.mptcp, session_.config.versions) == &session_.dialect) {
    counters_.add(Counter::mp_capable_syn_received);
    role = std::make_unique<CapableServer>();
  } else {
    session_.fallback = session_.config.multipath ? FallbackReason::peer_did_not_offer : FallbackReason::not_requested;
    session_.mode = Mode::tcp;
    role = std::make_unique<Plain>();
  }
  mode_told_ = session_.mode;
  const tcp::Verdict verdict = add(way, {}, std::move(role)).accept(syn, now, grant);
  settle(now);
  return verdict;
}

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

std::expected<wire::JoinSynAck, wire::ResetReason> Connection::answer_join(const Way& way, const wire::JoinSyn& syn,
                                                                           std::uint32_t nonce, Instant now) {
  counters_.add(Counter::mp_join_syn_received);
  const auto local = addresses_.id_at({way.interface, way.addresses.local.address}, way.addresses.local.port);
  if (!takes_joins() || !local) {  // [8684-3.2-13]
    counters_.add(Counter::mp_join_refused);
    return std::unexpected(wire::ResetReason::administratively_prohibited);
  }
  if (session_.alive >= session_.config.max_subflows && !replaceable(syn.id, way.addresses.remote.address, now)) {
    counters_.add(Counter::mp_join_refused);
    settle(now);
    return std::unexpected(wire::ResetReason::lack_of_resources);
  }
  return join_answer(session_, {.local = *local}, syn, nonce);
}

bool Connection::proves_join(const wire::JoinSyn& syn, std::uint32_t nonce, const wire::JoinAck& ack) const {
  return session_.remote_key && join_is_proved(session_, syn, nonce, ack);
}

tcp::Verdict Connection::resume_join(const Way& way, const Segment& syn, std::uint32_t nonce, SubflowId& id,
                                     Instant now) {
  const auto* o = wire::find<wire::JoinSyn>(syn.mptcp);
  ANABRANCH_CHECK(o != nullptr);
  const auto local = addresses_.id_at({way.interface, way.addresses.local.address}, way.addresses.local.port);
  if (!takes_joins() || !local) {
    counters_.add(Counter::mp_join_refused);
    return tcp::ResetWith{wire::ResetReason::administratively_prohibited};
  }
  Lane lane{.local = *local, .remote = o->id, .joined = true, .remote_backup = o->backup};
  if (session_.alive >= session_.config.max_subflows) {
    const Subflow* old = replaceable(o->id, way.addresses.remote.address, now);
    if (!old) {
      counters_.add(Counter::mp_join_refused);
      settle(now);
      return tcp::ResetWith{wire::ResetReason::lack_of_resources};
    }
    lane.replaces = old->id();
  }
  Subflow& s = add(way, std::move(lane), std::make_unique<JoinServer>(nonce, *o));
  id = s.id();
  const tcp::Verdict verdict = s.accept(syn, now);
  settle(now);
  return verdict;
}

std::optional<bool> Connection::offer_taken() const {
  if (!active_ || !established()) { return std::nullopt; }
  if (session_.mode == Mode::mptcp) { return true; }
  return session_.fallback == FallbackReason::peer_refused ? std::optional{false} : std::nullopt;
}

const tcp::Negotiated* Connection::initial_agreement() const {
  const Subflow* s = find({0});
  return s ? &s->endpoint().negotiated() : nullptr;
}

bool Connection::opened_early() const {
  const Subflow* s = find({0});
  return s && s->endpoint().phase() == tcp::Phase::syn_received && s->endpoint().may_send();
}

std::optional<tcp::LastSeen> Connection::last_seen(SubflowId on) const {
  const Subflow* s = find(on);
  return s ? s->endpoint().last_seen() : std::nullopt;
}

void Connection::end_lingering(SubflowId on, Instant now) {
  Subflow* s = find(on);
  if (!s || s->endpoint().phase() != tcp::Phase::time_wait) { return; }
  s->endpoint().abort(wire::ResetReason::unspecified);  // in TIME-WAIT it says nothing
  s->silent = true;
  settle(now);
}

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
    const bool other_use = local.where.use != a.use;
    local = {.where = a, .port = local.port, .up = true};
    addresses_.back(*id);
    if (!was_up || other_use || *id == wire::AddressId{0}) { tell_path_manager(LocalUp{*id, a.address, a.use}, now); }
  }
  for (const auto& [id, local] : addresses_.locals()) {  // doors at addresses that have an id of their own
    const bool there = std::ranges::find(addresses, local.where.address, &LocalAddress::address) != addresses.end();
    if (!local.port || local.up || local.retired || !there) { continue; }
    addresses_.local(id)->up = true;
    addresses_.back(id);
    tell_path_manager(LocalUp{id, local.where.address, {.subflows = false}}, now);
  }
  tell_path_manager(NetworkChanged{}, now);
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

// --- the network's side ----------------------------------------------------------------------------------------

tcp::Verdict Connection::on_segment(SubflowId on, const Segment& segment, Instant now) {
  Subflow* s = find(on);
  if (!s) { return tcp::Drop::not_for_this_state; }
  const tcp::Verdict verdict = s->endpoint().on_segment(segment, now);
  if (std::holds_alternative<tcp::Taken>(verdict)) {
    heard_at_ = now;
    s->heard(now);
  }
  settle(now);
  return verdict;
}

void Connection::on_packet_too_big(SubflowId on, std::uint32_t mtu, SeqNum quoted, Instant now) {
  if (Subflow* s = find(on)) { s->endpoint().on_packet_too_big(mtu, quoted, now); }
  settle(now);
}

void Connection::on_unreachable(SubflowId on, bool hard, SeqNum quoted, Instant now) {
  if (Subflow* s = find(on)) { s->endpoint().on_unreachable(hard, quoted, now); }
  settle(now);
}

void Connection::on_deadline(Instant now) {
  for (const auto& s : subflows_) { s->on_deadline(now); }
  if (timers_.take_due(Timer::data_retransmit, now)) { on_data_timeout(now); }
  if (timers_.take_due(Timer::persist, now)) { on_closed_window(now); }
  if (batching_.deadline() <= now) { batching_.push(session_.send.end()); }
  if (timers_.take_due(Timer::no_subflow, now)) { die(Errc::timed_out, now); }
  (void)timers_.take_due(Timer::wait_for_fins, now);  // settle sees that the waiting is over
  if (timers_.take_due(Timer::linger, now)) { die(Errc::closed, now); }
  if (path_manager_->deadline() <= now) {
    std::vector<Request> out;
    path_manager_->on_deadline(now, out);
    carry_out(out, now);
  }
  settle(now);
}

Instant Connection::deadline() const {
  Instant next = std::min(timers_.next(), phase_ == Phase::dead ? Instant::never() : batching_.deadline());
  bool can_speak = false;
  for (const auto& s : subflows_) {
    next = std::min(next, s->deadline());
    can_speak = can_speak || s->carries_data();
  }
  if (phase_ == Phase::open) { next = std::min(next, path_manager_->deadline()); }
  if (can_speak && session_.mode == Mode::mptcp) { next = std::min(next, addresses_.deadline()); }
  return next;
}

std::optional<Ended> Connection::poll_ended() {
  if (ended_.empty()) { return std::nullopt; }
  Ended out = ended_.front();
  ended_.pop_front();
  return out;
}

// --- the application's side ------------------------------------------------------------------------------------

Bytes Connection::writable() const {
  const bool open = session_.close.may_write() && phase_ != Phase::dead;
  return open ? session_.send.room() : Bytes{};
}

Result<std::size_t> Connection::write(std::span<const std::uint8_t> bytes, Instant now) {
  if (phase_ == Phase::dead) { return fail(error_, "write"); }
  if (!session_.close.may_write()) { return fail(Errc::closed, "write after finish"); }
  const Bytes taken = session_.send.write(bytes);
  if (taken.n < bytes.size()) { wants_writable_ = true; }
  if (taken == Bytes{0} && !bytes.empty()) { return fail(Errc::would_block, "write"); }
  settle(now);
  return taken.n;
}

Result<Chain> Connection::read(Bytes at_most, Instant now) {
  if (session_.receive.readable()) {
    Chain out = session_.receive.read(at_most, now, slowest_rtt());
    if (phase_ != Phase::dead) {
      for (const auto& s : subflows_) {
        const Bytes segment{s->endpoint().info().segment};
        if (session_.receive.window_update_due(segment)) { s->endpoint().send_ack(); }
      }
    }
    return out;
  }
  if (session_.receive.finished()) { return Chain{}; }
  if (phase_ == Phase::dead) { return fail(error_, "read"); }
  wants_readable_ = true;
  return fail(Errc::would_block, "read");
}

Result<Chain> Connection::peek(Bytes at_most) const {
  if (session_.receive.readable()) { return session_.receive.peek(at_most); }
  if (session_.receive.finished()) { return Chain{}; }
  return phase_ == Phase::dead ? fail(error_, "peek") : fail(Errc::would_block, "peek");
}

Status Connection::finish(Instant now) {
  if (phase_ == Phase::dead) { return fail(error_, "finish"); }
  session_.close.finish();
  settle(now);
  return {};
}

void Connection::abort(Instant now) {
  session_.receive.discard_unread();  // of a dead connection too: what was on its way may still arrive
  if (phase_ == Phase::dead) { return; }
  if (session_.mode == Mode::mptcp) { counters_.add(Counter::mp_fastclose_sent); }
  // [8684-3.5-01]
  // Where an RST does not carry MP_FASTCLOSE, or shall not, one subflow stays for it. If none can, or the peer may not
  // have heard yet that this is MPTCP, RSTs are better than nothing.
  const bool on_ack = !session_.dialect.fast_close_on_reset || session_.config.fast_close == FastClose::on_ack;
  Subflow* waits = session_.confirmed && on_ack ? best() : nullptr;
  for (const auto& s : subflows_) {
    if (s->over) { continue; }
    const bool says_it = !waits || (s.get() == waits && session_.dialect.fast_close_on_reset);
    s->lane().fast_closing = session_.mode == Mode::mptcp && says_it;
    s->set_ended_by("aborted");
    if (s.get() == waits) {
      s->begin_fast_close();
    } else {
      s->endpoint().abort(wire::ResetReason::unspecified);
    }
  }
  die(Errc::closed, now);
  settle(now);
}

void Connection::set_no_delay(bool on, Instant now) {
  batching_.set_no_delay(on, session_.send.end());
  settle(now);
}

void Connection::set_cork(bool on, Instant now) {
  batching_.set_cork(on, session_.send.end());
  settle(now);
}

std::optional<Event> Connection::poll_event() {
  if (events_.empty()) { return std::nullopt; }
  const Event out = events_.front();
  events_.pop_front();
  return out;
}

Status Connection::set_backup(SubflowId id, bool backup, Instant now) {
  Subflow* s = find(id);
  if (!s || session_.mode != Mode::mptcp) { return fail(Errc::no_such_path, "set_backup"); }
  s->lane().local_backup = backup;
  Subflow* speaker = session_.dialect.prio_has_id && s->doubtful() ? best() : s;
  if (!speaker || speaker == s) {
    s->lane().signals.push_back(wire::Prio{backup});
  } else {  // RFC 6824 §3.3.8: of an address that cannot be used now, on another
    for (const auto& f : subflows_) {
      if (f->lane().local == s->lane().local) { f->lane().local_backup = backup; }
    }
    speaker->lane().signals.push_back(wire::PrioOfAddress{backup, s->lane().local});
  }
  settle(now);
  return {};
}

Status Connection::close_subflow(SubflowId id, Instant now) {
  Subflow* s = find(id);
  if (!s || s->over || session_.mode != Mode::mptcp) { return fail(Errc::no_such_path, "close_subflow"); }
  // [8684-3.4.2-12]
  // §3.4.2: what works is closed with FINs, after its data; what does not is reset, and others take its data.
  if (s->carries_data() && !s->doubtful()) {
    s->endpoint().finish();
  } else {
    s->set_ended_by("closed");
    s->endpoint().abort(wire::ResetReason::unacceptable_performance);
  }
  settle(now);
  return {};
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
  requests_.push_back({{ours->first, remote}, ours->second.where, to, backup});
  return {};
}

ConnectionInfo Connection::info() const {
  ConnectionInfo out{.protocol = session_.mode == Mode::mptcp ? Protocol::mptcp : Protocol::tcp,
                     .fallback_reason = session_.fallback,
                     .version = session_.mode == Mode::mptcp ? std::optional{session_.dialect.version} : std::nullopt,
                     .checksum = session_.mode == Mode::mptcp && session_.checksum,
                     .bytes_written = session_.send.end() - DataPos{1},
                     .bytes_acknowledged = std::min(session_.send.una(), session_.send.end()) - DataPos{1},
                     .bytes_received = session_.receive.received(),
                     .bytes_reinjected = reinjected_,
                     .duplicate_bytes = session_.receive.duplicates(),
                     .receive_buffer = session_.receive.buffer(),
                     .reordering = session_.receive.held(),
                     .local_token = session_.local_token.raw,
                     .remote_token = session_.remote_token.raw};
  if (const auto* agreed = initial_agreement()) { out.fast_open = agreed->fast_open; }
  constexpr std::string_view kStates[] = {"handshake", "open", "closing", "closed"};
  out.state = kStates[static_cast<std::size_t>(phase_)];
  out.subflows = ended_infos_;
  for (const auto& s : subflows_) {
    if (!s->over) { out.subflows.push_back(s->info()); }
  }
  std::ranges::sort(out.subflows, {}, &SubflowInfo::id);
  return out;
}

bool Connection::is_consistent() const {
  return session_.send.is_consistent() && session_.receive.is_consistent() &&
         session_.alive <= session_.config.max_subflows + 1 &&
         std::ranges::all_of(subflows_, [](const auto& s) { return s->endpoint().is_consistent(); });
}
}  // namespace anabranch::mptcp
