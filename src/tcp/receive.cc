#include "tcp/parts.hh"
#include "tcp/user_timeout.hh"

namespace anabranch::tcp {

Drop Endpoint::Parts::dropped(Drop why, const Segment& segment, Instant now) {
  drops.add(why);
  context.trace(now, [&] { return trace::Dropped{name(why), &segment}; });
  return why;
}

Verdict Endpoint::Parts::receive(const Segment& segment, Instant now) {
  ++segments_in;
  switch (phase) {
    case Phase::syn_sent: return in_syn_sent(segment, now);
    case Phase::syn_received:
    case Phase::open:
    case Phase::time_wait: return in_synchronised(segment, now);
    case Phase::idle:
    case Phase::dead: break;
  }
  return dropped(Drop::not_for_this_state, segment, now);
}

/// The role's word on a segment. False, with the verdict, when the segment shall go no further.
bool Endpoint::Parts::role_agrees(const Segment& segment, const Place& place, Instant now, Verdict& verdict) {
  verdict = context.role.read(segment, place.at, place.ack, now);
  if (const Drop* why = std::get_if<Drop>(&verdict)) {
    dropped(*why, segment, now);
    return false;
  }
  if (const ResetWith* with = std::get_if<ResetWith>(&verdict)) {
    reset(with->reason, now);
    return false;
  }
  return true;
}

// --- opening

Verdict Endpoint::Parts::accept(const Segment& syn, SeqNum isn, const FastOpenGrant& grant, Instant now) {
  ++segments_in;
  if (phase != Phase::idle || !syn.flags.syn || syn.flags.ack || syn.flags.rst) {
    return dropped(Drop::not_for_this_state, syn, now);
  }
  context.agreed.our_isn = isn;
  handshake.agree(syn);
  enter(Phase::syn_received, now);
  Verdict verdict;
  if (!role_agrees(syn, {}, now, verdict)) { return verdict; }
  note_options(syn, now);
  if (answered) {
    handshake.begin_answered(now);
    (void)receiver.offer(0);  // as the SYN/ACK did
    receiver.acknowledged(true);
  } else {
    handshake.begin_answer(grant);
  }
  if (grant.take_data) { open_early(syn, now); }
  return Taken{};
}

/// RFC 7413 §4.2.2: what came with the SYN counts, and the owner may answer it before the third segment is here.
void Endpoint::Parts::open_early(const Segment& syn, Instant now) {
  context.agreed.syn_data = syn.payload.size().n;
  if (!syn.payload.empty()) {
    Segment payload = syn;
    payload.flags.fin = false;  // if there is one, it comes again
    receiver.renew_edge();      // nothing was offered yet; what fits is welcome
    receiver.on_segment(payload, {1}, now);
    context.agreed.syn_data = receiver.next() - SubPos{1};
    context.agreed.fast_open = FastOpenOutcome::accepted;
  }
  early = true;
  sender.open(now, std::nullopt, false);
  sender.first_window({}, {1}, {syn.window});
  note(Event::established);
}

// [9293-MUST-11]
/// RFC 9293 §3.10.7.3; an acknowledgment of bytes that rode on the SYN is as good as one of the SYN (RFC 7413).
Verdict Endpoint::Parts::in_syn_sent(const Segment& segment, Instant now) {
  const bool acked = segment.flags.ack;
  const Place place{.at = {}, .ack = acked ? unwrap(segment.ack, context.agreed.our_isn, SubPos{1}) : SubPos{}};
  const bool acceptable = place.ack >= SubPos{1} && place.ack <= handshake.syn_end() && handshake.attempts() > 0;
  if (acked && !acceptable) {
    if (!segment.flags.rst) { owed.stray_reset = segment.ack; }
    return dropped(Drop::bad_ack, segment, now);
  }
  if (segment.flags.rst) {
    return acked ? on_reset_of_syn(segment, place, now) : dropped(Drop::not_for_this_state, segment, now);
  }
  if (!segment.flags.syn) { return dropped(Drop::not_for_this_state, segment, now); }
  if (!acked) { return on_both_syns(segment, now); }

  handshake.agree(segment);
  handshake.conclude(segment, place.ack);
  Verdict verdict;
  if (!role_agrees(segment, place, now, verdict)) { return verdict; }
  note_options(segment, now);
  establish(segment, place, now);
  owed.first_ack = true;
  receiver.acks().at_once();
  return Taken{};
}

Verdict Endpoint::Parts::on_reset_of_syn(const Segment& segment, const Place& place, Instant now) {
  if (handshake.try_plainly()) { return Taken{}; }
  context.role.read(segment, {}, place.ack, now);
  die(Event::refused, now);
  return Taken{};
}

// [9293-MUST-10]
/// Both ends opened at once (RFC 9293 §3.5, figure 7): our SYN goes again, now acknowledging theirs.
Verdict Endpoint::Parts::on_both_syns(const Segment& segment, Instant now) {
  handshake.agree(segment);
  both_opened = true;
  enter(Phase::syn_received, now);
  Verdict verdict;
  if (!role_agrees(segment, {}, now, verdict)) { return verdict; }
  note_options(segment, now);
  handshake.begin_answer({});
  return Taken{};
}

/// What a SYN, or a segment of a connection that has come so far, tells beside its options for MPTCP.
void Endpoint::Parts::note_options(const Segment& segment, Instant now) {
  const bool opening = segment.flags.syn;
  if (segment.tcp.timestamps && (opening || context.agreed.timestamps)) {
    stamps.note(segment.tcp.timestamps->value, now);
  }
  if (!segment.tcp.user_timeout || !context.config.user_timeout_option) { return; }
  context.agreed.told_user_timeout = segment.tcp.user_timeout->duration();
  if (context.config.user_timeout_fixed) { return; }
  context.config.give_up_after = adopted_user_timeout(advertised_user_timeout, *context.agreed.told_user_timeout);
}

void Endpoint::Parts::establish(const Segment& segment, const Place& place, Instant now) {
  auto rtt = handshake.rtt(now);
  const bool lost = handshake.attempts() > 1;
  // The timestamp of a SYN cookie is not the time.
  if (!rtt && !answered && context.agreed.timestamps && segment.tcp.timestamps) {
    if (const auto left = stamps.left_at(segment.tcp.timestamps->echo, now)) { rtt = now - *left; }
  }
  handshake.done();
  enter(Phase::open, now);
  owed.user_timeout = context.config.user_timeout_option;
  if (std::exchange(early, false)) {
    if (rtt) { sender.handshake_took(*rtt, now); }
    return heard_from_peer(now);
  }
  sender.open(now, rtt, lost);
  // The window of a SYN/ACK is never scaled (RFC 7323 §2.2); that of a third segment is told with the acknowledgment.
  if (segment.flags.syn) {
    if (place.ack > SubPos{1}) { sender.syn_data_arrived(place.ack, handshake.first_left()); }
    sender.first_window(place.at, place.ack, {segment.window});
  }
  heard_from_peer(now);
  note(Event::established);
}

// --- segments of a connection

Endpoint::Parts::Place Endpoint::Parts::locate(const Segment& segment) const {
  Place place;
  place.at = unwrap(segment.seq, context.agreed.peer_isn, receiver.next());
  if (segment.flags.ack) { place.ack = unwrap(segment.ack, context.agreed.our_isn, sender.una()); }
  return place;
}

Facts Endpoint::Parts::gather(const Segment& segment, const Place& place, Instant now) {
  const bool stamped = segment.tcp.timestamps.has_value();
  const std::uint64_t length = segment.length();
  if (place.at + length > receiver.edge() && phase == Phase::open) { receiver.renew_edge(); }
  const bool opening = phase == Phase::syn_received;
  // A third segment without timestamps: somebody took them out of our SYN/ACK, and only we believe that they are in use.
  // RFC 7323 §3.2 would have us drop all that follows; two ends that disagree for ever help nobody.
  if (opening && !stamped && segment.flags.ack && !segment.flags.syn && !segment.flags.rst && place.ack == SubPos{1}) {
    context.agreed.timestamps = false;
  }
  return {.flags = segment.flags,
          .at = place.at,
          .length = length,
          .ack = place.ack,
          .old_timestamp = context.agreed.timestamps && stamped && stamps.is_old(segment.tcp.timestamps->value, now),
          .no_timestamp = context.agreed.timestamps && !stamped,
          .phase = phase,
          .both_opened = both_opened,
          .next = receiver.next(),
          .edge = receiver.edge(),
          .una = opening ? SubPos{0} : sender.una(),
          .sent_up_to = sender.sent_up_to(),
          .largest_window = sender.largest_window()};
}

/// The stages of a segment in a synchronised state (RFC 9293 §3.10.7.4): acceptance, the role's options,
/// timestamp, handshake, acknowledgment, payload and FIN, closing.
Verdict Endpoint::Parts::in_synchronised(const Segment& segment, Instant now) {
  const Place place = locate(segment);
  const Ruling ruling = judge(gather(segment, place, now));
  if (ruling.drop) { return refuse(segment, place, ruling, now); }
  if (ruling.answer == Answer::die) { return on_reset(segment, place, now); }
  Verdict verdict;
  if (!role_agrees(segment, place, now, verdict)) { return verdict; }

  if (place.at <= receiver.last_acknowledged()) { note_options(segment, now); }
  if (phase == Phase::syn_received) { establish(segment, place, now); }
  heard_from_peer(now);
  take_acknowledgment(segment, place, std::get<Taken>(verdict).has_signal, now);
  if (segment.length() > 0) {
    receiver.on_marks(segment);
    if (const auto why = receiver.on_segment(segment, place.at, now)) { verdict = dropped(*why, segment, now); }
  }
  linger_or_die(now);
  return verdict;
}

/// Puts the next keep-alive off (RFC 9293 §3.8.4).
void Endpoint::Parts::heard_from_peer(Instant now) {
  keepalives = 0;
  if (phase == Phase::open && context.config.keepalive_idle > Duration{}) {
    timers.set(Timer::keepalive, now + context.config.keepalive_idle);
  }
}

Verdict Endpoint::Parts::on_reset(const Segment& segment, const Place& place, Instant now) {
  context.role.read(segment, place.at, place.ack, now);  // it may say why; what it answers changes nothing
  // RFC 9293 §3.10.7.4: no error when only our FIN was without an answer.
  const bool done = context.close.receiving == stream::Receiving::finished &&  // [9293-MUST-12]
                    context.close.sending == stream::Sending::fin_sent && sender.una() + 1 == sender.sent_up_to();
  die(done ? Event::closed : Event::reset_by_peer, now);
  return Taken{};
}

Verdict Endpoint::Parts::refuse(const Segment& segment, const Place& place, const Ruling& ruling, Instant now) {
  const bool repeats_fin = segment.flags.fin && place.at + segment.length() <= receiver.next();
  if (phase == Phase::time_wait && repeats_fin) { timers.set(Timer::time_wait, now + context.config.time_wait); }
  switch (ruling.answer) {
    case Answer::ack:
      if (phase == Phase::syn_received && segment.flags.syn && !segment.flags.ack) {
        handshake.again();
      } else if (segment.length() > 0 || repeats.allow(now)) {
        receiver.on_duplicate(place.at, place.at + segment.length() <= receiver.next() ? segment.payload.size().n : 0);
        receiver.acks().at_once();
      }
      break;
    case Answer::challenge:
      if (challenges.allow(now)) { receiver.acks().at_once(); }
      break;
    case Answer::reset_him: owed.stray_reset = segment.ack; break;
    case Answer::none:
    case Answer::die: break;
  }
  return dropped(*ruling.drop, segment, now);
}

void Endpoint::Parts::take_acknowledgment(const Segment& segment, const Place& place, bool has_signal, Instant now) {
  boost::container::static_vector<Block, 4> blocks;
  for (const wire::SackBlock& sack : segment.tcp.sack) {
    const SubPos near = sender.una();
    blocks.push_back(
        {unwrap(sack.left, context.agreed.our_isn, near), unwrap(sack.right, context.agreed.our_isn, near)});
  }
  Sender::Heard heard{.now = now,
                      .at = place.at,
                      .ack = place.ack,
                      // [9293-MUST-1 9293-REC-1]
                      .window = Bytes{segment.window} * (segment.flags.syn ? 1 : 1ull << context.agreed.send_scale),
                      .bare = segment.length() == 0 && !has_signal,  // [8684-3-02 8684-3.4.1-20]
                      .marked = context.agreed.ecn && segment.flags.ece && !segment.flags.syn,
                      .sacks = {blocks.data(), blocks.size()},
                      .echoed = {}};
  if (context.agreed.timestamps && segment.tcp.timestamps) {
    heard.echoed = stamps.left_at(segment.tcp.timestamps->echo, now);
  }
  const Sender::News news = sender.on_ack(heard);
  if (news.recovered) { note(Event::recovered); }
  if (sender.probing()) { sender.try_again(now); }  // the path is back, though this may answer nothing
}
}  // namespace anabranch::tcp
