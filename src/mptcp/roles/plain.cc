#include "mptcp/roles/plain.hh"

namespace anabranch::mptcp {

std::size_t Plain::data_option_bytes(const Session&, SubPos at) const {
  return infinite_at_ && at == *infinite_at_ ? 18 : 0;  // DSS with a mapping and nothing else
}

void Plain::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant) {
  if (infinite_at_ && plan.payload && plan.at == *infinite_at_) {
    const TxMapping* m = lane.tx.at(plan.at);
    ANABRANCH_CHECK(m != nullptr);
    out.push_back(wire::Dss{.ack = {},
                            .map = wire::Mapping{.data = {wrap(m->data, session.local_origin).raw, true},
                                                 .subflow = static_cast<std::uint32_t>(m->sub.n),
                                                 .length = 0,
                                                 .checksum = {}},
                            .data_fin = false});
  } else if (fail_ && plan.kind == tcp::SegmentKind::ack) {
    out.push_back(*std::exchange(fail_, {}));
    session.news.push_back({lane.id, Counted{Counter::mp_fail_sent}});
  }
}
}  // namespace anabranch::mptcp
