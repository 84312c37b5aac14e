// How a connection and its subflows end: in order, by the peer, by time; and what becomes of what was on its way.
#include "mptcp/connection.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

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

void Connection::hear_fast_close(Instant now) {
  counters_.add(Counter::mp_fastclose_received);
  for (const auto& s : subflows_) {
    if (s->over) { continue; }
    s->set_ended_by("fast_close");
    s->endpoint().abort(wire::ResetReason::unspecified);
  }
  die(Errc::reset_by_peer, now);
}

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
      stir_all();
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
  stir_all();
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
    stir_all();
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
    const auto i = static_cast<std::ptrdiff_t>(index_of(s->id()));
    seats_.erase(seats_.begin() + i);
    views_.erase(views_.begin() + i);
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
  reinjection_.forget(s.id());
  take_over(s, now);
  note_path({.what = PathChange::closed, .was_open = s.was_up, .why = info.ended_by}, &s, now);
  meter_.forget(s.id());
  tell_path_manager(SubflowLost{{s.lane().local, s.lane().remote}, how, s.was_up, s.stalled}, now);
  const bool nobody_left = session_.alive == 0 && requests_.empty();
  if (nobody_left && s.unknown_to_peer()) { die(Errc::reset_by_peer, now); }
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

std::optional<Ended> Connection::poll_ended() {
  if (ended_.empty()) { return std::nullopt; }
  Ended out = ended_.front();
  ended_.pop_front();
  return out;
}

void Connection::end_lingering(SubflowId on, Instant now) {
  Subflow* s = find(on);
  if (!s || s->endpoint().phase() != tcp::Phase::time_wait) { return; }
  s->endpoint().abort(wire::ResetReason::unspecified);  // in TIME-WAIT it says nothing
  s->silent = true;
  settle(now);
}
}  // namespace anabranch::mptcp
