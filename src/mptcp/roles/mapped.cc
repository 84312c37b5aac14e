#include "mptcp/roles/mapped.hh"

#include "base/result.hh"
#include "wire/checksum.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {

// [8684-3.3.1-14 8684-3.3.1-16 8684-3.3.1-17 8684-3.3.2-02]
DataPos position_of(const wire::DataSeqForm& form, DataSeq origin, DataPos near) {
  return form.wide ? unwrap(DataSeq{form.bits}, origin, near)
                   : unwrap_narrow(static_cast<std::uint32_t>(form.bits), origin, near);
}

/// The field holds the low 32 bits of a subflow position (relative to the ISN, not counting what rode on the SYN).
SubPos subflow_position(const Session& s, const Lane& lane, std::uint32_t field, SubPos near) {
  const std::uint64_t skipped = lane.joined ? 0 : s.syn_bytes_in;
  return unwrap(SeqNum{field}, SeqNum{static_cast<std::uint32_t>(0 - skipped)}, near);
}

void take_mapping(Session& s, Lane& lane, const wire::Mapping& map, std::uint64_t data_length, SubPos near) {
  const DataPos data = position_of(map.data, s.remote_origin, s.receive.next());
  s.wide_acks = map.data.wide;  // [8684-3.3.2-01]
  if (data_length == 0) { return; }
  const RxMapping mapping{.data = data,  // [8684-3.3.1-12]
                          .sub = subflow_position(s, lane, map.subflow, near),
                          .length = data_length,
                          .checksum = map.checksum,
                          .wire_data = wrap(data, s.remote_origin).raw,
                          .wire_subflow = map.subflow,
                          .wire_length = map.length};
  const MapAdded added = lane.rx.add(mapping);
  if (added == MapAdded::contradicts) { s.oddities.add(Oddity::mapping_contradicts); }
  if (added == MapAdded::too_many) { s.oddities.add(Oddity::mapping_too_many); }
}

void take_data_fin(Session& s, Lane& lane, const wire::Mapping& map) {
  const DataPos at = position_of(map.data, s.remote_origin, s.receive.next()) + (map.length - 1u);
  if (!s.receive.fin_at(at)) { s.oddities.add(Oddity::data_fin_contradicts); }
  // A repeated one too: our DATA_ACK may have been lost. But only when there is something to say: two ends that
  // both wait for data would otherwise answer each other's DATA_FINs without end.
  if (s.receive.finished()) { lane.dss_owed = true; }
}

/// RFC 6824 §3.3 has a checksum that nobody asked for ignored, RFC 8684 §3.3 calls the subflow broken. Both miss one.
bool unagreed(const Session& s, bool has_checksum) {
  return has_checksum != s.checksum && (s.checksum || s.dialect.stray_sum_breaks);
}

void take_dss(Session& s, Lane& lane, const wire::Dss& dss, SubPos near, ReadOptions& out) {
  if (dss.ack) {
    out.data_ack = true;
    s.heard_data_ack = true;
    const DataPos ack = position_of(*dss.ack, s.local_origin, s.send.una());
    if (ack <= s.send.next() + 1) { lane.told_ack = ack; }  // one more: a DATA_FIN
    if (s.send.on_data_ack(ack) == stream::AckKind::unsent) { s.oddities.add(Oddity::data_ack_of_unsent); }
  }
  if (!dss.map) { return; }  // [8684-3.3.2-07]
  if (dss.map->length == 0) {
    out.infinite = true;
    return;
  }
  if (unagreed(s, dss.map->checksum.has_value())) {
    out.unagreed = true;
    return;
  }
  lane.heard_mapping = true;
  take_mapping(s, lane, *dss.map, dss.map->length - (dss.data_fin ? 1u : 0u), near);
  if (dss.data_fin) { take_data_fin(s, lane, *dss.map); }
}

void take_capable_data(Session& s, Lane& lane, const wire::CapableData& o, ReadOptions& out) {
  if (o.length != 0 && unagreed(s, o.checksum.has_value())) {
    out.unagreed = true;
    return;
  }
  const wire::Mapping implied{.data = {wrap(DataPos{1} + s.syn_bytes_in, s.remote_origin).raw, true},
                              .subflow = 1,
                              .length = o.length,
                              .checksum = o.checksum};
  if (o.length != 0) { take_mapping(s, lane, implied, o.length, SubPos{1} + s.syn_bytes_in); }
}
}  // namespace

ReadOptions read_options(Session& s, Lane& lane, const Reading& reading) {
  ReadOptions out;
  const auto tell = [&](auto what) { s.news.push_back({lane.id, std::move(what)}); };
  const auto not_ours = [&] { s.oddities.add(Oddity::option_not_for_this_role); };
  const bool reset = reading.segment.flags.rst;
  for (const wire::MptcpOption& option : reading.segment.mptcp) {
    out.any = true;
    lane.heard_dss = lane.heard_dss || std::holds_alternative<wire::Dss>(option) ||
                     std::holds_alternative<wire::CapableData>(option);
    std::visit(
        Overloaded{
            [&](const wire::Dss& o) { take_dss(s, lane, o, reading.at, out); },
            [&](const wire::CapableData& o) {
              take_capable_data(s, lane, o, out);  // [8684-3.1-14 8684-3.1-15]
              lane.dss_owed = true;
            },
            [&](const wire::CapableAck&) { lane.dss_owed = true; },  // repeated: our answer was lost
            // [8684-3.2-08]
            [&](const wire::JoinAck&) { lane.dss_owed = true; },  // likewise
            [&](const wire::AddAddr& o) { s.dialect.add_addr_is_signed ? tell(HeardAddAddr{o}) : not_ours(); },
            [&](const wire::AddAddrV0& o) {
              const wire::AddAddr same{.echo = false, .id = o.id, .address = o.address, .port = o.port, .mac = {}};
              s.dialect.add_addr_is_signed ? not_ours() : tell(HeardAddAddr{same});
            },
            [&](const wire::RemoveAddr& o) { tell(HeardRemoveAddr{o}); },
            [&](const wire::Prio& o) {
              lane.remote_backup = o.backup;
              tell(HeardPrio{o.backup, {}});
            },
            [&](const wire::PrioOfAddress& o) { s.dialect.prio_has_id ? tell(HeardPrio{o.backup, o.id}) : not_ours(); },
            [&](const wire::Fail&) {
              out.failed = true;
              tell(Counted{Counter::mp_fail_received});
            },
            [&](const wire::FastClose& o) {
              if (o.receiver == s.local_key) {  // [8684-3.5-02 8684-3.5-03 8684-3.5-04]
                tell(HeardFastClose{});
              } else {
                s.oddities.add(Oddity::fast_close_wrong_key);
              }
            },
            [&](const wire::Reset& o) {
              if (!s.dialect.resets_give_reasons) { return not_ours(); }
              if (reset) { tell(HeardReset{o}); }
            },
            [&](const wire::Unknown&) { s.oddities.add(Oddity::unknown_option); },
            [&](const auto&) { not_ours(); },
        },
        option);
  }
  return out;
}

void read_reset(Session& s, const Lane& lane, const Segment& segment) {
  const auto* reset = wire::find<wire::Reset>(segment.mptcp);
  if (reset && s.dialect.resets_give_reasons) { s.news.push_back({lane.id, HeardReset{*reset}}); }
  const auto* close = wire::find<wire::FastClose>(segment.mptcp);
  if (close && close->receiver == s.local_key) { s.news.push_back({lane.id, HeardFastClose{}}); }
}

Step Mapped::read(Session& session, Lane& lane, const Reading& reading) {
  const ReadOptions seen = read_options(session, lane, reading);
  if (reading.segment.flags.rst) { return Stay{}; }
  if (seen.unagreed) { return Refuse{wire::ResetReason::mptcp_error}; }  // [8684-3.3-03 8684-3.3-04 8684-3.3-05]
  if (seen.failed) { return Found{Finding::peer_reports_failure, FallbackReason::peer_infinite_mapping}; }
  lane.bare = !seen.any;
  // The rules of the first packets (§3.7), so that both ends come to the same conclusion: until the first DSS, and for
  // ACKs of data until one of them had a DATA_ACK.
  const DataPos start = DataPos{1} + session.syn_bytes_out;
  const bool acks_data = reading.acknowledges > SubPos{1} + (lane.joined ? 0 : session.syn_bytes_out);
  const bool unconfirmed = session.send.next() > start && session.send.una() == start;
  const bool first = !reading.segment.payload.empty() || reading.segment.flags.fin || acks_data;
  // A FIN with nothing beside it, while data is on its way: who speaks MPTCP says DATA_FIN first, and DSS with the FIN.
  const bool quiet = session.receive.finished() && session.send.una() >= session.send.next();
  const bool plain_fin = reading.segment.flags.fin && session.in_sequence && !quiet;
  const bool tells = (!lane.heard_dss && first) || (unconfirmed && acks_data) || plain_fin;
  const bool tells_joined = !lane.heard_dss && acks_data;  // [8684-3.7-03 8684-3.7-05]
  if (!seen.any && (lane.joined ? tells_joined : tells)) {
    return Found{Finding::no_dss_from_peer, FallbackReason::no_dss_from_peer};
  }
  if (seen.infinite) { return Found{Finding::infinite_mapping, FallbackReason::peer_infinite_mapping}; }
  return Stay{};
}

void Mapped::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  if (plan.kind == tcp::SegmentKind::reset) { return write_reset(session, lane, plan, out); }
  // A DSS that is owed or would tell more goes first, and our first one anyway: a middlebox that removes ADD_ADDR must not
  // leave a bare ACK as our first word.
  const bool told = lane.said_dss && session.receive.next() <= session.said_ack;
  const bool free = plan.kind == tcp::SegmentKind::ack && !lane.dss_owed && told;
  if (free && write_signal(session, lane, out)) { return; }
  write_dss(session, lane, plan, out);
  lane.dss_owed = false;
}

std::size_t dss_bytes(const Session& s) { return 4u + (s.wide_acks ? 8u : 4u) + 14u + (s.checksum ? 2u : 0u); }

void write_dss(Session& s, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out) {
  lane.said_dss = true;
  s.said_ack = std::max(s.said_ack, s.receive.next());
  wire::Dss dss;
  const std::uint64_t ack = wrap(s.receive.next(), s.remote_origin).raw;
  dss.ack = wire::DataSeqForm{s.wide_acks ? ack : (ack & 0xffffffffu), s.wide_acks};
  if (plan.payload) {
    const TxMapping* m = lane.tx.at(plan.at);
    ANABRANCH_CHECK(m != nullptr);  // the endpoint sends only what is bound
    // [8684-3.3.1-01 8684-3.3.1-15 8684-3.3.1-18 8684-3.7-02]
    dss.map = wire::Mapping{.data = {wrap(m->data, s.local_origin).raw, true},
                            .subflow = s.wire_subflow(m->sub, lane.joined),
                            .length = static_cast<std::uint16_t>(m->length()),
                            .checksum = m->checksum};
  } else if (s.data_fin_owed() && lane.dss_owed) {  // not on every ACK: it leaves no room for SACK blocks
    const std::uint64_t seq = wrap(s.send.end(), s.local_origin).raw;
    dss.data_fin = true;
    // [8684-3.3.3-02 8684-3.3.3-03 8684-3.3.3-04]
    dss.map = wire::Mapping{.data = {seq, true}, .subflow = 0, .length = 1, .checksum = {}};
    if (s.checksum) { dss.map->checksum = wire::dss_checksum(seq, 0, 1, {}); }  // [8684-3.3.3-04]
  }
  out.push_back(dss);
}

bool write_signal(const Session& s, Lane& lane, wire::MptcpOptions& out) {
  if (lane.signals.empty()) { return false; }
  out.push_back(std::move(lane.signals.front()));
  lane.signals.pop_front();
  if (s.receive.next() > s.said_ack) { lane.dss_owed = true; }  // this ACK had no DATA_ACK; the next one will
  return true;
}

void write_reset(Session& s, const Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out) {
  if (s.mode == Mode::tcp) { return; }
  if (lane.fast_closing && s.remote_key) { out.push_back(wire::FastClose{*s.remote_key}); }
  if (lane.fail_on_reset) {
    out.push_back(wire::Fail{wrap(s.receive.next(), s.remote_origin).raw});
    s.news.push_back({lane.id, Counted{Counter::mp_fail_sent}});
  }
  if (s.dialect.resets_give_reasons && plan.reason) {
    out.push_back(wire::Reset{.transient = is_transient(*plan.reason), .unknown_flags = 0, .reason = *plan.reason});
  }
}
}  // namespace anabranch::mptcp
