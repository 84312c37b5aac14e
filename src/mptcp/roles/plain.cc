#include "mptcp/roles/plain.hh"

namespace anabranch::mptcp {

std::size_t Plain::data_option_bytes(const Session& session, SubPos at) const {
  if (!infinite_at_ || at != *infinite_at_) { return 0; }
  return session.checksum ? 20 : 18;  // DSS with a mapping and nothing else
}

void Plain::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  if (infinite_at_ && plan.payload && plan.at == *infinite_at_) {
    const TxMapping* m = lane.tx.at(plan.at);
    ANABRANCH_CHECK(m != nullptr);
    // There is a checksum where one was agreed on, and it is 0 (§3.3.1). [8684-3.3.1-19]
    const auto none = session.checksum ? std::optional<std::uint16_t>{0} : std::nullopt;
    out.push_back(wire::Dss{.ack = {},
                            .map = wire::Mapping{.data = {wrap(m->data, session.local_origin).raw, true},
                                                 .subflow = session.wire_subflow(m->sub, lane.joined),
                                                 .length = 0,
                                                 .checksum = none},
                            .data_fin = false});
  } else if (fail_ && (plan.kind == tcp::SegmentKind::ack || (plan.kind == tcp::SegmentKind::fin && !plan.payload))) {
    out.push_back(*fail_);
    if (!std::exchange(fail_said_, true)) { session.news.push_back({lane.id, Counted{Counter::mp_fail_sent}}); }
    if (--fails_left_ == 0) { fail_.reset(); }
  }
}

Step Plain::read(Session&, Lane&, const Reading& reading) {
  const auto* dss = wire::find<wire::Dss>(reading.segment.mptcp);
  const bool infinite = dss != nullptr && dss->map && dss->map->length == 0;
  if (infinite || wire::find<wire::Fail>(reading.segment.mptcp)) { fail_.reset(); }
  return Stay{};
}
}  // namespace anabranch::mptcp
