// What answers and time mean to the sending half: acknowledgments, timers, packets that were too big.
#include "tcp/sender.hh"
#include "tcp/timestamps.hh"

#include <algorithm>

namespace anabranch::tcp {

// --- answers

Sender::News Sender::on_ack(const Heard& heard) {
  News news;
  unanswered_since_.reset();
  latest_sample_.reset();
  const bool window_changed = window_.on_segment(context_.role, heard.at, heard.ack, heard.window);
  news.may_send = window_changed;
  // [9293-MUST-37]
  if (window_.limit() <= sent_.una()) { progress_ = heard.now; }  // RFC 9293 §3.8.6.1: closed, but alive
  if (window_.limit() > sent_.next()) { timers_.clear(Timer::persist); }
  const Bytes rounds = pipe() / (2ull * segment());
  const SubPos una = sent_.una();
  const auto outcome = recovery_.on_ack(on(), {.now = heard.now,
                                               .ack = heard.ack,
                                               .sacks = heard.sacks,
                                               .duplicate_form = heard.bare && heard.ack == una && !window_changed,
                                               .marked = heard.marked,
                                               .echoed = heard.echoed});
  if (outcome.covered.delivered > Bytes{}) {
    measure(heard, outcome, static_cast<unsigned>(std::max<std::uint64_t>(rounds.n, 1)));
    uncredited_ += outcome.covered.delivered;
    throughput_.on_acked(heard.now, outcome.covered.delivered, {segment()}, rtt_.min_rtt());
    news.may_send = true;
  }
  credit(outcome, una, heard.now);
  learn_packet_size(outcome, heard.now);
  if (outcome.undone) { after_undo(outcome); }
  if (outcome.entered) { reduced(); }
  if (outcome.entered && recovery_.phase() == Recovery::Phase::marked) { ++marks_; }
  judge_tail(heard, outcome);
  if (outcome.advanced > Bytes{}) { on_advance(heard, news); }
  timers_.set(Timer::reorder, recovery_.look_again_at());
  if (outcome.try_fresh) { timers_.set(Timer::fresh, heard.now); }
  if (outcome.duplicate) { needless_packets_ += packets_of({outcome.duplicate->length()}, segment()); }
  trace_recovery(outcome, heard.now);
  return news;
}

/// RFC 3042 §2: the first duplicates must not change the window. What they reported counts once it is clear whether
/// something was lost or late. A controller that watches deliveries wants to see each.
void Sender::credit(const Recovery::Outcome& outcome, SubPos una_before, Instant now) {
  const bool clear = outcome.advanced > Bytes{} || recovery_.phase() != Recovery::Phase::open;
  const bool watched = is_open() && controller_->wants_delivery();
  if (uncredited_ == Bytes{} || !(clear || watched)) { return; }
  const Bytes credited = std::exchange(uncredited_, {});
  cc::Acked acked{.now = now,
                  .bytes = credited,
                  .in_flight = outcome.in_flight_before,
                  .rtt = latest_sample_,
                  .srtt = rtt_.srtt(),
                  .app_limited = !use_.limited(una_before),
                  .pipe = pipe()};
  if (watched) { acked.delivery = judge_delivery(outcome, credited, now); }
  controller_->on_acked(acked, context_.group);
  if (watched && controller_->holds_back()) { delivery_.mark_limited(pipe()); }
}

cc::Delivery Sender::judge_delivery(const Recovery::Outcome& outcome, Bytes credited, Instant now) {
  const Bytes lost = sent_.lost_ever() - std::exchange(lost_told_, sent_.lost_ever());
  DeliveryRate::Heard heard{
      .now = now, .delivered = credited, .lost = lost, .in_flight = pipe(), .min_rtt = rtt_.min_rtt()};
  if (outcome.covered.newest) { heard.newest_left = outcome.covered.newest->at; }
  if (lost > Bytes{}) { heard.lost_left = sent_.lost_left(); }
  return delivery_.on_acked(heard);
}

void Sender::learn_packet_size(const Recovery::Outcome& outcome, Instant now) {
  if (outcome.covered.delivered == Bytes{}) { return; }
  if (outcome.covered.probe) {
    mtu_.probe_arrived(now);
    controller_->set_segment({segment()});
  }
  mtu_.on_delivered(packet_size(outcome.covered.largest));
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
  if (!latest_sample_) { return; }
  latest_rtt_ = *latest_sample_;
  rtt_.sample(heard.now, latest_rtt_, samples_per_round);
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
  // Silent for longer than one timeout: a new subflow would have an initial window by now, so this one may.
  if (probing_ && timeouts_ > 1) { controller_->on_return(heard.now); }
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

// [9293-MUST-35 9293-MUST-36 9293-SHLD-29 9293-SHLD-30]
/// Bytes wait, nothing is in flight, the window is closed: ask now and then (RFC 9293 §3.8.6.1).
void Sender::watch_closed_window(Instant now) {
  if (!sent_.empty() || timers_.is_set(Timer::persist)) { return; }
  constexpr Duration kLongest{60'000'000'000};
  const Duration wait = std::min(rtt_.base_rto() * (std::int64_t{1} << std::min(probes_, 16u)), kLongest);
  timers_.set(Timer::persist, now + wait);
}

Sender::Expired Sender::on_deadline(Instant now) {
  timers_.take_due(Timer::pace, now);  // it only makes the owner ask again
  if (timers_.take_due(Timer::fresh, now)) {
    recovery_.no_fresh();
    tail_.no_fresh();
  }
  if (timers_.take_due(Timer::tail, now)) {
    tail_.expire();
    timers_.set(Timer::fresh, now);
  }
  if (timers_.take_due(Timer::reorder, now)) {
    if (recovery_.look_again(on(), now)) {
      reduced();
      trace_entered(now);
    }
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
  if (now - progress_ > context_.config.give_up_after) { return Expired::gave_up; }  // [9293-MUST-20]
  ++timeouts_;
  context_.trace(now, [&] { return trace::RtoFired{rtt_.rto(), timeouts_, sent_.outstanding()}; });
  rtt_.back_off();  // [9293-MUST-19]
  timers_.clear(Timer::tail);
  timers_.clear(Timer::reorder);
  timers_.clear(Timer::fresh);
  tail_.forget();
  const Range& oldest = sent_.oldest();
  const auto packet = static_cast<std::uint32_t>(std::min<std::uint64_t>(oldest.cut, oldest.size().n));
  if (context_.config.mtu_search && mtu_.on_timeout(packet_size(packet), now)) {
    controller_->set_segment({segment()});
  }
  recovery_.on_timeout(on(), now);
  reduced();
  timers_.set(Timer::retransmit, now + silence_to_come(now));
  timed_out_at_ = now;
  pacer_.reset(now);
  return std::exchange(stalled_, true) ? Expired::again : Expired::stalled;
}

/// Until the next try. Where siblings carry the data, in proportion to the silence so far: whatever a path's absence
/// lasts, its return is noticed after a quarter of that, for a packet a second at most.
Duration Sender::silence_to_come(Instant now) const {
  constexpr Duration kLeast{1'000'000'000};
  const Duration rto = rtt_.rto();
  if (!probing_) { return rto; }
  return std::min(rto, std::max({rtt_.base_rto(), kLeast, (now - progress_) / 4}));
}

void Sender::try_again(Instant now) {
  if (!stalled_ || sent_.empty()) { return; }
  const Instant due = std::max(now, timed_out_at_ + rtt_.srtt());
  if (due < timers_.at(Timer::retransmit)) { timers_.set(Timer::retransmit, due); }
}

void Sender::on_packet_too_big(std::uint32_t mtu, Instant now) {
  if (mtu_.told(mtu, now)) { shrink_packets(now); }
}

/// What was too large will not arrive: that is no sign of congestion, and no timer needs to tell.
void Sender::shrink_packets(Instant now) {
  if (!is_open()) { return; }
  controller_->set_segment({segment()});
  timers_.clear(Timer::tail);
  tail_.forget();
  const Bytes lost = sent_.mark_oversize_lost(layout_at(sent_.una()).cut);
  if (lost > Bytes{}) { timers_.set(Timer::retransmit, now + rtt_.rto()); }
}
}  // namespace anabranch::tcp
