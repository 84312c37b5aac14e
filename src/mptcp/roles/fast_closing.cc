#include "mptcp/roles/fast_closing.hh"

namespace anabranch::mptcp {

Step FastClosing::read(Session& session, Lane&, const Reading& reading) {
  if (reading.segment.flags.rst) { return Stay{}; }
  const auto* o = wire::find<wire::FastClose>(reading.segment.mptcp);
  // Both at once: theirs is answered with an RST too.
  if (o && o->receiver == session.local_key) { return Refuse{wire::ResetReason::unspecified}; }
  return Ignore{};
}

void FastClosing::write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) {
  if (plan.kind == tcp::SegmentKind::reset) { return write_reset(session, lane, plan, out); }
  if (plan.payload) { return write_dss(session, lane, plan, out); }  // what was on its way is repeated meanwhile
  out.push_back(wire::FastClose{*session.remote_key});
  if (!lane.dss_owed) { return; }
  lane.dss_owed = false;
  ++said_;
  repeat_at_ = now + interval_;
  interval_ = interval_ * 2;
}

void FastClosing::on_deadline(Session& session, Lane& lane, Instant now) {
  if (now < repeat_at_) { return; }
  repeat_at_ = Instant::never();
  if (said_ > kRepeats) {
    session.news.push_back({lane.id, FastCloseUnanswered{}});
  } else {
    lane.dss_owed = true;
  }
}
}  // namespace anabranch::mptcp
