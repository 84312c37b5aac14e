// One segment out: first what subflows owe, then what the scheduler places (design: data is bound as late as possible).
#include "mptcp/connection.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::mptcp {

std::optional<Outgoing> Connection::poll_transmit(Instant now) {
  timers_.clear(Timer::look_again);
  if (phase_ == Phase::handshake) { bind_to_syn(now); }
  for (;;) {
    if (auto out = from_subflows(now)) { return out; }
    if (!schedule(now) && !copy_what_is_late(now)) { break; }
  }
  step_closing(now);  // the last byte may just have been bound: a DATA_FIN may follow
  if (auto out = from_subflows(now)) { return out; }
  if (session_.send.sendable() || session_.send.next_again()) { watch_silence(now); }
  ANABRANCH_EXPENSIVE_CHECK(nobody_else_speaks(now));
  silence_the_dead();
  settle_changes(now);
  return std::nullopt;
}

/// What is written by now rides on the first SYN, as far as it may carry it (RFC 7413 §4.2.2).
void Connection::bind_to_syn(Instant now) {
  if (subflows_.empty()) { return; }
  Subflow& s = *subflows_.front();
  const Bytes amount = std::min(s.endpoint().syn_room(), session_.send.unsent());
  if (amount == Bytes{} || !s.lane().tx.empty()) { return; }
  session_.send.raise_limit(session_.send.next() + amount.n);  // no window is known; a SYN with a cookie needs none
  const DataSend::Piece piece = session_.send.take_fresh(amount);
  s.bind(piece.at, piece.bytes, now);
  stir(0);
}

/// Resets, handshakes, retransmissions, ACKs and bound data, one subflow after the other. Those that had nothing to say
/// and have not changed since are not asked again.
std::optional<Outgoing> Connection::from_subflows(Instant now) {
  for (std::size_t n = 0; n < subflows_.size(); ++n) {
    const std::size_t i = (turn_ + n) % subflows_.size();
    if (!seats_[i].may_send) { continue; }
    Subflow& s = *subflows_[i];
    if (s.silent) { continue; }
    busy_ = i;
    auto segment = s.endpoint().poll_transmit(now);
    busy_ = kNobody;
    stir(i);
    if (segment) {
      turn_ = i;
      if (wire::find<wire::Reset>(segment->mptcp)) { counters_.add(Counter::mp_tcprst_sent); }
      return Outgoing{&s.way(), s.id(), std::move(*segment)};
    }
    seats_[i].may_send = s.has_signals();  // no more of them at a time than an endpoint allows: next time
  }
  ++turn_;
  return std::nullopt;
}

/// For builds that check: who was not asked would have said nothing.
bool Connection::nobody_else_speaks(Instant now) {
  for (std::size_t i = 0; i < subflows_.size(); ++i) {
    const bool asked = seats_[i].may_send || subflows_[i]->silent;
    if (!asked && subflows_[i]->endpoint().poll_transmit(now)) { return false; }
  }
  return true;
}

/// A dead endpoint that has nothing left to say (its RST has gone) may be forgotten.
void Connection::silence_the_dead() {
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seats_[i].unsettled && subflows_[i]->endpoint().dead()) { subflows_[i]->silent = true; }
  }
}

/// The peer's window, and nothing else, keeps a path idle: counted once for each DATA_ACK (schedulers learn from it).
void Connection::note_blocked() {
  const bool roomy = std::ranges::any_of(paths_, [](const Path& p) { return p.room > Bytes{}; });
  if (!roomy || !session_.send.window_closed() || blocked_at_ == session_.send.una()) { return; }
  blocked_at_ = session_.send.una();
  ++blocked_;
}

/// Places one piece, again before fresh; false when nothing waits, or nothing shall leave now.
bool Connection::schedule(Instant now) {
  holds_back_ = false;
  ask_again_at_ = Instant::never();
  if (phase_ != Phase::open && phase_ != Phase::closing) { return false; }
  const DataSend& send = session_.send;
  const bool mapped = session_.mode == Mode::mptcp;
  const DataSend::Again* again = mapped ? send.next_again() : nullptr;
  const bool copies = mapped && scheduler_->copies() && send.una() < send.sent_up_to();
  if (!again && !copies && !send.unsent()) { return false; }
  if (!anybody_may_carry(now)) { return wait({}, now); }
  look_at_paths(now);
  if (paths_.empty()) { return false; }
  note_blocked();
  Demand demand{.now = now,
                .waiting = send.sendable(),
                .peer_window = {send.limit() - send.next()},
                .unsent = send.unsent(),
                .window = std::min(session_.config.send_buffer, Bytes{send.limit() - send.una()}),
                .blocked = blocked_};
  if (again) {
    Demand repeats = demand;
    repeats.waiting = {again->end - again->begin};
    repeats.reinjection = true;
    repeats.last = again->from;
    if (place(repeats, now)) { return true; }
  }
  return (demand.waiting || copies) && place(demand, now);
}

bool Connection::place(const Demand& demand, Instant now) {
  return std::visit(
      Overloaded{[&](const Wait& w) { return wait(w, now); }, [&](const Send& s) { return carry(s, demand, now); },
                 [&](const Copy& c) { return carry(c, now); }},
      scheduler_->choose(demand, paths_));
}

/// The scheduler is asked again at latest when it wants to be; at once would be for ever.
bool Connection::wait(const Wait& wait, Instant now) {
  constexpr Duration kLeast = 100_us;  // less than timers keep to
  trace::emit(env_.trace, now, {number_, 0},
              [&] { return trace::SchedulerWaited{wait.until, wait.why, scheduler_->name()}; });
  if (!wait.until.is_never()) { ask_again_at_ = std::min(ask_again_at_, std::max(wait.until, now + kLeast)); }
  return false;
}

/// What one mapping takes of `of`: one super-segment.
Bytes Connection::in_one_mapping(const Subflow& s, Bytes at_most, Bytes of) const {
  const Bytes packet = s.packet();
  Bytes amount = std::min({at_most, of, s.endpoint().burst(), Bytes{MappingTx::kLongest}});
  if (s.role().single_packet(s.lane().tx.end())) { amount = std::min(amount, packet); }
  // Whole packets while there is more: a mapping's short last packet would cost a header for nothing.
  if (amount < of && amount > packet) { amount = packet * (amount.n / packet.n); }
  return amount;
}

bool Connection::carry(const Send& send, const Demand& demand, Instant now) {
  Subflow* s = find(send.on);
  ANABRANCH_CHECK(s != nullptr);  // a scheduler chooses among the paths it was shown
  const Bytes packet = s->packet();
  Bytes amount = in_one_mapping(*s, send.at_most, demand.waiting);
  if (!demand.reinjection) { amount = less_what_waits(amount, demand, packet, now); }
  if (amount == Bytes{0}) { return false; }
  DataSend::Piece piece = demand.reinjection ? session_.send.take_again(amount) : session_.send.take_fresh(amount);
  trace::emit(env_.trace, now, {number_, s->id().raw},
              [&] { return trace::Scheduled{piece.at, piece.bytes.size(), scheduler_->name(), demand.reinjection}; });
  if (!demand.reinjection) { batching_.bound(piece.at + piece.bytes.size().n, piece.bytes.size().n % packet.n != 0); }
  s->bind(piece.at, std::move(piece.bytes), now);
  stir(index_of(s->id()));
  return true;
}

/// The oldest bytes that others carry and this path does not. Always progress: what it has carried after all is noted.
bool Connection::carry(const Copy& copy, Instant now) {
  Subflow* s = find(copy.on);
  ANABRANCH_CHECK(s != nullptr);
  const DataPos at = s->first_missed();
  const DataPos end = session_.send.sent_up_to();
  stir(index_of(copy.on));  // first_missed has moved on
  if (at >= end) { return true; }
  const Bytes amount = in_one_mapping(*s, copy.at_most, {end - at});
  if (amount == Bytes{0}) { return false; }
  session_.in_sequence = false;
  DataSend::Piece piece = session_.send.take_copy(at, amount);
  reinjected_ += amount.n;
  trace::emit(env_.trace, now, {number_, s->id().raw},
              [&] { return trace::Scheduled{piece.at, amount, scheduler_->name(), true}; });
  s->bind(piece.at, std::move(piece.bytes), now);
  stir(index_of(s->id()));
  return true;
}

/// Whole packets always leave; what is left over may have to wait for more, unless nothing more will be written.
Bytes Connection::less_what_waits(Bytes amount, const Demand& demand, Bytes packet, Instant now) {
  const std::uint64_t over = amount.n % packet.n;
  const bool last = amount == demand.waiting;
  if (over == 0 || !last || session_.close.sending != stream::Sending::open) { return amount; }
  // A writer that was refused room has more to say, and so has one that the peer's window holds up: what comes next fills
  // the packet (RFC 9293 §3.8.6.2.1).
  const bool held_up = writer_waits_ || demand.waiting < session_.send.unsent();
  const DataPos tail = session_.send.next() + (amount.n - over);
  const bool more_comes = held_up && session_.send.outstanding();
  if (!more_comes && !batching_.holds(tail, session_.send.una(), now)) { return amount; }
  holds_back_ = amount.n == over;
  return amount - Bytes{over};
}
}  // namespace anabranch::mptcp
