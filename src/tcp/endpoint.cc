#include "tcp/endpoint.hh"

#include "tcp/parts.hh"

namespace anabranch::tcp {

// --- phases

void Endpoint::Parts::enter(Phase to, Instant now) {
  context.trace(now, [&] { return trace::PhaseChanged{"tcp", name(phase), name(to)}; });
  phase = to;
}

void Endpoint::Parts::die(Event why, Instant now) {
  if (phase == Phase::dead) { return; }
  enter(Phase::dead, now);
  early = false;
  handshake.done();
  timers.clear_all();
  note(why);
}

/// Ends the connection with a RST, if the peer can know of it.
void Endpoint::Parts::reset(wire::ResetReason reason, Instant now) {
  const bool peer_knows = phase != Phase::idle && phase != Phase::time_wait && handshake.heard();
  if (peer_knows) { owed.reset = reason; }
  die(Event::closed, now);
}

void Endpoint::Parts::linger_or_die(Instant now) {
  if (phase != Phase::open || !context.close.complete()) { return; }
  if (!context.close.we_were_first) { return die(Event::closed, now); }
  enter(Phase::time_wait, now);
  timers.clear(Timer::keepalive);
  timers.set(Timer::time_wait, now + context.config.time_wait);  // [9293-MUST-13]
}

void Endpoint::Parts::on_time(Instant now) {
  if (handshake.on_deadline(now)) { return die(Event::timed_out, now); }
  receiver.acks().on_deadline(now);
  switch (sender.on_deadline(now)) {
    case Sender::Expired::stalled: note(Event::stalled); break;
    case Sender::Expired::probe: owed.probe = true; break;
    case Sender::Expired::gave_up: return die(Event::timed_out, now);
    case Sender::Expired::again:
    case Sender::Expired::nothing: break;
  }
  if (timers.take_due(Timer::keepalive, now)) { keep_alive(now); }
  if (timers.take_due(Timer::time_wait, now)) { die(Event::closed, now); }
}

// [9293-MUST-26 9293-MUST-29 9293-MUST-24 9293-MUST-25 9293-MUST-27]
/// RFC 9293 §3.8.4. Outstanding data has the retransmission timer to notice a dead peer.
void Endpoint::Parts::keep_alive(Instant now) {
  const Config& config = context.config;
  if (!sender.idle()) {
    timers.set(Timer::keepalive, now + config.keepalive_idle);
    return;
  }
  if (keepalives >= config.keepalive_probes) {
    owed.reset = wire::ResetReason::unspecified;
    return die(Event::timed_out, now);
  }
  ++keepalives;
  owed.probe = true;
  timers.set(Timer::keepalive, now + config.keepalive_interval);
}

// --- the public face

Endpoint::Endpoint(Env& env, Source& source, Sink& sink, Role& role, const cc::Group& group, const Config& config)
    : parts_{std::make_unique<Parts>(env, source, sink, role, group, config)} {}
Endpoint::~Endpoint() = default;

void Endpoint::connect(SeqNum isn, Instant now, const std::optional<FastOpenOffer>& offer) {
  if (parts_->phase != Phase::idle) { return; }
  parts_->context.agreed.our_isn = isn;
  parts_->enter(Phase::syn_sent, now);
  parts_->handshake.begin(offer, now);
}

Bytes Endpoint::syn_room() const { return phase() == Phase::syn_sent ? parts_->handshake.syn_room() : Bytes{}; }

Verdict Endpoint::accept(const Segment& syn, SeqNum isn, Instant now, const FastOpenGrant& grant) {
  const Verdict verdict = parts_->accept(syn, isn, grant, now);
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
  return verdict;
}

Verdict Endpoint::accept(const Segment& syn, SeqNum isn, const Answered& answered, Instant now) {
  parts_->stamps = Timestamps{answered.timestamp_offset};
  parts_->answered = true;
  return accept(syn, isn, now);
}

Verdict Endpoint::on_segment(const Segment& segment, Instant now) {
  parts_->latest = now;
  const Verdict verdict = parts_->receive(segment, now);
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
  return verdict;
}

std::optional<Segment> Endpoint::poll_transmit(Instant now) {
  parts_->latest = now;
  auto segment = parts_->transmit(now);
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
  return segment;
}

void Endpoint::on_deadline(Instant now) {
  if (dead()) { return; }
  parts_->latest = now;
  parts_->on_time(now);
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
}

Instant Endpoint::deadline() const {
  if (dead()) { return Instant::never(); }
  const Parts& p = *parts_;
  return std::min({p.handshake.deadline(), p.sender.deadline(), p.receiver.acks().deadline(), p.timers.next()});
}

void Endpoint::on_packet_too_big(std::uint32_t mtu, SeqNum quoted, Instant now) {
  if (parts_->phase != Phase::open) { return; }
  const SubPos at = unwrap(quoted, parts_->context.agreed.our_isn, acknowledged());
  if (at < acknowledged() || at >= sent_up_to()) { return; }
  parts_->sender.on_packet_too_big(mtu, now);
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
}

void Endpoint::on_unreachable(bool hard, SeqNum quoted, Instant now) {  // [9293-MUST-54 9293-MUST-56]
  const bool opening = phase() == Phase::syn_sent || phase() == Phase::syn_received;
  const SubPos at = unwrap(quoted, parts_->context.agreed.our_isn, acknowledged());
  const bool in_flight = opening ? at == SubPos{0} : at >= acknowledged() && at < sent_up_to();
  if (dead() || !in_flight) { return; }
  ++parts_->unreachables;
  if (opening && hard) { parts_->die(Event::refused, now); }
}

std::optional<LastSeen> Endpoint::last_seen() const {
  if (phase() != Phase::time_wait) { return std::nullopt; }
  const Parts& p = *parts_;
  LastSeen out{.next = wrap(received(), p.context.agreed.peer_isn),
               .our_next = wrap(sent_up_to(), p.context.agreed.our_isn),
               .stamp = {},
               .stamped_at = p.stamps.seen_at()};
  if (p.context.agreed.timestamps) { out.stamp = p.stamps.recent(); }
  return out;
}

void Endpoint::finish() {
  if (!dead()) { parts_->context.close.finish(); }
}

void Endpoint::abort(wire::ResetReason reason) {
  if (!dead()) { parts_->reset(reason, parts_->latest); }
}

void Endpoint::send_ack() {
  if (may_send() || phase() == Phase::time_wait) { parts_->receiver.acks().at_once(); }
}

void Endpoint::halve_window(Instant now) {
  if (may_send()) { parts_->sender.halve_window(now); }
}
void Endpoint::set_probing(bool on) { parts_->sender.set_probing(on); }
void Endpoint::set_cap(Rate cap) { parts_->sender.set_cap(cap); }
void Endpoint::try_again(Instant now) { parts_->sender.try_again(now); }

void Endpoint::send_probe() {
  if (phase() == Phase::open) { parts_->owed.probe = true; }
}

std::optional<Endpoint::Event> Endpoint::poll_event() {
  auto& events = parts_->events;
  if (events.empty()) { return std::nullopt; }
  const Event event = events.front();
  events.erase(events.begin());
  return event;
}

bool Endpoint::has_events() const { return !parts_->events.empty(); }

Phase Endpoint::phase() const { return parts_->phase; }
const stream::Close& Endpoint::close_state() const { return parts_->context.close; }
const Negotiated& Endpoint::negotiated() const { return parts_->context.agreed; }
bool Endpoint::may_send() const { return parts_->may_send(); }
Bytes Endpoint::room(Instant now) const { return may_send() ? parts_->sender.room(now) : Bytes{}; }
Instant Endpoint::opens(Instant now) const { return may_send() ? parts_->sender.opens(now) : Instant::never(); }
Bytes Endpoint::burst() const { return parts_->sender.burst(); }
cc::Flow Endpoint::flow() const { return parts_->sender.flow(); }
Bytes Endpoint::segment() const { return {parts_->sender.segment()}; }
SubPos Endpoint::sent_up_to() const { return parts_->sender.sent_up_to(); }
const Sent& Endpoint::sent() const { return parts_->sender.sent(); }
SubPos Endpoint::acknowledged() const { return parts_->sender.una(); }
SubPos Endpoint::received() const { return parts_->receiver.next(); }
Bytes Endpoint::out_of_order() const { return parts_->receiver.held(); }
const Tally<Drop>& Endpoint::drops() const { return parts_->drops; }

std::string_view Endpoint::state_name() const {
  switch (phase()) {
    case Phase::syn_sent: return "SYN-SENT";
    case Phase::syn_received: return "SYN-RECEIVED";
    case Phase::open: return stream::rfc_name(parts_->context.close);
    case Phase::time_wait: return "TIME-WAIT";
    case Phase::idle:
    case Phase::dead: break;
  }
  return "CLOSED";
}

Brief Endpoint::brief() const {
  Brief brief;
  parts_->sender.fill(brief);
  brief.out_of_order = parts_->receiver.held();
  return brief;
}

Info Endpoint::info() const {
  Info info;
  parts_->sender.fill(info);
  info.bytes_received = parts_->receiver.delivered().n;
  info.segments_received = parts_->segments_in;
  info.segments_sent = parts_->segments_out;
  info.unreachables = parts_->unreachables;
  info.user_timeout = parts_->context.config.give_up_after;
  info.state = state_name();
  return info;
}

bool Endpoint::is_consistent() const {
  const Parts& p = *parts_;
  const bool open = p.phase == Phase::open || p.phase == Phase::time_wait;
  return (dead() || (p.sender.is_consistent() && p.receiver.is_consistent())) && (!open || p.sender.is_open()) &&
         (p.phase != Phase::time_wait || p.context.close.complete());
}
}  // namespace anabranch::tcp
