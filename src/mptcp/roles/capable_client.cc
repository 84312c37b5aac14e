#include "mptcp/roles/capable_client.hh"

#include "mptcp/roles/mapped.hh"

namespace anabranch::mptcp {

Step CapableClient::read(Session& session, Lane& lane, const Reading& reading) {
  if (reading.segment.flags.rst) {
    if (phase_ == Phase::unconfirmed) { read_options(session, lane, reading); }
    return Stay{};
  }
  if (phase_ == Phase::syn_sent) { return read_syn_ack(session, reading); }
  return read_first(session, lane, reading);
}

Step CapableClient::read_syn_ack(Session& session, const Reading& reading) {
  const Segment& segment = reading.segment;
  if (!segment.flags.syn) { return Stay{}; }
  if (!last_syn_had_option_) { return Found{Finding::no_option_in_handshake, FallbackReason::syn_option_dropped}; }
  const auto* o = segment.flags.ack ? wire::find<wire::CapableKey>(segment.mptcp) : nullptr;
  // [8684-3.1-20 8684-3.1-24 8684-3.1-34]
  // B must be refused, H is the only hash there is, and the version must be the one we asked for: a server of version
  // 0 needs our key on the SYN, so its answer to a SYN of version 1 is of no use to this connection (§3.1).
  const bool usable = o && o->flags.version == static_cast<std::uint8_t>(dialect_.version) && !o->flags.extensibility &&
                      o->flags.hmac && o->sender.raw != 0;
  if (!usable) { return Found{Finding::no_option_in_handshake, FallbackReason::peer_refused}; }
  session.learn_remote_key(o->sender);
  session.checksum = session.config.checksum || o->flags.checksum;  // [8684-3.1-29 8684-3.1-30]
  session.no_more_to_initial = o->flags.no_more_to_this;
  session.mode = Mode::mptcp;
  phase_ = Phase::unconfirmed;
  first_ = reading.acknowledges;
  return Stay{};
}

/// What comes after the handshake proves that the path lets options through, or that it does not.
Step CapableClient::read_first(Session& session, Lane& lane, const Reading& reading) {
  const Segment& segment = reading.segment;
  if (segment.flags.syn) { return Stay{}; }  // a repeated SYN/ACK: the endpoint acknowledges it again
  const ReadOptions seen = read_options(session, lane, reading);
  if (seen.unagreed) { return Refuse{wire::ResetReason::mptcp_error}; }
  if (confirms(lane, seen, segment.mptcp)) {
    session.news.push_back({lane.id, Confirmed{}});
    return Become{std::make_unique<Mapped>()};
  }
  if (seen.any) { return Stay{}; }  // MP_PRIO alone, say: a DSS will follow
  // [8684-3.1-16 8684-3.7-05]
  const bool tells = !segment.payload.empty() || segment.flags.fin || reading.acknowledges > first_;
  return tells ? Step{Found{Finding::no_dss_from_peer, FallbackReason::no_dss_from_peer}} : Step{Stay{}};
}

bool CapableClient::confirms(const Lane& lane, const ReadOptions& seen, const wire::MptcpOptions& options) const {
  // With the keys on the SYNs any DSS will do, and DATA_ACKs need not stand in all of them (RFC 6824 §3.1, §3.3.2).
  if (dialect_.keys_on_syn) { return lane.heard_dss; }
  // An ADD_ADDR tells as much as a DATA_ACK: only a peer that has both keys can sign one.
  const auto* address = wire::find<wire::AddAddr>(options);
  return seen.data_ack || (dialect_.add_addr_is_signed && address && !address->echo);
}

std::size_t CapableClient::data_option_bytes(const Session& session, SubPos at) const {
  return dialect_.data_on_capable && at == first_ ? (session.checksum ? 24u : 22u) : dss_bytes(session);
}

void CapableClient::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  const wire::CapableFlags flags{.version = static_cast<std::uint8_t>(dialect_.version),
                                 .checksum = session.checksum,
                                 .no_more_to_this = session.config.no_joins_to_this_address && !dialect_.keys_on_syn};
  if (plan.kind == tcp::SegmentKind::syn) {
    last_syn_had_option_ = plan.attempt < session.config.syns_with_option;  // [8684-3.1-37 8684-3.1-38 8684-3.9.3-01]
    if (!last_syn_had_option_) { return; }
    if (dialect_.keys_on_syn) {
      out.push_back(wire::CapableKey{flags, session.local_key});
    } else {
      out.push_back(wire::CapableSyn{flags});
    }
    return;
  }
  if (phase_ == Phase::syn_sent) { return; }  // an RST of the handshake
  if (plan.kind == tcp::SegmentKind::reset) { return write_reset(session, lane, plan, out); }
  if (plan.payload && plan.at == first_ && dialect_.data_on_capable) {
    const TxMapping* m = lane.tx.at(plan.at);
    ANABRANCH_CHECK(m != nullptr);
    out.push_back(wire::CapableData{flags, session.local_key, *session.remote_key,  // [8684-3.1-13]
                                    static_cast<std::uint16_t>(m->length()), m->checksum});
    lane.dss_owed = false;
  } else if (plan.payload || (session.data_fin_owed() && lane.dss_owed && keys_said_)) {
    write_dss(session, lane, plan, out);
    // A DATA_FIN means nothing to a server that has not seen the keys: when it is repeated, they go first.
    if (!plan.payload) { keys_said_ = lane.dss_owed = false; }
    // Data that comes again may be waiting for keys that were lost, and where it does not carry them an ACK must.
    if (plan.payload && plan.retransmission && !dialect_.data_on_capable) { lane.dss_owed = true; }
  } else {
    out.push_back(wire::CapableAck{flags, session.local_key, *session.remote_key});  // [8684-3.1-12]
    lane.dss_owed = lane.dss_owed && session.data_fin_owed() && !keys_said_;
    keys_said_ = true;
  }
}
}  // namespace anabranch::mptcp
