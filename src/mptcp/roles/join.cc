#include "mptcp/roles/join.hh"

#include "crypto/equal.hh"
#include "mptcp/roles/mapped.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
crypto::JoinParty us(const Session& s, std::uint32_t nonce) { return {s.local_key, nonce}; }
crypto::JoinParty them(const Session& s, std::uint32_t nonce) { return {*s.remote_key, nonce}; }

Step refuse_mac(Session& session, const Lane& lane) {
  session.news.push_back({lane.id, Counted{Counter::mp_join_bad_mac}});
  return Refuse{wire::ResetReason::mptcp_error};
}
}  // namespace

Step JoinClient::read(Session& session, Lane& lane, const Reading& reading) {
  if (reading.segment.flags.rst) {
    read_reset(session, lane, reading.segment);
    return Stay{};
  }
  if (phase_ == Phase::syn_sent) { return read_syn_ack(session, lane, reading); }
  if (reading.segment.flags.syn) {
    lane.dss_owed = true;  // our third ACK was lost
    return Stay{};
  }
  if (read_options(session, lane, reading).unagreed) { return Refuse{wire::ResetReason::mptcp_error}; }
  session.news.push_back({lane.id, Joined{}});
  return Become{std::make_unique<Mapped>()};
}

Step JoinClient::read_syn_ack(Session& session, Lane& lane, const Reading& reading) {
  if (!reading.segment.flags.syn || !reading.segment.flags.ack) { return Refuse{wire::ResetReason::mptcp_error}; }
  const auto* o = wire::find<wire::JoinSynAck>(reading.segment.mptcp);
  if (!o) { return Refuse{wire::ResetReason::mptcp_error}; }  // [8684-3.2-18 8684-3.9.3-02]
  their_nonce_ = o->nonce;
  const std::uint64_t expected = session.dialect.join_syn_ack_mac(them(session, their_nonce_), us(session, nonce_));
  if (!crypto::equal(expected, o->mac)) { return refuse_mac(session, lane); }  // [8684-3.2-15 8684-3.9.3-02]
  lane.remote_backup = o->backup;
  phase_ = Phase::unacknowledged;
  const Duration round_trip = reading.now - syn_at_;
  interval_ = std::clamp(round_trip * 2, 20_ms, 1_s);
  repeat_at_ = reading.now + interval_;
  return Stay{};
}

void JoinClient::on_deadline(Session& session, Lane& lane, Instant now) {  // [8684-3.2-09]
  if (now < repeat_at_) { return; }
  if (third_acks_ >= kThirdAcks) {
    repeat_at_ = Instant::never();
    session.news.push_back({lane.id, JoinGaveUp{}});
    return;
  }
  interval_ = interval_ * 2;
  repeat_at_ = now + interval_;
  lane.dss_owed = true;
}

void JoinClient::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) {
  if (plan.kind == tcp::SegmentKind::reset) { return write_reset(session, lane, plan, out); }
  if (plan.kind == tcp::SegmentKind::syn) {
    syn_at_ = now;
    out.push_back(wire::JoinSyn{lane.local_backup, lane.local, session.remote_token, nonce_});
    return;
  }
  if (phase_ == Phase::syn_sent) { return; }
  ++third_acks_;
  lane.dss_owed = false;
  out.push_back(wire::JoinAck{session.dialect.join_ack_mac(us(session, nonce_), them(session, their_nonce_))});
}

wire::JoinSynAck join_answer(const Session& session, const Lane& lane, const wire::JoinSyn& syn, std::uint32_t nonce) {
  return {lane.local_backup, lane.local, session.dialect.join_syn_ack_mac(us(session, nonce), them(session, syn.nonce)),
          nonce};
}

bool join_is_proved(const Session& session, const wire::JoinSyn& syn, std::uint32_t nonce, const wire::JoinAck& ack) {
  return crypto::equal(session.dialect.join_ack_mac(them(session, syn.nonce), us(session, nonce)), ack.mac);
}

Step JoinServer::read(Session& session, Lane& lane, const Reading& reading) {
  if (reading.segment.flags.rst) {
    read_reset(session, lane, reading.segment);
    return Stay{};
  }
  if (reading.segment.flags.syn) { return Stay{}; }
  const auto* o = wire::find<wire::JoinAck>(reading.segment.mptcp);
  // Nothing else may come before we have answered it, so an ACK without it has lost it for good. [8684-3.2-17]
  if (!o) { return Refuse{wire::ResetReason::mptcp_error}; }
  if (!join_is_proved(session, syn_, nonce_, *o)) { return refuse_mac(session, lane); }
  read_options(session, lane, reading);  // notes the JoinAck as one to answer: the fourth ACK
  session.news.push_back({lane.id, Joined{}});
  return Become{std::make_unique<Mapped>()};
}

void JoinServer::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  if (plan.kind == tcp::SegmentKind::reset) { return write_reset(session, lane, plan, out); }
  if (plan.kind != tcp::SegmentKind::syn_ack) { return; }
  out.push_back(join_answer(session, lane, syn_, nonce_));
}
}  // namespace anabranch::mptcp
