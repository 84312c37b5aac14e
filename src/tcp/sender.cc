#include "tcp/sender.hh"

#include "cc/registry.hh"
#include "tcp/timestamps.hh"

#include <algorithm>

namespace anabranch::tcp {
namespace {
constexpr std::uint32_t kTcpHeader = 20;
constexpr std::size_t kOptionSpace = 40;
/// A lost probe should be noticed by what leaves behind it: as large a window as Linux wants for one.
constexpr std::uint64_t kProbeWindow = 11;

constexpr std::size_t padded(std::size_t n) { return (n + 3) / 4 * 4; }

stream::RttLimits limits(const Config& config) {
  stream::RttLimits limits;
  limits.min_rto = config.minimum_rto;
  return limits;
}
}  // namespace

Sender::Sender(Context& context)
    : context_{context},
      rtt_{limits(context.config)},
      mtu_{context.config.mtu, context.config.ip_header} {}

void Sender::open(Instant now, std::optional<Duration> rtt, bool syn_was_lost) {
  mtu_.limit(context_.agreed.peer_mss + context_.config.ip_header + kTcpHeader);
  controller_ = cc::make_controller(context_.config.congestion, {segment()});
  if (!controller_) { controller_ = cc::make_controller(cc::kDefaultController, {segment()}); }
  recovery_.use_sack(context_.agreed.sack);
  if (rtt) { rtt_.sample(now, *rtt); }
  if (syn_was_lost) {
    rtt_.syn_was_lost();
    controller_->on_lossy_handshake();
  }
  rtt_.end_backoff();
  progress_ = now;
  use_ = WindowUse{now};
}

void Sender::syn_data_arrived(SubPos end, Instant left_at) {
  const Bytes payload{end - sent_.next()};
  sent_.add(end, static_cast<std::uint32_t>(payload.n), false, left_at);
  sent_.acknowledge(end, left_at);
  fresh_bytes_ += payload;
  context_.source.acknowledged(end);
}

std::uint32_t Sender::segment() const {
  const std::uint32_t ours = mtu_.size() - context_.config.ip_header - kTcpHeader;
  const auto stamps = static_cast<std::uint32_t>(context_.agreed.timestamps ? Timestamps::kBytes : 0);
  // [9293-MUST-16]
  return std::min(context_.agreed.peer_mss, ours) - stamps;  // RFC 6691: the MSS does not count options, packets do
}

Bytes Sender::largest_super_segment() const {
  const Bytes whole{65535 - context_.config.ip_header - kTcpHeader - kOptionSpace};  // IP's length field
  return std::min(Bytes{context_.config.super_segment}, whole);
}

/// Of the IP packet that carries so much; what the role adds is left out.
std::uint32_t Sender::packet_size(std::uint32_t payload) const {
  const auto stamps = static_cast<std::uint32_t>(context_.agreed.timestamps ? Timestamps::kBytes : 0);
  return context_.config.ip_header + kTcpHeader + stamps + payload;
}

Sender::Layout Sender::layout_at(SubPos at) const {
  Layout layout;
  const std::size_t stamps = context_.agreed.timestamps ? Timestamps::kBytes : 0;
  layout.role_room = std::min(padded(context_.role.data_option_bytes(at)), kOptionSpace - stamps);
  layout.cut = segment() - static_cast<std::uint32_t>(layout.role_room);
  const Bytes most = context_.role.single_packet(at) ? Bytes{} : std::min(largest_super_segment(), burst());
  layout.most = {std::max<std::uint64_t>(most.n / layout.cut * layout.cut, layout.cut)};
  return layout;
}

Bytes Sender::burst() const {
  constexpr Duration kBurstTime = Pacer::kBurst;  // what a paced kernel queues at once
  const Bytes one{segment()};
  const Bytes most = std::max(largest_super_segment(), one);
  if (!is_open() || !rtt_.has_sample()) { return std::min(most, Bytes{10 * one.n}); }
  const auto srtt = static_cast<std::uint64_t>(std::max<std::int64_t>(rtt_.srtt().ns, 1));
  const auto share = static_cast<unsigned __int128>(controller_->window().n) * kBurstTime.ns / srtt;
  const Rate rate_now = pace();
  const Bytes rate = rate_now > Rate{} ? std::min(amount_in(kBurstTime, rate_now), most)
                                       : Bytes{static_cast<std::uint64_t>(std::min<unsigned __int128>(share, most.n))};
  const Bytes size = std::clamp(rate, std::min(one * 2, most), most);
  return {size.n / one.n * one.n};
}

Bytes Sender::room_but_for_pace() const {
  if (!is_open() || context_.close.sending != stream::Sending::open) { return {}; }
  const Bytes unsent{context_.source.end() - sent_.next()};
  const Bytes beyond = tail_.wants_fresh() ? Bytes{segment()} : Bytes{};
  const Bytes by_congestion = allowance() - (recovery_.prefers_fresh() ? Bytes{} : sent_.lost());
  const Bytes by_window{window_.limit() - sent_.next()};
  return std::min(std::max(by_congestion, beyond), by_window) - unsent;
}

// --- departures

bool Sender::held_back_by_pace(Instant now) {
  if (!pacer_.holds(now)) { return false; }
  timers_.set(Timer::pace, pacer_.until());
  return true;
}

std::optional<Outgoing> Sender::next(Instant now) {
  if (!is_open() || held_back_by_pace(now)) { return std::nullopt; }
  if (tail_.due()) {
    if (auto out = tail_probe(now)) { return out; }
  }
  if (auto out = again(now)) { return out; }
  if (auto out = mtu_probe(now)) { return out; }
  auto out = fresh(now);
  const bool silent = !out && context_.source.end() == sent_.next() && sent_.lost() == Bytes{};
  if (silent && controller_->wants_delivery() && allowance() >= Bytes{segment()}) { delivery_.on_starved(now); }
  return out;
}

std::optional<Outgoing> Sender::again(Instant now) {
  const Range* range = sent_.first_lost();
  if (range == nullptr || recovery_.prefers_fresh()) { return std::nullopt; }
  if (range->probe) { mtu_.probe_lost(now); }
  if (mtu_.on_again(packet_size(range->cut), now)) {
    shrink_packets(now);
    range = sent_.first_lost();
  }
  const SubPos at = range->from;
  const Bytes payload{range->size().n - (range->fin ? 1 : 0)};
  const Layout layout = layout_at(at);
  const Bytes allowed = allowance();
  const Bytes least = std::min(payload, Bytes{layout.cut});
  if (allowed < std::max(least, Bytes{1}) && pipe() > Bytes{}) { return std::nullopt; }
  const Bytes whole_packets{std::max<std::uint64_t>(allowed.n / layout.cut, 1) * layout.cut};
  Outgoing out{.kind = SegmentKind::data, .at = at, .payload = {}, .retransmission = true};
  if (payload > Bytes{}) { out.payload = context_.source.bytes(at, std::min({payload, layout.most, whole_packets})); }
  out.fin = range->fin && out.payload.size() == payload;
  if (payload == Bytes{}) { out.kind = SegmentKind::fin; }
  recovery_.on_again(at, at + out.payload.size().n + (out.fin ? 1 : 0), range->sendings == 1, now);
  context_.trace(now, [&] { return trace::Retransmission{at, out.payload.size(), name(recovery_.phase())}; });
  return depart(std::move(out), layout, now);
}

// [9293-MUST-38 9293-SHLD-28]
/// How much of what waits shall leave now; zero: better wait (RFC 9293 §3.8.6.2.1, without Nagle's rule: what the
// [9293-MUST-17]
/// owner binds to this subflow is meant to leave).
Bytes Sender::fresh_size(Bytes waiting, const Layout& layout) const {
  const Bytes allowed = allowance();
  const Bytes window{window_.limit() - sent_.next()};
  const Bytes packet = std::min(waiting, Bytes{layout.cut});
  const Bytes size = std::min({waiting, allowed, window, layout.most});
  if (size >= packet) { return size == waiting ? size : Bytes{std::max(size.n / layout.cut * layout.cut, packet.n)}; }
  if (sent_.empty()) { return std::min(window, packet); }
  if (allowed >= packet && size >= window_.largest() / 2) { return size; }
  return {};
}

std::optional<Outgoing> Sender::fresh(Instant now) {
  using stream::Sending;
  const SubPos at = sent_.next();
  const Bytes waiting{context_.source.end() - at};
  const Sending sending = context_.close.sending;
  const bool fin_waits = sending == Sending::fin_queued;
  if (sending == Sending::fin_sent || sending == Sending::fin_acked) { return std::nullopt; }
  if ((waiting == Bytes{} && !fin_waits) || sent_.count() >= Sent::kMaxRanges) { return std::nullopt; }
  if (sent_.empty()) { controller_->after_idle(now, rtt_.rto()); }
  const Layout layout = layout_at(at);
  if (waiting == Bytes{}) {  // a FIN alone is sent into a closed window too: it is its own probe
    if (allowance() == Bytes{} && !sent_.empty()) { return std::nullopt; }
    return depart({.kind = SegmentKind::fin, .at = at, .payload = {}, .fin = true}, layout, now);
  }
  if (window_.limit() <= at) {
    watch_closed_window(now);
    return std::nullopt;
  }
  timers_.clear(Timer::persist);
  probes_ = 0;
  const Bytes size = fresh_size(waiting, layout);
  if (size == Bytes{}) { return std::nullopt; }
  Outgoing out{.kind = SegmentKind::data, .at = at, .payload = context_.source.bytes(at, size)};
  const Bytes got = out.payload.size();
  ANABRANCH_CHECK(got > Bytes{} && got <= size);
  out.fin = fin_waits && got == waiting && window_.limit() > at + got.n;
  out.push = got == waiting || got.n > layout.cut;  // [9293-MUST-60 9293-MUST-61]
  return depart(std::move(out), layout, now);
}

/// A packet of fresh data that is larger than others: if it arrives, others may be as large (RFC 4821 §7.4).
std::optional<Outgoing> Sender::mtu_probe(Instant now) {
  const bool calm = recovery_.phase() == Recovery::Phase::open && !sent_.empty() && sent_.lost() == Bytes{} &&
                    controller_->window() >= Bytes{segment()} * kProbeWindow && sent_.count() < Sent::kMaxRanges;
  if (!context_.config.mtu_search || !context_.agreed.sack || !calm) { return std::nullopt; }
  const SubPos at = sent_.next();
  const auto size = mtu_.wanted(now);
  if (!size || context_.role.single_packet(at)) { return std::nullopt; }
  Layout layout = layout_at(at);
  layout.cut += *size - mtu_.size();
  const Bytes payload{layout.cut};
  const Bytes window{window_.limit() - at};
  if (Bytes{context_.source.end() - at} < payload || window < payload || allowance() < payload) { return std::nullopt; }
  Outgoing out{.kind = SegmentKind::data, .at = at, .payload = context_.source.bytes(at, payload), .probe = true};
  if (out.payload.size() < payload) { return std::nullopt; }  // a mapping ends there
  mtu_.probe_left(*size);
  return depart(std::move(out), layout, now);
}

Outgoing Sender::depart(Outgoing out, const Layout& layout, Instant now) {
  const Bytes payload = out.payload.size();
  const Bytes taken{payload.n + (out.fin ? 1 : 0)};
  const auto packet = static_cast<std::uint32_t>(std::min<std::uint64_t>(payload.n, layout.cut));
  out.cut = layout.cut;
  const std::size_t slack = layout.cut - packet;  // what the last packet leaves free is not there in the others
  const std::size_t stamps = context_.agreed.timestamps ? Timestamps::kBytes : 0;
  out.option_room = std::min(layout.role_room + slack / 4 * 4, kOptionSpace - stamps);
  if (!out.retransmission && payload > Bytes{}) {
    out.markable = context_.agreed.ecn;
    out.reduced = !std::exchange(reduction_told_, true);
  }
  const bool oldest = out.at == sent_.una();
  if (controller_->wants_delivery()) { delivery_.on_sent(now, pipe(), payload); }
  if (sent_.empty() && cap_ == Rate{}) { pacer_.rest({segment()}); }
  if (sent_.empty()) { throughput_.rest(now); }
  book(out, packet, now);
  recovery_.on_sent(taken);
  controller_->on_sent(now, payload, pipe());
  if (!timers_.is_set(Timer::retransmit) || (oldest && out.retransmission)) {
    if (!out.retransmission && sent_.outstanding() == taken) { progress_ = std::max(progress_, now); }
    timers_.set(Timer::retransmit, now + (stalled_ ? silence_to_come(now) : rtt_.rto()));
  }
  if (!out.retransmission || recovery_.phase() == Recovery::Phase::fast) { expect_tail(now); }
  watch_use(now);
  if (paces()) {
    const std::uint64_t headers = packet_size(0) + layout.role_room;
    const Bytes counted = cap_ > Rate{} ? payload + Bytes{packets_of(payload, out.cut) * headers} : payload;
    pacer_.left(now, counted, pace());
  }
  return out;
}

/// The controller's, if it is to be kept to, but not above the cap.
Rate Sender::pace() const {
  const Rate theirs = context_.config.pacing || controller_->needs_pacing() ? controller_->pacing() : Rate{};
  if (cap_ == Rate{}) { return theirs; }
  return theirs > Rate{} ? std::min(theirs, cap_) : cap_;
}

void Sender::book(const Outgoing& out, std::uint32_t packet, Instant now) {
  const Bytes payload = out.payload.size();
  const SubPos end = out.at + payload.n + (out.fin ? 1 : 0);
  if (out.retransmission) {
    sent_.resent(out.at, end, packet, now);
    again_bytes_ += payload;
    again_packets_ += packets_of(payload, out.cut);
    return;
  }
  sent_.add(end, packet, out.fin, now, out.probe);
  fresh_bytes_ += payload;
  timers_.clear(Timer::fresh);
  if (out.fin) { context_.close.fin_sent(); }
}

/// In slow start half a window counts as full: acknowledgments come in clumps, and the next will double it.
void Sender::watch_use(Instant now) {
  const Bytes flying = pipe();
  const Bytes near = controller_->in_slow_start() ? flying * 2 : flying + std::max(burst(), Bytes{2 * segment()});
  use_.on_sent(now, sent_.next(), flying, near > controller_->window());
  if (context_.source.end() > sent_.next()) { return; }
  if (const auto used = use_.underused(now, rtt_.rto())) { controller_->on_underused(now, *used); }
}

std::optional<Outgoing> Sender::tail_probe(Instant now) {
  const bool mends = recovery_.phase() == Recovery::Phase::fast;
  if (sent_.empty() || sent_.lost() > Bytes{} || !(mends || recovery_.phase() == Recovery::Phase::open)) {
    tail_.cancel();
    return std::nullopt;
  }
  if (mends) { return rescue(now); }
  if (mtu_.on_again(packet_size(sent_.oldest().cut), now)) {
    shrink_packets(now);
    return again(now);
  }
  const std::uint32_t size = mtu_.size();
  beyond_ = {segment()};
  auto out = fresh(now);
  const bool waits = !out && tail_.wants_fresh();  // the owner binds data to this subflow only when it is asked to
  const bool repeats = !out && !waits && sent_.mark_last_lost();
  if (repeats) { out = again(now); }
  beyond_ = {};
  if (waits) { return out; }
  if (mtu_.size() == size) { tail_.left(sent_.next(), repeats, now); }  // else all there was leaves again, smaller
  timers_.clear(Timer::tail);
  if (out) { timers_.set(Timer::retransmit, now + rtt_.rto()); }
  return out;
}

/// What was repeated is not answered, and nothing left after it by which RACK could tell that it is lost again: a full
/// window, or the end of the data. Once an episode, as RFC 6675 §4 has it of tails (NextSeg, rule 4).
std::optional<Outgoing> Sender::rescue(Instant now) {
  beyond_ = {segment()};
  auto out = sent_.mark_oldest_lost() ? again(now) : std::nullopt;
  beyond_ = {};
  tail_.left(sent_.next(), false, now);
  timers_.clear(Timer::tail);
  if (out) { timers_.set(Timer::retransmit, now + rtt_.rto()); }
  return out;
}

/// In recovery whatever leaves is followed by an answer at once, since it fills a gap or lies beyond one (RFC 5681 §4.2).
void Sender::expect_tail(Instant now) {
  const bool mends = recovery_.phase() == Recovery::Phase::fast;
  const bool quiet = recovery_.phase() == Recovery::Phase::open && sent_.sacked() == Bytes{};
  if (!context_.agreed.sack || !rtt_.has_sample() || tail_.outstanding() || !(quiet || mends)) {
    return timers_.clear(Timer::tail);
  }
  const Instant at = TailProbe::when(now, rtt_.srtt(), !mends && pipe() <= Bytes{segment()});
  if (at < timers_.at(Timer::retransmit)) {
    timers_.set(Timer::tail, at);
  } else {
    timers_.clear(Timer::tail);
  }
}

/// What a probe mended alone, the window must answer for (RFC 8985 §7.4.2).
void Sender::judge_tail(const Heard& heard, const Recovery::Outcome& outcome) {
  const bool bare = heard.bare && heard.sacks.empty() && outcome.advanced == Bytes{};
  const bool mended = tail_.mended(
      {.ack = sent_.una(), .duplicate = outcome.duplicate, .bare_duplicate = bare, .echoed = heard.echoed});
  if (!mended || recovery_.phase() != Recovery::Phase::open) { return; }
  recovery_.forget_needless();
  reduced();
  controller_->on_lost({.now = heard.now, .bytes = {segment()}, .in_flight = pipe(), .sign = cc::Sign::duplicate},
                       context_.group);
  controller_->on_recovery_exit(heard.now);
}

cc::Flow Sender::flow() const {
  if (!is_open()) { return {.window = {}, .in_flight = {}, .srtt = {}, .segment = {segment()}, .between_losses = {}}; }
  return {.window = controller_->window(),
          .in_flight = pipe(),
          .srtt = rtt_.srtt(),
          .segment = {segment()},
          .between_losses = controller_->between_losses(),
          .min_rtt = rtt_.min_rtt(),
          .rate = controller_->rate()};
}

void Sender::fill(Brief& brief) const {
  brief.srtt = rtt_.srtt();
  brief.rttvar = rtt_.rttvar();
  brief.rto = rtt_.rto();
  brief.segment = segment();
  if (!is_open()) { return; }
  brief.in_flight = pipe();
  brief.next_send = pacer_.next();
}

void Sender::fill(Info& info) const {
  info.srtt = rtt_.srtt();
  info.rttvar = rtt_.rttvar();
  info.rto = rtt_.rto();
  info.min_rtt = rtt_.min_rtt();
  info.segment = segment();
  info.bytes_sent = fresh_bytes_.n;
  info.bytes_retransmitted = again_bytes_.n;
  info.retransmits = again_packets_;
  info.needless_retransmits = needless_packets_;
  info.undone = undone_;
  info.marks = marks_;
  info.timeouts_in_a_row = timeouts_;
  if (!is_open()) { return; }
  info.window = controller_->window();
  info.threshold = controller_->threshold();
  info.in_flight = pipe();
  info.between_losses = controller_->between_losses();
  info.next_send = pacer_.next();
  info.delivery_rate = delivery_.latest();
  info.latest_rtt = latest_rtt_;
  info.throughput = throughput_.rate();
  info.in_recovery = recovery_.phase() != Recovery::Phase::open;
}

bool Sender::is_consistent() const {
  return sent_.is_consistent() && recovery_.is_consistent(sent_) && (!is_open() || controller_->window() > Bytes{}) &&
         (sent_.empty() || timers_.is_set(Timer::retransmit));
}
}  // namespace anabranch::tcp
