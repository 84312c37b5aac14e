#include "tcp/acceptance.hh"

#include <algorithm>

namespace anabranch::tcp {
namespace {

/// RFC 9293's table, except that an empty segment or a FIN at RCV.NXT passes a closed window: its acknowledgment
/// counts, and a FIN needs no room.
bool in_window(const Facts& f) {
  const std::uint64_t payload = f.length - (f.flags.fin ? 1 : 0) - (f.flags.syn ? 1 : 0);
  if (f.at == f.next && payload == 0) { return true; }
  if (f.length == 0) { return f.at >= f.next && f.at < f.edge; }
  return f.at < f.edge && f.at + f.length > f.next;
}

Ruling judge_reset(const Facts& f) {
  if (f.phase == Phase::time_wait) { return {Drop::not_for_this_state, Answer::none}; }  // RFC 1337 §3, fix F1
  // RFC 5961 §3.2: only exactly RCV.NXT kills, the rest of the window is challenged. [9293-MUST-66]
  if (f.at == f.next) { return {std::nullopt, Answer::die}; }
  if (f.at > f.next && f.at < f.edge) { return {Drop::challenged_rst, Answer::challenge}; }
  return {Drop::out_of_window, Answer::none};
}

// [9293-MAY-12]
/// RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT.
Ruling judge_ack(const Facts& f) {
  if (f.phase == Phase::syn_received) {
    if (f.ack > f.una && f.ack <= f.sent_up_to) { return {}; }
    return {Drop::bad_ack, Answer::reset_him};
  }
  if (f.ack > f.sent_up_to) { return {Drop::bad_ack, Answer::challenge}; }
  if (f.ack < f.una - f.largest_window.n) { return {Drop::bad_ack, Answer::challenge}; }
  return {};
}
}  // namespace

Ruling judge(const Facts& f) {  // [8684-3-04 8684-3.4.1-01 8684-3.4.2-09]
  if (f.flags.rst) { return judge_reset(f); }
  if (f.old_timestamp) { return {Drop::paws, Answer::ack}; }
  if (f.no_timestamp) { return {Drop::paws, Answer::none}; }
  // RFC 5961 §4.2, wherever it lies; but the SYN we have (and its SYN/ACK, when both sides opened) came only again.
  if (f.flags.syn) {
    // Both sides opened: the other's SYN/ACK answers ours, nothing more is said (RFC 9293 §3.5, figure 7).
    if (f.at == SubPos{0} && f.phase == Phase::syn_received && f.both_opened && f.flags.ack) { return judge_ack(f); }
    if (f.at == SubPos{0}) { return {Drop::out_of_window, Answer::ack}; }
    return {Drop::challenged_syn, Answer::challenge};
  }
  if (!in_window(f)) { return {Drop::out_of_window, Answer::ack}; }
  if (!f.flags.ack) { return {Drop::no_ack_flag, Answer::none}; }
  return judge_ack(f);
}

bool may_follow(const LastSeen& last, SeqNum seq, std::optional<std::uint32_t> stamp) {
  const bool later = static_cast<std::int32_t>(seq.raw - last.next.raw) >= 0;  // RCV.NXT is one past the FIN
  if (!last.stamp) { return stamp || later; }
  if (!stamp) { return later; }
  const auto ahead = static_cast<std::int32_t>(*stamp - *last.stamp);
  return ahead > 0 || (ahead == 0 && later);
}

bool AnswerLimit::allow(Instant now) {
  const Instant start = std::max(full_at_, now);
  if (start - now > each_ * (burst_ - 1)) { return false; }
  full_at_ = start + each_;
  return true;
}
}  // namespace anabranch::tcp
