// What a connection does when a segment, a deadline or a verb is through: the consequences, in one order.
#include "mptcp/connection.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

void Connection::settle(Instant now) {
  stir_all();
  judge_troubles(now);
  hear_endpoints(now);
  hear_news(now);
  note_mode(now);
  step_closing(now);
  end_finished_subflows(now);
  send_signals(now);
  steer_paths();
  watch_holes(now);
  arm_timers(now);
  report_memory();
  tell_application();
  stir_all();  // what followed may have changed any of them
  for (std::size_t i = 0; i < seats_.size(); ++i) { seats_[i].unsettled = subflows_[i]->endpoint().has_events(); }
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
  troubled_ = std::ranges::any_of(subflows_, [](const auto& s) { return s->troubled(); });
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
      s.stalled_since = now;
      note_stalled(s, true, now);
      reset_stuck(now);
      take_over(s, now);
      break;
    case E::recovered: note_stalled(s, false, now); break;
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
                   for (const auto& f : subflows_) {  // a peer may repeat it: only what changes is news
                     if (f->over || !f->was_up || f->backup() == f->backup_told) { continue; }
                     note_path({.what = PathChange::priority, .by_peer = true, .why = {}}, f.get(), now);
                   }
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
  note_path({.what = PathChange::fell_back, .why = anabranch::name(session_.fallback)}, nullptr, now);
  trace::emit(env_.trace, now, {number_, 0},
              [&] { return trace::Fallback{"become_tcp", anabranch::name(session_.fallback)}; });
}

namespace {
/// An answer should have come by now: half a round trip ago, or what an acknowledgment may be held back (Linux). While
/// the peer joins from elsewhere that is enough to ask, and to send there what it holds.
bool missed(const Subflow& s, Instant now) {
  constexpr Duration kDelayedAck{40'000'000};
  const tcp::Info i = s.endpoint().info();
  if (s.over || !s.carries_data() || !i.in_flight || i.srtt <= Duration{} || s.lane().tx.empty()) { return false; }
  const Instant asked = std::max(s.heard_at(), s.lane().tx.mappings().front().bound);
  return now - asked > i.srtt + std::max(i.srtt / 2, kDelayedAck);
}
}  // namespace

void Connection::subflow_up(Subflow& s, Instant now) {
  s.was_up = true;
  s.data_at = now;
  trace::emit(env_.trace, now, {number_, s.id().raw},
              [&] { return trace::SubflowOpened{s.way().addresses, s.way().interface, active_, s.backup()}; });
  meter_.begin(s.id(), now);
  note_path({.what = PathChange::opened, .by_peer = s.opened_by_peer, .why = {}}, &s, now);
  for (const auto& other : subflows_) {
    if (s.opened_by_peer && missed(*other, now)) { other->question(Doubt::Cause::peer_moved, now); }
    if (other->doubtful()) { take_over(*other, now); }  // until now there was nobody to take it
  }
}

// --- timers ----------------------------------------------------------------------------------------------------

void Connection::arm_timers(Instant now) {
  if (phase_ == Phase::dead || session_.mode == Mode::undecided) { return; }
  const bool advanced = session_.send.una() != una_seen_;
  una_seen_ = session_.send.una();
  if (advanced) {
    data_backoff_ = 0;
    reinjection_.acknowledged(una_seen_);
  }
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
  for (std::size_t i = 0; i < seats_.size(); ++i) { out = std::max(out, seat(i).srtt); }
  // Not measured: nothing was sent yet, and the handshake had no memory. Longer than most, so that the buffer is not
  // too small.
  return out.ns > 0 ? out : 200_ms;
}

/// RFC 9293 §3.8.6.1: a peer that answers the probes may keep its window closed for ever; one that does not is gone.
void Connection::on_closed_window(Instant now) {
  if (!unanswered_since_ || heard_at_ >= probed_at_) { unanswered_since_ = now; }
  if (now - *unanswered_since_ > session_.config.tcp.give_up_after) { return die(Errc::timed_out, now); }
  probed_at_ = now;
  ++persist_backoff_;
  if (Subflow* s = best()) { s->endpoint().send_probe(); }
}

// --- memory ----------------------------------------------------------------------------------------------------

/// What the connection holds is counted against what the stack may; what does not fit of it and may come again goes.
void Connection::report_memory() {
  stream::MemoryAccount::Use use{.to_send = session_.send.held(),
                                 .unread = session_.receive.readable(),
                                 .waiting = session_.receive.held(),
                                 .reported = {}};
  for (std::size_t i = 0; i < seats_.size(); ++i) { use.reported += seat(i).reported; }
  if (!session_.memory.fits(use)) {
    counters_.add(Counter::memory_dropped);
    session_.receive.drop_out_of_order();
    use.waiting = {};
  }
  session_.memory.report(use);
  const bool pressure = session_.memory.pressure();
  session_.receive.restrain(pressure ? std::optional{stream::MemoryAccount::kReceived} : std::nullopt);
}

/// The application has more than fits: perhaps the paths could take more (docs/buffers.md).
void Connection::grow_send_buffer() {
  if (!session_.send.may_grow()) { return; }
  sending_.clear();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seat(i).carries && !seat(i).doubtful) { sending_.push_back({flow(i).window, flow(i).srtt}); }
  }
  if (!stream::may_want_more(sending_, session_.send.buffer())) { return; }
  const Bytes wanted = stream::wanted_to_send(sending_);
  if (wanted <= session_.send.buffer()) { return; }
  if (session_.memory.pressure()) { return counters_.add(Counter::memory_growth_refused); }
  session_.send.grow(wanted);
}

// --- the application -------------------------------------------------------------------------------------------

void Connection::tell_application() {
  if (wants_readable_ && (session_.receive.readable() || session_.receive.finished())) {
    wants_readable_ = false;
    events_.push_back({Happened::readable});
  }
  if (wants_writable_) { grow_send_buffer(); }
  // A quarter of the buffer is worth waking somebody up for; where memory is short, half of what is left in any case.
  const Bytes worth = session_.memory.pressure() ? stream::MemoryAccount::kToSend / 2 : session_.send.buffer() / 4;
  if (wants_writable_ && writable() >= worth) {
    wants_writable_ = false;
    events_.push_back({Happened::writable});
  }
  if (!told_finished_ && session_.receive.finished()) {
    told_finished_ = true;
    events_.push_back({Happened::peer_finished});
  }
}
}  // namespace anabranch::mptcp
