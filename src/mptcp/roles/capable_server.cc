#include "mptcp/roles/capable_server.hh"

#include "mptcp/roles/mapped.hh"

namespace anabranch::mptcp {

const wire::CapableSyn* CapableServer::usable(const Segment& syn) {
  const auto* o = wire::find<wire::CapableSyn>(syn.mptcp);
  // Higher versions are answered with ours (§3.1); B must be refused; without H there is no hash we know.
  return o && o->flags.version >= 1 && !o->flags.extensibility && o->flags.hmac ? o : nullptr;
}

Step CapableServer::read(Session& session, Lane& lane, const Reading& reading) {
  const Segment& segment = reading.segment;
  if (segment.flags.rst) { return Stay{}; }
  if (segment.flags.syn) {
    if (const auto* o = usable(segment)) { session.checksum = session.config.checksum || o->flags.checksum; }
    return Stay{};
  }
  return read_third(session, lane, reading);
}

/// The third ACK, or, if that was lost, the first data: either carries both keys, else the path is not for MPTCP.
Step CapableServer::read_third(Session& session, Lane& lane, const Reading& reading) {
  const auto* ack = wire::find<wire::CapableAck>(reading.segment.mptcp);
  const auto* data = wire::find<wire::CapableData>(reading.segment.mptcp);
  // A DSS proves that options pass: the keys were overtaken or lost, and are repeated with the first byte.
  if (!ack && !data && wire::find<wire::Dss>(reading.segment.mptcp)) { return Ignore{}; }
  const bool good = (ack || data) && (ack ? ack->receiver : data->receiver) == session.local_key &&
                    (ack ? ack->sender : data->sender).raw != 0;  // 0 is not a key (§3.1)
  if (!good) { return Found{Finding::no_option_in_handshake, FallbackReason::third_ack_without_option}; }
  const wire::CapableFlags& flags = ack ? ack->flags : data->flags;
  session.no_more_to_initial = flags.no_more_to_this;
  session.learn_remote_key(ack ? ack->sender : data->sender);
  session.checksum = session.config.checksum || flags.checksum;
  session.mode = Mode::mptcp;
  session.news.push_back({lane.id, Confirmed{}});
  if (read_options(session, lane, reading).unagreed) { return Refuse{wire::ResetReason::mptcp_error}; }
  return Become{std::make_unique<Mapped>()};
}

void CapableServer::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  if (plan.kind == tcp::SegmentKind::syn_ack) {
    out.push_back(wire::CapableKey{{.version = 1, .checksum = session.checksum}, session.local_key});
  } else if (plan.kind == tcp::SegmentKind::reset) {
    write_reset(session, lane, plan, out);
  }
}
}  // namespace anabranch::mptcp
