// What a connection does when a segment, a deadline or a verb is through: the consequences, in one order.
#include "crypto/equal.hh"
#include "crypto/keys.hh"
#include "mptcp/connection.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

void Connection::settle(Instant now) {
  judge_troubles(now);
  hear_endpoints(now);
  hear_news(now);
  note_mode(now);
  step_closing(now);
  end_finished_subflows(now);
  send_signals(now);
  arm_timers(now);
  tell_application();
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
}

/// Subflows with bytes that no mapping covers, now that it is clear who else is there.
void Connection::judge_troubles(Instant now) {
  session_.open = static_cast<unsigned>(std::ranges::count_if(
      subflows_, [](const auto& s) { return !s->over && s->endpoint().phase() == tcp::Phase::open; }));
  session_.join_in_doubt =
      active_ && std::ranges::any_of(subflows_, [](const auto& s) {
        return !s->over && s->lane().joined && s->endpoint().phase() == tcp::Phase::open && !s->role().carries_data();
      });
  for (const auto& s : subflows_) { s->resolve_trouble(now); }
}

// --- what endpoints report -------------------------------------------------------------------------------------

void Connection::hear_endpoints(Instant now) {
  for (std::size_t i = 0; i < subflows_.size(); ++i) {
    Subflow& s = *subflows_[i];
    while (const auto event = s.endpoint().poll_event()) { hear_event(s, *event, now); }
  }
}

void Connection::hear_event(Subflow& s, tcp::Endpoint::Event event, Instant now) {
  using E = tcp::Endpoint::Event;
  switch (event) {
    case E::established:
      if (phase_ == Phase::handshake) {
        phase_ = Phase::open;
        events_.push_back({Happened::established});
        if (session_.mode == Mode::tcp || !s.lane().joined) { subflow_up(s, now); }
      }
      break;
    case E::stalled:
      s.stalled = true;
      take_over(s, now);
      break;
    case E::recovered: s.stalled = false; break;
    case E::refused:
      s.set_ended_by("refused");
      if (phase_ == Phase::handshake) { error_ = Errc::refused; }
      break;
    case E::reset_by_peer:
      s.set_ended_by(s.in_question() ? name(s.cause()) : "reset_by_peer");  // a probe may be answered so
      if (phase_ != Phase::dead) { error_ = Errc::reset_by_peer; }          // else the answer to our MP_FASTCLOSE
      break;
    case E::timed_out:
      s.set_ended_by("timed_out");
      // RFC 1122 §4.2.3.9: the network said why, though nobody could know that it would last.
      error_ = phase_ == Phase::handshake && s.endpoint().info().unreachables > 0 ? Errc::unreachable : Errc::timed_out;
      break;
    case E::closed: s.set_ended_by("closed"); break;  // unless somebody knew better
  }
}

// --- what roles report -----------------------------------------------------------------------------------------

void Connection::hear_news(Instant now) {
  for (std::size_t i = 0; i < session_.news.size(); ++i) {
    const News news = session_.news[i];  // a copy: consequences may add to the list
    hear(find(news.from), news, now);
  }
  session_.news.clear();
}

void Connection::hear(Subflow* s, const News& news, Instant now) {
  std::visit(Overloaded{
                 [&](const Confirmed&) {  // [8684-3.1-17]
                   counters_.add(Counter::mp_capable_established);
                   session_.confirmed = true;
                   // [8684-3.1-21]
                   // §3.1: with the C flag nothing may be opened to that address (it may be behind a load balancer).
                   if (!session_.no_more_to_initial) { tell_path_manager(RemoteKnown{{0}, initial_.remote}, now); }
                   tell_path_manager(SubflowUp{{{0}, {0}}}, now);
                   tell_path_manager(Established{active_}, now);
                 },
                 [&](const Joined&) {
                   if (s) { hear_joined(*s, now); }
                 },
                 [&](const HeardAddAddr& n) {
                   if (s) { hear_add_addr(*s, n.option, now); }
                 },
                 [&](const HeardRemoveAddr& n) { hear_remove_addr(n.option, now); },
                 [&](const HeardPrio& n) {
                   for (const auto& f : subflows_) {  // RFC 6824 §3.3.8: of an address, on all subflows that use it
                     if (n.address && f->lane().remote == *n.address) { f->lane().remote_backup = n.backup; }
                   }
                   counters_.add(Counter::mp_prio_received);
                   trace::emit(env_.trace, now, {number_, news.from.raw},
                               [&] { return trace::PriorityChanged{n.backup, true}; });
                   events_.push_back({Happened::subflow_changed});
                 },
                 [&](const HeardFastClose&) { hear_fast_close(now); },
                 [&](const Counted& n) { counters_.add(n.what); },
                 [&](const HeardReset& n) { hear_reset(s, n.option); },
                 [&](const FastCloseUnanswered&) {
                   if (s) { s->endpoint().abort(wire::ResetReason::unspecified); }
                 },
                 [&](const JoinGaveUp&) {
                   if (!s) { return; }
                   s->set_ended_by("timed_out");
                   s->endpoint().abort(wire::ResetReason::unspecified);
                 },
             },
             news.what);
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
  tell_path_manager(SubflowUp{{s.lane().local, s.lane().remote}}, now);
}

/// RFC 8684 §3.6: why, and whether the peer may be asked again, is the path manager's affair (`Subflow::loss`).
void Connection::hear_reset(Subflow* s, const wire::Reset& o) {
  constexpr auto first = static_cast<std::size_t>(Counter::reset_unspecified_received);
  static_assert(static_cast<std::size_t>(Counter::reset_middlebox_interference_received) - first ==
                static_cast<std::size_t>(wire::ResetReason::middlebox_interference));
  counters_.add(Counter::mp_tcprst_received);
  if (o.reason <= wire::ResetReason::middlebox_interference) {
    counters_.add(static_cast<Counter>(first + static_cast<std::size_t>(o.reason)));
  }
  if (s) { s->reset_by_peer(o); }
}

void Connection::hear_fast_close(Instant now) {
  counters_.add(Counter::mp_fastclose_received);
  for (const auto& s : subflows_) {
    if (s->over) { continue; }
    s->set_ended_by("fast_close");
    s->endpoint().abort(wire::ResetReason::unspecified);
  }
  die(Errc::reset_by_peer, now);
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
    tell_path_manager(RemoteGone{id}, now);
    // Whoever sent this may not be the peer: paths are asked before they are ended, and others carry their data.
    for (const auto& s : subflows_) {
      if (!uses(s)) { continue; }
      s->question(Doubt::Cause::address_removed, now);
      take_over(*s, now);
    }
  }
}

void Connection::note_mode(Instant now) {
  if (mode_told_ == session_.mode) { return; }
  mode_told_ = session_.mode;
  if (session_.mode != Mode::tcp) { return; }
  requests_.clear();
  for (const auto& s : subflows_) {  // joins that were not complete yet
    if (s->plain() || s->over) { continue; }
    s->set_ended_by("fallback");
    s->endpoint().abort(wire::ResetReason::middlebox_interference);
  }
  counters_.add(Counter::fallbacks);
  events_.push_back({Happened::fell_back});
  trace::emit(env_.trace, now, {number_, 0},
              [&] { return trace::Fallback{"become_tcp", anabranch::name(session_.fallback)}; });
}

// --- closing ---------------------------------------------------------------------------------------------------

void Connection::step_closing(Instant now) {
  if (phase_ == Phase::handshake || phase_ == Phase::dead) { return; }
  stream::Close& close = session_.close;
  if (session_.receive.finished()) { close.peer_finished(); }
  if (session_.mode == Mode::tcp) {
    step_closing_plain();
  } else if (session_.mode == Mode::mptcp) {
    if (close.sending == stream::Sending::fin_queued && session_.send.all_sent()) {
      session_.send.fin_sent();
      close.fin_sent();
      for (const auto& s : subflows_) { s->lane().dss_owed = s->lane().dss_owed || s->carries_data(); }
    }
    if (session_.send.fin_acknowledged()) { close.fin_acked(); }
    // [8684-3.3.3-06 8684-3.3.3-07]
    // §3.3.3: subflows are closed when both DATA_FINs are acknowledged. Our DATA_ACK of theirs leaves first.
    if (close.complete()) {
      // Who finished first closes them, and keeps TIME-WAIT; the other only follows, if that does not take too long.
      const bool follows = phase_ == Phase::open && !close.we_were_first;
      if (follows && session_.config.wait_for_fins > Duration{}) {
        timers_.set(Timer::wait_for_fins, now + session_.config.wait_for_fins);
      }
      if (!timers_.is_set(Timer::wait_for_fins)) { finish_subflows(); }
    }
  }
  // What remains is the subflows' business; a peer that has vanished must not keep us for ever.
  const bool nobody_waits = close.complete() || (orphaned_ && close.sending == stream::Sending::fin_acked);
  if (nobody_waits && !timers_.is_set(Timer::linger)) {
    timers_.set(Timer::linger, now + session_.config.close_timeout);
  }
  if (close.complete() && phase_ == Phase::open) {
    phase_ = Phase::closing;
    trace::emit(env_.trace, now, {number_, 0}, [] { return trace::ConnectionClosed{"closed", 0}; });
    events_.push_back({Happened::closed, Errc::closed});
  }
}

/// §3.3.3: a FIN for each, but for those whose data had to go elsewhere: to repeat it now would be for nobody.
void Connection::finish_subflows() {
  for (const auto& s : subflows_) {
    if (s->over) { continue; }
    if (s->stalled && !s->lane().tx.empty()) {
      s->set_ended_by(name(wire::ResetReason::too_much_outstanding_data));
      s->endpoint().abort(wire::ResetReason::too_much_outstanding_data);
    } else {
      s->endpoint().finish();
    }
  }
}

void Connection::step_closing_plain() {
  if (subflows_.empty()) { return; }
  tcp::Endpoint& e = subflows_.front()->endpoint();
  stream::Close& close = session_.close;
  // fin_sent already: a DATA_FIN left before the connection fell back, and means nothing now.
  const bool finishing = close.fin_owed() && session_.send.all_sent();
  if (finishing && e.close_state().sending == stream::Sending::open) {
    e.finish();
    close.fin_sent();
  }
  if (e.close_state().sending == stream::Sending::fin_acked) { close.fin_acked(); }
}

/// An ended subflow's consequences, once; it is erased when it has nothing more to send.
void Connection::end_finished_subflows(Instant now) {
  for (std::size_t i = 0; i < subflows_.size(); ++i) {
    Subflow& s = *subflows_[i];
    const bool mapped = session_.mode == Mode::mptcp;
    if (mapped && s.peer_finished() && !s.over) { s.endpoint().finish(); }  // §3.3.3: a FIN ends this subflow only
    // One that only waits out TIME-WAIT is over for an open connection: nothing will come of it.
    const bool lingers = phase_ == Phase::open && mapped && s.endpoint().phase() == tcp::Phase::time_wait;
    if (!s.over && (s.endpoint().dead() || s.silent || lingers)) { subflow_over(s, now); }
  }
  std::erase_if(subflows_, [this](const auto& s) {
    if (!s->over || !s->silent) { return false; }
    ended_.push_back({s->id(), s->way().addresses});
    return true;
  });
  if (phase_ == Phase::dead || session_.alive != 0) { return timers_.clear(Timer::no_subflow); }
  if (phase_ == Phase::closing || phase_ == Phase::handshake || session_.mode != Mode::mptcp) {
    return die(phase_ == Phase::closing ? Errc::closed : error_, now);
  }
  // Nobody may join what the peer has not confirmed (§3.1): waiting would be in vain.
  if (!session_.confirmed) { return die(error_ == Errc::closed ? Errc::unreachable : error_, now); }
  // Break before make (§3.1, §3.3.3): the connection waits for a new subflow.
  if (!timers_.is_set(Timer::no_subflow)) { timers_.set(Timer::no_subflow, now + session_.config.close_timeout); }
}

void Connection::subflow_up(Subflow& s, Instant now) {
  s.was_up = true;
  trace::emit(env_.trace, now, {number_, s.id().raw},
              [&] { return trace::SubflowOpened{s.way().addresses, s.way().interface, active_, s.backup()}; });
  events_.push_back({Happened::subflow_changed});
  for (const auto& other : subflows_) {
    if (other->doubtful()) { take_over(*other, now); }  // until now there was nobody to take it
  }
}

void Connection::subflow_over(Subflow& s, Instant now) {
  s.over = true;
  session_.alive = static_cast<unsigned>(std::ranges::count_if(subflows_, [](const auto& f) { return !f->over; }));
  SubflowInfo info = s.info();
  info.state = "closed";
  const Loss how = s.loss();
  if (info.ended_by.empty()) { info.ended_by = "closed"; }
  trace::emit(env_.trace, now, {number_, s.id().raw}, [&] { return trace::SubflowClosed{info.ended_by, 0}; });
  if (how != Loss::closed) { counters_.add(Counter::subflows_lost); }
  if (ended_infos_.size() < kMostEnded) { ended_infos_.push_back(info); }
  take_over(s, now);
  events_.push_back({Happened::subflow_changed});
  tell_path_manager(SubflowLost{{s.lane().local, s.lane().remote}, how, s.was_up}, now);
  const bool nobody_left = session_.alive == 0 && requests_.empty();
  if (nobody_left && s.unknown_to_peer()) { die(Errc::reset_by_peer, now); }
}

// [8684-3.3.6-07]
/// What the subflow has not seen acknowledged shall leave on others (§3.3.6).
void Connection::take_over(const Subflow& s, Instant now) {
  if (session_.mode != Mode::mptcp || phase_ == Phase::dead) { return; }
  const bool others = std::ranges::any_of(subflows_, [&](const auto& o) { return o.get() != &s && o->carries_data(); });
  if (!others && !s.over) { return; }
  Bytes queued;
  for (const TxMapping& m : s.lane().tx.mappings()) { queued += session_.send.reinject(m.data, m.data_end(), s.id()); }
  if (queued == Bytes{0}) { return; }
  session_.in_sequence = false;
  note_reinjected(queued, s.id(), s.over ? "subflow_over" : "stalled", now);
}

void Connection::note_reinjected(Bytes bytes, SubflowId from, std::string_view why, Instant now) {
  reinjected_ += bytes.n;
  counters_.add(Counter::data_reinjections);
  trace::emit(env_.trace, now, {number_, from.raw},
              [&] { return trace::Reinjected{session_.send.una(), bytes, from.raw, why}; });
}

void Connection::die(Errc why, Instant now) {
  if (phase_ == Phase::dead) { return; }
  const bool told = phase_ == Phase::closing;
  phase_ = Phase::dead;
  error_ = why;
  timers_.clear_all();
  for (const auto& s : subflows_) {
    if (s->over || s->endpoint().dead() || s->role().outlives_connection()) { continue; }
    s->endpoint().abort(wire::ResetReason::unspecified);
  }
  if (told) { return; }
  trace::emit(env_.trace, now, {number_, 0}, [&] { return trace::ConnectionClosed{anabranch::name(why), 0}; });
  events_.push_back({Happened::closed, why});
}

// --- signals and paths -----------------------------------------------------------------------------------------

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
  while (auto withdrawal = addresses_.due_withdrawal()) {
    counters_.add(Counter::remove_addr_sent);
    say(*withdrawal, *s);
  }
  const tcp::Info i = s->endpoint().info();
  if (auto announcement = addresses_.due_announcement(now, std::max(i.rto, 200_ms))) {
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

void Connection::tell_path_manager(const Fact& fact, Instant now) {
  std::vector<Request> out;
  path_manager_->on(fact, now, out);
  carry_out(out, now);
}

void Connection::carry_out(const std::vector<Request>& requests, Instant now) {
  std::vector<Pair> refused;
  for (const Request& request : requests) {
    if (const auto* announce = std::get_if<Announce>(&request)) {
      addresses_.announce(announce->id);
      continue;
    }
    const Open& open = std::get<Open>(request);
    const auto* local = addresses_.local(open.pair.local);
    const auto* remote = addresses_.remote(open.pair.remote);
    const bool room = session_.alive + requests_.size() < session_.config.max_subflows;
    if (phase_ != Phase::open || session_.mode != Mode::mptcp || !local || !remote || !room) {
      refused.push_back(open.pair);
      continue;
    }
    trace::emit(env_.trace, now, {number_, 0}, [&] { return trace::PathManagerRequest{"open", open.pair.remote.raw}; });
    requests_.push_back({open.pair, local->where, *remote, open.backup});
  }
  for (const Pair& pair : refused) {
    std::vector<Request> more;
    path_manager_->on(Refused{pair, Errc::limit_reached}, now, more);
    ANABRANCH_CHECK(more.empty());  // a refusal is no reason to ask for something else at once
  }
}

// --- timers ----------------------------------------------------------------------------------------------------

void Connection::arm_timers(Instant now) {
  if (phase_ == Phase::dead || session_.mode == Mode::undecided) { return; }
  const bool advanced = session_.send.una() != una_seen_;
  una_seen_ = session_.send.una();
  if (advanced) { data_backoff_ = 0; }
  if (session_.mode == Mode::tcp || session_.send.outstanding() == Bytes{0}) {
    timers_.clear(Timer::data_retransmit);
  } else if (advanced || !timers_.is_set(Timer::data_retransmit)) {
    timers_.set(Timer::data_retransmit, now + data_timeout());
  }

  const bool blocked = session_.send.window_closed() && session_.send.outstanding() == Bytes{0};
  if (!blocked) {
    timers_.clear(Timer::persist);
    persist_backoff_ = 0;
    unanswered_since_.reset();
  } else if (!timers_.is_set(Timer::persist)) {
    const Subflow* s = best();
    const Duration rto = s ? std::max(s->endpoint().info().rto, 200_ms) : 1_s;
    timers_.set(Timer::persist, now + std::min(rto * (std::int64_t{1} << std::min(persist_backoff_, 16u)), 60_s));
  }
}

Duration Connection::slowest_rtt() const {
  Duration out{};
  for (const auto& s : subflows_) { out = std::max(out, s->endpoint().info().srtt); }
  return out;
}

/// Long enough that every subflow had its own chance to repeat; doubles while nothing is DATA_ACKed (§3.3.6).
Duration Connection::data_timeout() const {
  Duration rto = 200_ms;
  for (const auto& s : subflows_) {
    if (!s->over && !s->stalled) { rto = std::max(rto, s->endpoint().info().rto); }
  }
  return std::min(rto * (std::int64_t{2} << std::min(data_backoff_, 16u)), 60_s);
}

/// Whether a live subflow still has the byte to deliver, and is not doubtful unless it is the only one.
bool Connection::still_on_its_way(DataPos p) const {
  return std::ranges::any_of(subflows_, [this, p](const auto& s) {
    return !s->over && (!s->doubtful() || session_.alive <= 1) &&
           std::ranges::any_of(s->lane().tx.mappings(),
                               [p](const TxMapping& m) { return m.data <= p && p < m.data_end(); });
  });
}

void Connection::on_data_timeout(Instant now) {
  ++data_backoff_;
  const DataPos una = session_.send.una();
  if (session_.data_fin_owed()) {
    for (const auto& s : subflows_) { s->lane().dss_owed = s->lane().dss_owed || s->carries_data(); }
  }
  if (una >= session_.send.end() || still_on_its_way(una)) { return; }
  // The only subflow acknowledges as TCP does: the peer may have fallen back, and would take these as new bytes.
  const auto alone = std::ranges::find_if(subflows_, [](const auto& s) { return s->carries_data() && !s->over; });
  if (session_.alive <= 1 && alone != subflows_.end() && (*alone)->lane().bare) { return (*alone)->distrust(now); }
  // Acknowledged by a subflow and not by the connection: the peer dropped it (or a middlebox lied). Once more.
  const Bytes queued = session_.send.reinject(una, una + MappingTx::kLongest, SubflowId{~0u});
  if (queued) { note_reinjected(queued, SubflowId{~0u}, "data_timeout", now); }
}

/// RFC 9293 §3.8.6.1: a peer that answers the probes may keep its window closed for ever; one that does not is gone.
void Connection::on_closed_window(Instant now) {
  if (!unanswered_since_ || heard_at_ >= probed_at_) { unanswered_since_ = now; }
  if (now - *unanswered_since_ > session_.config.tcp.give_up_after) { return die(Errc::timed_out, now); }
  probed_at_ = now;
  ++persist_backoff_;
  if (Subflow* s = best()) { s->endpoint().send_probe(); }
}

// --- the application -------------------------------------------------------------------------------------------

void Connection::tell_application() {
  if (wants_readable_ && (session_.receive.readable() || session_.receive.finished())) {
    wants_readable_ = false;
    events_.push_back({Happened::readable});
  }
  if (wants_writable_ && writable().n >= session_.config.send_buffer.n / 4) {
    wants_writable_ = false;
    events_.push_back({Happened::writable});
  }
  if (!told_finished_ && session_.receive.finished()) {
    told_finished_ = true;
    events_.push_back({Happened::peer_finished});
  }
}
}  // namespace anabranch::mptcp
