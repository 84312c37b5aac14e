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
  silence_the_dead();
  settle(now);
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
}

/// Resets, handshakes, retransmissions, ACKs and bound data, one subflow after the other.
std::optional<Outgoing> Connection::from_subflows(Instant now) {
  for (std::size_t i = 0; i < subflows_.size(); ++i) {
    Subflow& s = *subflows_[(turn_ + i) % subflows_.size()];
    if (s.silent) { continue; }
    if (auto segment = s.endpoint().poll_transmit(now)) {
      turn_ = (turn_ + i) % subflows_.size();
      if (wire::find<wire::Reset>(segment->mptcp)) { counters_.add(Counter::mp_tcprst_sent); }
      return Outgoing{&s.way(), s.id(), std::move(*segment)};
    }
  }
  ++turn_;
  return std::nullopt;
}

/// A dead endpoint that has nothing left to say (its RST has gone) may be forgotten.
void Connection::silence_the_dead() {
  for (const auto& s : subflows_) {
    if (s->endpoint().dead()) { s->silent = true; }
  }
}

void Connection::look_at_paths(Instant now) {
  paths_.clear();
  for (const auto& s : subflows_) {
    if (!s->carries_data() || s->over) { continue; }
    const tcp::Info i = s->endpoint().info();
    Bytes room = s->endpoint().room(now);
    // A fraction of a packet is not worth a mapping while more is on its way to make room.
    if (room < s->packet() && i.in_flight) { room = {}; }
    paths_.push_back({.id = s->id(),
                      .room = room,
                      .in_flight = i.in_flight,
                      .window = i.window,
                      .srtt = i.srtt,
                      .rttvar = i.rttvar,
                      .backup = s->backup(),
                      .stale = s->doubtful()});
  }
  restrain_paths(now);
}

/// Places one piece, again before fresh; false when nothing waits, or nothing shall leave now.
bool Connection::schedule(Instant now) {
  if (phase_ != Phase::open && phase_ != Phase::closing) { return false; }
  const DataSend::Again* again = session_.mode == Mode::mptcp ? session_.send.next_again() : nullptr;
  const Bytes fresh = session_.send.sendable();
  if (!again && !fresh) { return false; }
  look_at_paths(now);
  if (paths_.empty()) { return false; }
  if (again) {
    const Demand demand{now, {again->end - again->begin}, session_.send.sendable(), true, again->from};
    if (place(demand, now)) { return true; }
  }
  if (!fresh) { return false; }
  return place({now, fresh, {session_.send.limit() - session_.send.next()}, false, {}}, now);
}

bool Connection::place(const Demand& demand, Instant now) {
  const Choice choice = scheduler_->choose(demand, paths_);
  if (const Wait* wait = std::get_if<Wait>(&choice)) {
    trace::emit(env_.trace, now, {number_, 0}, [&] { return trace::SchedulerWaited{wait->until, scheduler_->name()}; });
    return false;
  }
  const Send& send = std::get<Send>(choice);
  Subflow* s = find(send.on);
  ANABRANCH_CHECK(s != nullptr);  // a scheduler chooses among the paths it was shown
  const Bytes packet = s->packet();
  Bytes amount = std::min({send.at_most, demand.waiting, s->endpoint().burst(), Bytes{MappingTx::kLongest}});
  if (s->role().single_packet(s->lane().tx.end())) { amount = std::min(amount, packet); }
  // Whole packets while there is more: a mapping's short last packet would cost a header for nothing.
  if (amount < demand.waiting && amount > packet) { amount = packet * (amount.n / packet.n); }
  if (!demand.reinjection) { amount = less_what_waits(amount, demand, packet, now); }
  if (amount == Bytes{0}) { return false; }
  DataSend::Piece piece = demand.reinjection ? session_.send.take_again(amount) : session_.send.take_fresh(amount);
  trace::emit(env_.trace, now, {number_, s->id().raw},
              [&] { return trace::Scheduled{piece.at, piece.bytes.size(), scheduler_->name(), demand.reinjection}; });
  if (!demand.reinjection) { batching_.bound(piece.at + piece.bytes.size().n, piece.bytes.size().n % packet.n != 0); }
  s->bind(piece.at, std::move(piece.bytes), now);
  return true;
}

/// Whole packets always leave; what is left over may have to wait for more, unless nothing more will be written.
Bytes Connection::less_what_waits(Bytes amount, const Demand& demand, Bytes packet, Instant now) {
  const std::uint64_t over = amount.n % packet.n;
  const bool last = amount == demand.waiting;
  if (over == 0 || !last || session_.close.sending != stream::Sending::open) { return amount; }
  const DataPos tail = session_.send.next() + (amount.n - over);
  return batching_.holds(tail, session_.send.una(), now) ? amount - Bytes{over} : amount;
}
}  // namespace anabranch::mptcp
