#include "tcp/parts.hh"
#include "wire/option_space.hh"

namespace anabranch::tcp {
namespace {
/// A role that always wants one more must not keep the others waiting.
constexpr unsigned kMostForRole = 8;
constexpr std::size_t kSackHeader = 4, kSackBlock = 8;  // with two NOPs (RFC 2018 §3)
constexpr std::size_t kUserTimeout = 4;                 // RFC 5482 §3
}  // namespace

/// The order of departures: resets, handshake, what the role must say, data, and an acknowledgment that nothing took
/// along.
std::optional<Segment> Endpoint::Parts::transmit(Instant now) {
  if (owed.reset) { return build_reset(now); }
  if (owed.stray_reset) {
    Segment segment;
    segment.seq = *std::exchange(owed.stray_reset, std::nullopt);
    segment.flags.rst = true;
    ++segments_out;
    return segment;
  }
  if (phase == Phase::idle || phase == Phase::dead) { return std::nullopt; }
  if (handshake.syn_room() > Bytes{} && context.source.end() > SubPos{1}) { handshake.bytes_are_there(); }
  if (handshake.due()) { return build_syn(now); }
  if (may_send()) {
    if (auto segment = transmit_open(now)) { return segment; }
  }
  if (phase != Phase::syn_sent && receiver.acks().due()) {  // [9293-MUST-59]
    Segment segment = build_empty(SegmentKind::ack, sender.sent_up_to(), now);
    // The role's options may leave no room for SACK blocks; asking again would not give them any.
    if (segment.tcp.sack.empty() && receiver.has_blocks()) { receiver.acks().sent(); }
    return segment;
  }
  owed.for_role = 0;
  return std::nullopt;
}

std::optional<Segment> Endpoint::Parts::transmit_open(Instant now) {
  if (owed.first_ack) {
    owed.first_ack = false;
    return build_empty(SegmentKind::ack, sender.sent_up_to(), now);
  }
  if (context.role.wants_segment() && owed.for_role < kMostForRole) {
    ++owed.for_role;
    return build_empty(SegmentKind::ack, sender.sent_up_to(), now);
  }
  if (owed.probe) {
    owed.probe = false;
    return build_empty(SegmentKind::probe, sender.una() - 1, now);
  }
  if (auto out = sender.next(now)) { return build(std::move(*out), now); }
  return std::nullopt;
}

/// What every segment but a SYN has in common.
Segment Endpoint::Parts::header(SubPos at, Instant now) {
  Segment segment;
  segment.seq = wrap(at, context.agreed.our_isn);
  segment.ack = wrap(receiver.next(), context.agreed.peer_isn);
  segment.flags.ack = true;
  segment.flags.ece = receiver.echoes_mark();
  if (context.agreed.timestamps) { segment.tcp.timestamps = stamps.option(now); }
  ++segments_out;
  return segment;
}

/// Options of the role first, then as many SACK blocks as are left room for; then the window.
void Endpoint::Parts::finish_segment(Segment& segment, const Plan& plan, Instant now) {
  context.role.write(plan, segment.mptcp, now);
  const std::size_t used = wire::options_size(segment.tcp, segment.mptcp) - wire::size_without_sack(segment.tcp);
  ANABRANCH_CHECK(used <= plan.option_room);
  std::size_t left = plan.option_room - used;
  if (owed.user_timeout && left >= kUserTimeout) {
    owed.user_timeout = false;
    segment.tcp.user_timeout = wire::UserTimeout::of(advertised_user_timeout);
    left -= kUserTimeout;
  }
  const std::size_t fitting = left < kSackHeader ? 0 : (left - kSackHeader) / kSackBlock;
  receiver.report(segment.tcp, std::min(fitting, wire::room_for_sack(segment.tcp, segment.mptcp)));
  segment.window = receiver.offer(context.agreed.receive_scale);
  receiver.acknowledged(!segment.tcp.sack.empty());
}

/// What a SYN says if there is room after all that must be said.
void Endpoint::Parts::add_optional(Segment& segment) {
  const auto fits = [&] { return wire::options_fit(segment.tcp, segment.mptcp); };
  segment.tcp.fast_open = handshake.fast_open();
  if (handshake.answering() && segment.tcp.fast_open) {
    // RFC 8684 appendix B.1: beside a key it is the cookie that gives way; the stack knows its own by the beginning.
    constexpr std::size_t kShortest = 6;
    auto& cookie = segment.tcp.fast_open->cookie;
    while (!fits() && cookie.size() > kShortest) { cookie.resize(cookie.size() - 2); }
  }
  if (!fits()) {
    segment.tcp.fast_open.reset();
    if (!handshake.answering()) { handshake.forget_offer(); }
  }
  if (!context.config.user_timeout_option) { return; }
  segment.tcp.user_timeout = wire::UserTimeout::of(advertised_user_timeout);
  if (!fits()) { segment.tcp.user_timeout.reset(); }
}

Segment Endpoint::Parts::build_syn(Instant now) {
  const bool answering = handshake.answering();
  Segment segment;
  segment.seq = context.agreed.our_isn;
  segment.flags.syn = true;
  handshake.write_ecn(segment.flags);
  segment.tcp = handshake.options(stamps, now);
  if (answering) {
    segment.flags.ack = true;
    segment.ack = wrap(receiver.next(), context.agreed.peer_isn);
  }
  const Plan plan{.kind = answering ? SegmentKind::syn_ack : SegmentKind::syn,
                  .retransmission = handshake.attempts() > 0,
                  .attempt = handshake.attempts(),
                  .option_room = wire::room_for_mptcp(segment.tcp)};
  context.role.write(plan, segment.mptcp, now);
  add_optional(segment);
  ANABRANCH_CHECK(wire::options_fit(segment.tcp, segment.mptcp));
  const Bytes payload = std::min(handshake.syn_room(), Bytes{context.source.end() - SubPos{1}});
  if (!answering && payload > Bytes{}) { segment.payload = context.source.bytes({1}, payload); }
  segment.window = receiver.offer(0);  // RFC 7323 §2.2: never scaled on a SYN
  if (answering) { receiver.acknowledged(true); }
  handshake.left(segment.payload.size(), segment.tcp.fast_open.has_value(), now);
  ++segments_out;
  return segment;
}

Segment Endpoint::Parts::build_reset(Instant now) {
  const wire::ResetReason reason = *std::exchange(owed.reset, std::nullopt);
  Segment segment = header(sender.sent_up_to(), now);
  segment.flags.rst = true;
  const Plan plan{.kind = SegmentKind::reset,
                  .at = sender.sent_up_to(),
                  .option_room = wire::room_for_mptcp(segment.tcp),
                  .reason = reason};
  context.role.write(plan, segment.mptcp, now);
  ANABRANCH_CHECK(wire::options_fit(segment.tcp, segment.mptcp));
  return segment;
}

Segment Endpoint::Parts::build_empty(SegmentKind kind, SubPos at, Instant now) {
  Segment segment = header(at, now);
  finish_segment(segment, {.kind = kind, .at = at, .option_room = wire::room_for_mptcp(segment.tcp)}, now);
  return segment;
}

Segment Endpoint::Parts::build(Outgoing&& out, Instant now) {
  Segment segment = header(out.at, now);
  segment.flags.fin = out.fin;
  segment.flags.psh = out.push;  // [8684-3.3.1-06]
  segment.flags.cwr = out.reduced;
  segment.ecn = out.markable ? wire::Ecn::ect0 : wire::Ecn::not_ect;
  segment.payload = std::move(out.payload);
  const Bytes payload = segment.payload.size();
  if (payload.n > out.cut) { segment.cut = out.cut; }
  const Plan plan{.kind = out.kind,
                  .at = out.at,
                  .payload = payload,
                  .retransmission = out.retransmission,
                  .option_room = out.option_room};
  finish_segment(segment, plan, now);
  return segment;
}
}  // namespace anabranch::tcp
