#include "mptcp/roles/capable_server.hh"

#include "mptcp/roles/mapped.hh"

namespace anabranch::mptcp {
namespace {

/// Both keys, from the third ACK or from the first data.
std::optional<wire::CapableAck> both_keys(const wire::MptcpOptions& options) {
  if (const auto* ack = wire::find<wire::CapableAck>(options)) { return *ack; }
  const auto* data = wire::find<wire::CapableData>(options);
  return data ? std::optional{wire::CapableAck{data->flags, data->sender, data->receiver}} : std::nullopt;
}

/// Whether the keys are those of the handshake so far.
bool agree(const Session& session, const wire::CapableAck& keys) {
  return keys.receiver == session.local_key && keys.sender.raw != 0 &&  // 0 is not a key (§3.1)
         (!session.dialect.keys_on_syn || (keys.sender == session.remote_key && keys.flags.version == 0));
}

/// DATA_ACK of our SYN and nothing else: all that a peer can have received before its third ACK has arrived.
bool acknowledges_syn(const Session& session, const wire::DataSeqForm& ack) {
  const std::uint64_t expected = wrap(DataPos{1}, session.local_origin).raw;
  return ack.bits == (ack.wide ? expected : (expected & 0xffffffffu));
}
}  // namespace

Step CapableServer::read(Session& session, Lane& lane, const Reading& reading) {
  const Segment& segment = reading.segment;
  if (segment.flags.rst) { return Stay{}; }
  if (segment.flags.syn) {
    if (const auto* flags = capable_flags(segment.mptcp)) {
      session.checksum = session.config.checksum || flags->checksum;
    }
    if (const auto* o = wire::find<wire::CapableKey>(segment.mptcp)) { session.learn_remote_key(o->sender); }
    return Stay{};
  }
  return read_third(session, lane, reading);
}

// [8684-3.1-11 8684-3.1-16 8684-3.1-36]
/// The third ACK, or, if that was lost, the first data: either carries both keys, else the path is not for MPTCP.
Step CapableServer::read_third(Session& session, Lane& lane, const Reading& reading) {
  const std::optional<wire::CapableAck> keys = both_keys(reading.segment.mptcp);
  const auto* dss = wire::find<wire::Dss>(reading.segment.mptcp);
  const bool dss_proves = session.dialect.keys_on_syn && dss && dss->ack;
  // A DSS shows that options pass: the keys were overtaken or lost, and will be repeated.
  if (!keys && dss && !dss_proves) { return Ignore{}; }
  if (keys ? !agree(session, *keys) : !dss_proves || !acknowledges_syn(session, *dss->ack)) {
    return Found{Finding::no_option_in_handshake, FallbackReason::third_ack_without_option};
  }
  if (keys) {
    session.no_more_to_initial = keys->flags.no_more_to_this;
    session.learn_remote_key(keys->sender);
    session.checksum = session.config.checksum || keys->flags.checksum;
  }
  session.mode = Mode::mptcp;
  session.news.push_back({lane.id, Confirmed{}});
  if (read_options(session, lane, reading).unagreed) { return Refuse{wire::ResetReason::mptcp_error}; }
  return Become{std::make_unique<Mapped>()};
}

void CapableServer::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  if (plan.kind == tcp::SegmentKind::syn_ack) {
    const bool closed = session.config.no_joins_to_this_address && !session.dialect.keys_on_syn;
    const wire::CapableFlags flags{.version = static_cast<std::uint8_t>(session.dialect.version),
                                   .checksum = session.checksum,
                                   .no_more_to_this = closed};  // version 0 has no such flag
    out.push_back(wire::CapableKey{flags, session.local_key});
  } else if (plan.kind == tcp::SegmentKind::reset) {
    write_reset(session, lane, plan, out);
  }
}
}  // namespace anabranch::mptcp
