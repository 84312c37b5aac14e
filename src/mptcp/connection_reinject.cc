// What leaves once more on another subflow: what a dead one held, what the peer lost, what a quicker one has sooner.
#include "mptcp/connection.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

// [8684-3.3.6-07]
/// What the subflow has not seen acknowledged shall leave on others (§3.3.6).
void Connection::take_over(const Subflow& s, Instant now) {
  if (session_.mode != Mode::mptcp || phase_ == Phase::dead) { return; }
  const bool others = std::ranges::any_of(subflows_, [&](const auto& o) { return o.get() != &s && o->carries_data(); });
  if (!others && !s.over) { return; }
  // What a redundant scheduler has given to others is on its way without us.
  DataPos carried = session_.send.una();
  for (const auto& o : subflows_) {
    if (o.get() != &s && o->carries_data() && !o->doubtful()) { carried = std::max(carried, o->carried_up_to()); }
  }
  Bytes queued;
  for (const TxMapping& m : s.lane().tx.mappings()) {
    if (m.data_end() > carried) { queued += session_.send.reinject(m.data, m.data_end(), s.id()); }
  }
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

/// Long enough that every subflow had its own chance to repeat; doubles while nothing is DATA_ACKed (§3.3.6).
Duration Connection::data_timeout() const {
  Duration rto = 200_ms;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seat(i).hopeful) { rto = std::max(rto, seat(i).rto); }
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

// --- before anything has failed ---------------------------------------------------------------------------------

/// The subflows that may carry data, as far as they are given any: with what reinjection control allows them.
void Connection::look_at_carriers(Instant now) {
  carriers_.clear();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seat(i).carries) { carriers_.push_back(look_at(i, now).carrier); }
  }
  if (carriers_.size() < 2) { return; }
  for (ReinjectionControl::Carrier& c : carriers_) {
    c.room = std::min(c.room, reinjection_.most_on(c, carriers_, now) - (c.in_flight + c.queued));
  }
}

/// What a scheduler is shown: no room beyond that, and a path that does not answer is none to choose.
void Connection::restrain_paths(Instant now) {
  carriers_.clear();
  if (paths_.size() < 2) { return; }
  look_at_carriers(now);
  for (std::size_t i = 0, seat = 0; i < paths_.size(); ++i, ++seat) {
    while (!seats_[seat].carries) { ++seat; }
    paths_[i].room = std::min(paths_[i].room, carriers_[i].room);
    const bool late = now >= seats_[seat].silent_at;
    paths_[i].stale = paths_[i].stale || (late && reinjection_.silent(carriers_[i], carriers_, now));
  }
}

/// There is room and nothing fresh may leave: perhaps something leaves once more. True when that was ordered.
bool Connection::copy_what_is_late(Instant now) {
  const bool waits = session_.send.next_again() != nullptr || (session_.send.sendable() && !holds_back_);
  if (waits || scheduler_->copies() || session_.mode != Mode::mptcp || session_.alive < 2 ||
      !session_.send.outstanding()) {
    return false;
  }
  if (phase_ != Phase::open && phase_ != Phase::closing) { return false; }
  using Idle = ReinjectionControl::Idle;
  const Idle idle = session_.send.unsent() ? Idle::window_full : wants_writable_ ? Idle::buffer_full : Idle::all_sent;
  look_at_carriers(now);
  if (carriers_.size() < 2) { return false; }
  const auto orders = reinjection_.look({.now = now, .una = session_.send.una(), .idle = idle}, carriers_);
  look_again(orders.again, now);
  if (orders.penalised) {
    counters_.add(Counter::penalties);
    if (session_.config.reinjection.penalise == Penalty::halve_window) {
      find(*orders.penalised)->endpoint().halve_window(now);
      stir(index_of(*orders.penalised));
    }
    trace::emit(env_.trace, now, {number_, orders.penalised->raw},
                [&] { return trace::Note{"penalised", carriers_.size()}; });
  }
  Bytes queued;
  for (const auto& copy : orders.copies) {
    const Bytes bytes = session_.send.reinject(copy.begin, copy.end, copy.from);
    if (!bytes) { continue; }
    queued += bytes;
    note_reinjected(bytes, copy.from, anabranch::name(idle), now);
  }
  copied_ += queued.n;
  if (queued) { session_.in_sequence = false; }
  return queued > Bytes{};
}

/// Somebody who is not answered is noticed without a segment, if it matters: while something waits to be sent.
void Connection::watch_silence(Instant now) {
  if (!session_.config.reinjection.avoid_silent) { return; }
  std::size_t carriers = 0;
  Instant first = Instant::never();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!seat(i).carries) { continue; }
    ++carriers;
    const Instant at = seats_[i].doubtful ? Instant::never() : measure(i, now).silent_at;
    if (at > now) { first = std::min(first, at); }
  }
  if (carriers > 1) { look_again(first, now); }
}

void Connection::look_again(Instant at, Instant now) {
  if (at > now) { timers_.set_earlier(Timer::look_again, at); }
}

/// RFC 8041 §2.2 and the end of RFC 8684 §3.3.6: what is stalled for long while others work is worth less than a new
/// attempt (a NAT that has forgotten it will not remember). Only by who can make one.
void Connection::reset_stuck(Instant now) {
  const Duration patience = session_.config.reinjection.reset_stuck_after;
  if (!active_ || patience.ns == 0 || phase_ != Phase::open || session_.mode != Mode::mptcp) { return; }
  Instant next = Instant::never();
  for (const auto& s : subflows_) {
    if (!s->stalled || s->over || s->endpoint().dead()) { continue; }
    const bool others = std::ranges::any_of(subflows_, [&](const auto& o) {
      return o->carries_data() && !o->over && !o->doubtful() && o->heard_at() > s->stalled_since;
    });
    if (now < s->stalled_since + patience) {
      next = std::min(next, s->stalled_since + patience);
    } else if (others) {
      counters_.add(Counter::subflows_stuck);
      s->set_ended_by(name(wire::ResetReason::unacceptable_performance));
      s->endpoint().abort(wire::ResetReason::unacceptable_performance);
    } else {
      next = std::min(next, now + patience);
    }
  }
  timers_.set(Timer::stuck, next);
}
}  // namespace anabranch::mptcp
