#include "tcp/sender.hh"

#include "cc/registry.hh"
#include "tcp/timestamps.hh"

#include <algorithm>
#include <iterator>

namespace anabranch::tcp {
namespace {
constexpr std::uint32_t kTcpHeader = 20;
constexpr std::size_t kOptionSpace = 40;
/// RFC 791 and RFC 8200 §5: below these no path may go; with Linux's floor for IPv4 (RFC 5927 §7.2 on low values).
constexpr std::uint32_t kLeastMtu4 = 552, kLeastMtu6 = 1280;
/// RFC 1191 §7.1: MTUs worth trying, for routers that do not say theirs.
constexpr std::uint32_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};

constexpr std::size_t padded(std::size_t n) { return (n + 3) / 4 * 4; }
constexpr std::uint64_t packets(Bytes payload, std::uint64_t cut) {
  return std::max<std::uint64_t>(1, (payload.n + cut - 1) / cut);
}

stream::RttLimits limits(const Config& config) {
  stream::RttLimits limits;
  limits.min_rto = config.minimum_rto;
  return limits;
}
}  // namespace

Sender::Sender(Context& context) : context_{context}, rtt_{limits(context.config)}, path_mtu_{context.config.mtu} {}

void Sender::open(Instant now, std::optional<Duration> rtt, bool syn_was_lost) {
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
}

std::uint32_t Sender::segment() const {
  const std::uint32_t ours = path_mtu_ - context_.config.ip_header - kTcpHeader;
  const auto stamps = static_cast<std::uint32_t>(context_.agreed.timestamps ? Timestamps::kBytes : 0);
  return std::min(context_.agreed.peer_mss, ours) - stamps;  // RFC 6691: the MSS does not count options, packets do
}

Bytes Sender::largest_super_segment() const {
  const Bytes whole{65535 - context_.config.ip_header - kTcpHeader - kOptionSpace};  // IP's length field
  return std::min(Bytes{context_.config.super_segment}, whole);
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
  constexpr std::int64_t kBurstTime = 1'000'000;  // ns: what a paced kernel queues at once (Linux, sk_pacing_shift 10)
  const Bytes one{segment()};
  const Bytes most = std::max(largest_super_segment(), one);
  if (!is_open() || !rtt_.has_sample()) { return std::min(most, Bytes{10 * one.n}); }
  const auto srtt = static_cast<std::uint64_t>(std::max<std::int64_t>(rtt_.srtt().ns, 1));
  const auto share = static_cast<unsigned __int128>(controller_->window().n) * kBurstTime / srtt;
  const Bytes rate{static_cast<std::uint64_t>(std::min<unsigned __int128>(share, most.n))};
  const Bytes size = std::clamp(rate, std::min(one * 2, most), most);
  return {size.n / one.n * one.n};
}

Bytes Sender::room() const {
  if (!is_open() || context_.close.sending != stream::Sending::open) { return {}; }
  const Bytes unsent{context_.source.end() - sent_.next()};
  const Bytes by_congestion = allowance() - (recovery_.prefers_fresh() ? Bytes{} : sent_.lost());
  const Bytes by_window{window_.limit() - sent_.next()};
  return std::min(by_congestion, by_window) - unsent;
}

// --- departures

bool Sender::held_back_by_pace(Instant now) {
  if (next_departure_ <= now) { return false; }
  timers_.set(Timer::pace, next_departure_);
  return true;
}

std::optional<Outgoing> Sender::next(Instant now) {
  if (!is_open() || held_back_by_pace(now)) { return std::nullopt; }
  if (tail_.take_due()) {
    if (auto out = tail_probe(now)) { return out; }
  }
  if (auto out = again(now)) { return out; }
  return fresh(now);
}

std::optional<Outgoing> Sender::again(Instant now) {
  const Range* range = sent_.first_lost();
  if (range == nullptr || recovery_.prefers_fresh()) { return std::nullopt; }
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

/// How much of what waits shall leave now; zero: better wait (RFC 9293 §3.8.6.2.1, without Nagle's rule: what the
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
  out.push = got == waiting || got.n > layout.cut;
  return depart(std::move(out), layout, now);
}

Outgoing Sender::depart(Outgoing out, const Layout& layout, Instant now) {
  const Bytes payload = out.payload.size();
  const Bytes taken{payload.n + (out.fin ? 1 : 0)};
  const SubPos end = out.at + taken.n;
  const auto packet = static_cast<std::uint32_t>(std::min<std::uint64_t>(payload.n, layout.cut));
  out.cut = layout.cut;
  const std::size_t slack = layout.cut - packet;  // what the last packet leaves free is not there in the others
  const std::size_t stamps = context_.agreed.timestamps ? Timestamps::kBytes : 0;
  out.option_room = std::min(layout.role_room + slack / 4 * 4, kOptionSpace - stamps);
  const bool oldest = out.at == sent_.una();
  if (out.retransmission) {
    sent_.resent(out.at, end, packet, now);
    again_bytes_ += payload;
    again_packets_ += packets(payload, layout.cut);
  } else {
    sent_.add(end, packet, out.fin, now);
    fresh_bytes_ += payload;
    timers_.clear(Timer::fresh);
    if (out.fin) { context_.close.fin_sent(); }
  }
  recovery_.on_sent(taken);
  const Bytes flying = pipe();
  controller_->on_sent(now, payload, flying);
  if (!timers_.is_set(Timer::retransmit) || (oldest && out.retransmission)) {
    if (sent_.outstanding() == taken) { progress_ = std::max(progress_, now); }
    timers_.set(Timer::retransmit, now + rtt_.rto());
  }
  if (!out.retransmission) { expect_tail(now); }
  // In slow start half a window counts as full: acknowledgments come in clumps, and the next will double it.
  const Bytes window = controller_->window();
  const Bytes full = controller_->in_slow_start() ? flying * 2 : flying + std::max(burst(), Bytes{2 * segment()});
  if (full > window) { limited_ = sent_.next(); }
  if (const Rate pace = controller_->pacing(); pace != Rate{}) {
    next_departure_ = std::max(next_departure_, now) + time_for(payload, pace);
  }
  return out;
}

std::optional<Outgoing> Sender::tail_probe(Instant now) {
  if (sent_.empty() || recovery_.phase() != Recovery::Phase::open || sent_.lost() > Bytes{}) { return std::nullopt; }
  const SubPos next = sent_.next();
  beyond_ = {segment()};
  auto out = fresh(now);
  const bool repeats = !out && sent_.mark_last_lost();
  if (repeats) { out = again(now); }
  beyond_ = {};
  tail_.left(std::max(next, sent_.next()), repeats, now);
  timers_.clear(Timer::tail);
  if (out) { timers_.set(Timer::retransmit, now + rtt_.rto()); }
  return out;
}

void Sender::expect_tail(Instant now) {
  const bool quiet = recovery_.phase() == Recovery::Phase::open && sent_.sacked() == Bytes{};
  if (!context_.agreed.sack || !rtt_.has_sample() || tail_.outstanding() || !quiet) {
    return timers_.clear(Timer::tail);
  }
  const Instant at = TailProbe::when(now, rtt_.srtt(), pipe() <= Bytes{segment()});
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
  controller_->on_lost({.now = heard.now, .bytes = {segment()}, .in_flight = pipe(), .sign = cc::Sign::duplicate},
                       context_.group.flows());
  controller_->on_recovery_exit(heard.now);
}

// --- answers

Sender::News Sender::on_ack(const Heard& heard) {
  News news;
  unanswered_since_.reset();
  latest_sample_.reset();
  const bool window_changed = window_.on_segment(context_.role, heard.at, heard.ack, heard.window);
  news.may_send = window_changed;
  if (window_.limit() <= sent_.una()) { progress_ = heard.now; }  // RFC 9293 §3.8.6.1: closed, but alive
  if (window_.limit() > sent_.next()) { timers_.clear(Timer::persist); }
  const Bytes rounds = pipe() / (2ull * segment());
  const SubPos una = sent_.una();
  const auto outcome = recovery_.on_ack(on(), {.now = heard.now,
                                               .ack = heard.ack,
                                               .sacks = heard.sacks,
                                               .duplicate_form = heard.bare && heard.ack == una && !window_changed,
                                               .echoed = heard.echoed});
  if (outcome.covered.delivered > Bytes{}) {
    measure(heard, outcome, static_cast<unsigned>(std::max<std::uint64_t>(rounds.n, 1)));
    uncredited_ += outcome.covered.delivered;
    news.may_send = true;
  }
  // RFC 3042 §2: the first duplicates must not change the window. What they reported counts once it is clear whether
  // something was lost or late.
  if (uncredited_ > Bytes{} && (outcome.advanced > Bytes{} || recovery_.phase() != Recovery::Phase::open)) {
    controller_->on_acked({.now = heard.now,
                           .bytes = std::exchange(uncredited_, {}),
                           .in_flight = outcome.in_flight_before,
                           .rtt = latest_sample_,
                           .srtt = rtt_.srtt(),
                           .app_limited = una >= limited_},
                          context_.group.flows());
  }
  if (outcome.undone) { after_undo(outcome); }
  judge_tail(heard, outcome);
  if (outcome.advanced > Bytes{}) { on_advance(heard, news); }
  timers_.set(Timer::reorder, recovery_.look_again_at());
  if (outcome.try_fresh) { timers_.set(Timer::fresh, heard.now); }
  if (outcome.duplicate) { needless_packets_ += packets(Bytes{outcome.duplicate->length()}, segment()); }
  trace_recovery(outcome, heard.now);
  return news;
}

/// RFC 4015 §3.2 (ADAPT): a timer that was too short for what the path just did becomes longer.
void Sender::after_undo(const Recovery::Outcome& outcome) {
  ++undone_;
  if (outcome.was_timeout && latest_sample_) { rtt_.was_too_short(*latest_sample_); }
}

/// Departure times are exact; echoed timestamps are not, but also answer for what was sent twice (Karn, RFC 7323 §4).
void Sender::measure(const Heard& heard, const Recovery::Outcome& outcome, unsigned samples_per_round) {
  if (outcome.covered.sent_once && !outcome.covered.any_retransmitted) {
    latest_sample_ = heard.now - *outcome.covered.sent_once;
  } else if (heard.echoed && outcome.advanced > Bytes{}) {
    latest_sample_ = heard.now - *heard.echoed;
  }
  if (latest_sample_) { rtt_.sample(heard.now, *latest_sample_, samples_per_round); }
}

void Sender::on_advance(const Heard& heard, News& news) {
  const SubPos una = sent_.una();
  const bool fin_sent = context_.close.sending == stream::Sending::fin_sent;
  const bool fin_acked = fin_sent && una == sent_.next();
  context_.source.acknowledged(fin_acked ? una - 1 : una);
  if (fin_acked) {
    context_.close.fin_acked();
    news.fin_acked = true;
  }
  rtt_.end_backoff();
  progress_ = heard.now;
  timeouts_ = 0;
  news.recovered = std::exchange(stalled_, false);
  if (sent_.empty()) {
    timers_.clear(Timer::retransmit);
    timers_.clear(Timer::tail);
  } else {
    timers_.set(Timer::retransmit, heard.now + rtt_.rto());
    expect_tail(heard.now);
  }
}

void Sender::trace_entered(Instant now) const {
  context_.trace(now, [&] {
    const char* why = recovery_.phase() == Recovery::Phase::marked ? "marked" : "duplicates";
    return trace::RecoveryEntered{why, recovery_.until(), controller_->window(), controller_->threshold()};
  });
}

void Sender::trace_recovery(const Recovery::Outcome& outcome, Instant now) const {
  if (outcome.entered) { trace_entered(now); }
  if (outcome.left || outcome.undone) {
    context_.trace(now,
                   [&] { return trace::RecoveryLeft{outcome.undone ? "needless" : "mended", controller_->window()}; });
  }
  if (outcome.advanced > Bytes{}) {
    context_.trace(now, [&] {
      return trace::Congestion{.window = controller_->window(),
                               .threshold = controller_->threshold(),
                               .in_flight = pipe(),
                               .srtt = rtt_.srtt(),
                               .rto = rtt_.rto(),
                               .controller = controller_->name()};
    });
  }
}

// --- time

/// Bytes wait, nothing is in flight, the window is closed: ask now and then (RFC 9293 §3.8.6.1).
void Sender::watch_closed_window(Instant now) {
  if (!sent_.empty() || timers_.is_set(Timer::persist)) { return; }
  constexpr Duration kLongest{60'000'000'000};
  const Duration wait = std::min(rtt_.base_rto() * (std::int64_t{1} << std::min(probes_, 16u)), kLongest);
  timers_.set(Timer::persist, now + wait);
}

Sender::Expired Sender::on_deadline(Instant now) {
  timers_.take_due(Timer::pace, now);  // it only makes the owner ask again
  if (timers_.take_due(Timer::tail, now)) { tail_.expire(); }
  if (timers_.take_due(Timer::fresh, now)) { recovery_.no_fresh(); }
  if (timers_.take_due(Timer::reorder, now)) {
    if (recovery_.look_again(on(), now)) { trace_entered(now); }
    timers_.set(Timer::reorder, recovery_.look_again_at());
  }
  if (timers_.take_due(Timer::retransmit, now)) { return on_retransmission_timeout(now); }
  if (timers_.take_due(Timer::persist, now)) {
    if (!unanswered_since_) { unanswered_since_ = now; }
    if (now - *unanswered_since_ > context_.config.give_up_after) { return Expired::gave_up; }
    ++probes_;
    watch_closed_window(now);
    return Expired::probe;
  }
  return Expired::nothing;
}

Sender::Expired Sender::on_retransmission_timeout(Instant now) {
  if (!is_open() || sent_.empty()) { return Expired::nothing; }
  if (now - progress_ > context_.config.give_up_after) { return Expired::gave_up; }
  ++timeouts_;
  context_.trace(now, [&] { return trace::RtoFired{rtt_.rto(), timeouts_, sent_.outstanding()}; });
  rtt_.back_off();
  timers_.clear(Timer::tail);
  timers_.clear(Timer::reorder);
  timers_.clear(Timer::fresh);
  tail_.forget();
  recovery_.on_timeout(on(), now);
  timers_.set(Timer::retransmit, now + rtt_.rto());
  next_departure_ = now;
  return std::exchange(stalled_, true) ? Expired::again : Expired::stalled;
}

void Sender::on_packet_too_big(std::uint32_t mtu, Instant now) {
  const std::uint32_t least = context_.config.ip_header == 20 ? kLeastMtu4 : kLeastMtu6;
  if (mtu == 0) {
    const auto* lower = std::find_if(std::begin(kPlateaus), std::end(kPlateaus), [&](auto p) { return p < path_mtu_; });
    mtu = lower == std::end(kPlateaus) ? least : *lower;
  }
  mtu = std::max(mtu, least);
  if (mtu >= path_mtu_) { return; }  // RFC 8201 §4: an increase is never believed
  path_mtu_ = mtu;
  if (!is_open()) { return; }
  controller_->set_segment({segment()});
  const Bytes lost = sent_.mark_oversize_lost(layout_at(sent_.una()).cut);
  if (lost > Bytes{}) { timers_.set(Timer::retransmit, now + rtt_.rto()); }
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
  info.timeouts_in_a_row = timeouts_;
  if (!is_open()) { return; }
  info.window = controller_->window();
  info.threshold = controller_->threshold();
  info.in_flight = pipe();
  info.in_recovery = recovery_.phase() != Recovery::Phase::open;
}

bool Sender::is_consistent() const {
  return sent_.is_consistent() && recovery_.is_consistent(sent_) && (!is_open() || controller_->window() > Bytes{}) &&
         (sent_.empty() || timers_.is_set(Timer::retransmit));
}
}  // namespace anabranch::tcp
