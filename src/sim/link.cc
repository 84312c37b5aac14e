#include "sim/link.hh"

#include <limits>
#include <utility>

namespace anabranch::sim {

Bytes default_queue(Rate rate) {
  constexpr Duration kBuffered{100'000'000};
  constexpr Bytes kLeast{64 * 1024};
  if (rate == Rate{}) { return {std::numeric_limits<std::uint64_t>::max()}; }
  return std::max(kLeast, amount_in(kBuffered, rate));
}

Pipe::Pipe(const LinkSpec& spec, Generator generator, SlabPool& pool)
    : spec_{spec},
      generator_{generator},
      arena_{pool},
      own_{std::make_unique<ParcelPool>()},
      packets_{*own_} {
  look_at_spec();
  choose_rule();
}

Pipe::Pipe(std::string name, const LinkSpec& spec, Generator generator, SlabPool& pool, ParcelPool& packets,
           Agenda& agenda)
    : name_{std::move(name)},
      spec_{spec},
      generator_{generator},
      arena_{pool},
      packets_{packets},
      agenda_{&agenda},
      number_{agenda.enroll(this)} {
  look_at_spec();
  choose_rule();
}

void Pipe::choose_rule() {
  const bool plain = spec_.discipline.kind == Discipline::drop_tail;  // draws nothing then: the faults stay the same
  rule_ = plain ? nullptr : make_queue_rule(spec_.discipline, generator_.fork());
}

/// What follows from the numbers, once and not for each packet.
void Pipe::look_at_spec() {
  timed_ = {};
  constexpr auto kUnlimited = std::numeric_limits<std::uint64_t>::max();
  most_packets_ = spec_.discipline.packets != 0 ? spec_.discipline.packets : kUnlimited;
  most_bytes_ = spec_.queue ? spec_.queue.n : spec_.discipline.packets != 0 ? kUnlimited : default_queue(spec_.rate).n;
  plain_ = spec_.loss <= 0 && spec_.burst.enter <= 0 && spec_.jitter <= Duration{} && spec_.reorder <= 0 &&
           spec_.duplicate <= 0 && !bad_;
}

void Pipe::offer(Frame frame, Instant now, const Route* route) {
  const auto take = [&](Frame&& packet) {
    Parcel* p = packets_.make();
    p->frame = std::move(packet);
    p->size = static_cast<std::uint32_t>(p->frame.bytes.size().n);
    p->cut = p->frame.cut;
    p->route = route;
    enter(p, now);
  };
  const bool complete = frame.checksum != ChecksumState::pending || spec_.keep_checksums;
  if (spec_.keep_super_segments || (frame.cut == 0 && complete)) { return take(std::move(frame)); }
  pieces_.clear();
  if (!cut_frame(frame, arena_, pieces_)) {
    pieces_.clear();
    if (frame.cut != 0) { return stats_.dropped.add(LinkDrop::cannot_cut); }
    pieces_.push_back(std::move(frame));  // not TCP: its checksum is none of ours
  }
  for (Frame& piece : pieces_) { take(std::move(piece)); }
  pieces_.clear();
}

void Pipe::drop(Parcel* packet, LinkDrop why) {
  stats_.dropped.add(why);
  packets_.give_back(packet);
}

Waiting Pipe::waiting() const { return {{queued_}, waiting_.size(), {most_bytes_}, most_packets_, spec_.rate}; }

void Pipe::enter(Parcel* packet, Instant now) {
  advance(now);
  ++stats_.offered_packets;
  stats_.offered_bytes += packet->size;
  judge(packet);
  rescheduled();
}

/// Whether it comes in; then it is sent, or waits.
void Pipe::judge(Parcel* packet) {
  if (cut_) { return drop(packet, LinkDrop::link_cut); }
  if (spec_.mtu != 0 && packet->cut == 0 && packet->size > spec_.mtu) { return drop(packet, LinkDrop::too_big); }
  mark(*packet);
  const bool idle = waiting_.empty() && free_at_ <= now_;
  if (rule_ && rule_out(rule_->enter(waiting(), {packet->size}, idle, now_), packet)) { return; }
  packet->at = now_;
  if (idle) {
    if (rule_ && rule_out(rule_->leave(waiting(), now_, now_), packet)) { return; }
    return transmit(packet, now_);
  }
  if (queued_ + packet->size > most_bytes_ || waiting_.size() >= most_packets_) {
    return drop(packet, LinkDrop::queue_full);
  }
  queued_ += packet->size;
  waiting_.push(packet);
  stats_.highest_queue = std::max(stats_.highest_queue, queued_);
  stats_.highest_queue_packets = std::max<std::uint64_t>(stats_.highest_queue_packets, waiting_.size());
}

/// Carries out what the discipline says; true: the packet is gone.
bool Pipe::rule_out(Ruling ruling, Parcel* packet) {
  if (ruling == Ruling::pass || (ruling == Ruling::mark && mark_it(*packet))) { return false; }
  drop(packet, LinkDrop::early);
  return true;
}

void Pipe::advance(Instant now) {
  now_ = std::max(now_, now);
  while (!waiting_.empty() && free_at_ <= now_) {
    Parcel* packet = waiting_.pop();
    queued_ -= packet->size;
    const Duration waited = free_at_ - packet->at;
    stats_.waited = stats_.waited + waited;
    stats_.byte_waited += packet->size * static_cast<std::uint64_t>(waited.ns / 1000);
    if (rule_ && rule_out(rule_->leave(waiting(), packet->at, free_at_), packet)) { continue; }
    transmit(packet, free_at_);
  }
}

Duration Pipe::time_on_wire(Bytes bytes) const {
  Timed& known = timed_[bytes.n / 4 % timed_.size()];
  if (known.bytes != bytes.n) { known = {bytes.n, time_for(bytes, spec_.rate)}; }
  return known.takes;
}

Duration Pipe::transmission(const Parcel& packet) const {
  if (spec_.rate == Rate{}) { return {}; }
  std::uint64_t packets = 1, headers = 0;
  if (packet.cut != 0) {
    if (const auto layout = tcp_layout(packet.frame)) {
      headers = layout->payload_at;
      packets = std::max<std::uint64_t>(1, (layout->end - headers + packet.cut - 1) / packet.cut);
    }
  }
  return time_on_wire({packet.size + (packets - 1) * headers + packets * spec_.overhead});
}

void Pipe::mark(Parcel& packet) {
  const bool full = spec_.mark_above && queued_ > spec_.mark_above.n;
  if (!full && (spec_.mark <= 0 || !generator_.chance(spec_.mark))) { return; }
  (void)mark_it(packet);
}

bool Pipe::mark_it(Parcel& packet) {
  auto marked = with_congestion_mark(packet.frame, arena_);
  if (!marked) { return false; }
  ++stats_.marked;
  packet.frame = std::move(*marked);
  return true;
}

bool Pipe::lose() {
  // Each fault is drawn only where it can happen, so that turning one on does not change another's pattern within a
  // run that has neither.
  if (spec_.burst.enter > 0 || bad_) {
    bad_ = bad_ ? !generator_.chance(spec_.burst.leave) : generator_.chance(spec_.burst.enter);
  }
  if (bad_ && generator_.chance(spec_.burst.loss)) {
    stats_.dropped.add(LinkDrop::lost_in_burst);
    return true;
  }
  if (spec_.loss > 0 && generator_.chance(spec_.loss)) {
    stats_.dropped.add(LinkDrop::lost);
    return true;
  }
  return false;
}

void Pipe::transmit(Parcel* packet, Instant start) {
  const Duration takes = transmission(*packet);
  stats_.busy = stats_.busy + takes;
  free_at_ = start + takes;
  if (!plain_) { return transmit_with_faults(packet); }
  last_arrival_ = std::max(free_at_ + spec_.delay, last_arrival_);
  packet->at = last_arrival_;
  sent_.push(packet);
}

void Pipe::transmit_with_faults(Parcel* packet) {
  if (lose()) { return packets_.give_back(packet); }
  Instant arrival = free_at_ + spec_.delay;
  if (spec_.jitter > Duration{}) {
    arrival = arrival +
              Duration{static_cast<std::int64_t>(generator_.below(static_cast<std::uint64_t>(spec_.jitter.ns) + 1))};
  }
  const bool held_back = spec_.reorder > 0 && generator_.chance(spec_.reorder);
  if (held_back) {
    ++stats_.reordered;
    arrival = arrival + spec_.reorder_by;
  } else if (!spec_.jitter_reorders) {
    arrival = std::max(arrival, last_arrival_);
    last_arrival_ = arrival;
  }
  const bool keeps_order = !held_back && !spec_.jitter_reorders && (sent_.empty() || sent_.back()->at <= arrival);
  const auto send = [&](Parcel* p) {
    p->at = arrival;
    if (keeps_order) { return sent_.push(p); }
    astray_.push(arrival, p);
  };
  if (spec_.duplicate > 0 && generator_.chance(spec_.duplicate)) {
    ++stats_.duplicated;
    Parcel* twin = packets_.make();
    twin->frame = packet->frame;
    twin->size = packet->size;
    twin->cut = packet->cut;
    twin->hop = packet->hop;
    twin->route = packet->route;
    send(twin);
  }
  send(packet);
}

Instant Pipe::next() const {
  const Instant soonest = std::min(sent_.empty() ? Instant::never() : sent_.front()->at, astray_.next());
  if (waiting_.empty() || (plain_ && !sent_.empty())) { return soonest; }  // what waits comes later
  // The first that waits arrives no earlier than this; it may be lost or late.
  return std::min(soonest, free_at_ + transmission(*waiting_.front()) + spec_.delay);
}

Parcel* Pipe::take_one(Instant now) {
  advance(now);
  Parcel* out = nullptr;
  if (!sent_.empty() && sent_.front()->at <= std::min(now_, astray_.next())) {
    out = sent_.pop();
  } else if (const auto astray = astray_.pop_due(now_)) {
    out = *astray;
  } else {
    return nullptr;
  }
  ++stats_.delivered_packets;
  stats_.delivered_bytes += out->size;
  return out;
}

std::size_t Pipe::take_due(Instant now, std::vector<Frame>& out) {
  std::size_t taken = 0;
  while (Parcel* packet = take_one(now)) {
    out.push_back(std::move(packet->frame));
    packets_.give_back(packet);
    ++taken;
  }
  rescheduled();
  return taken;
}

void Pipe::set(const LinkSpec& spec, Instant now) {
  advance(now);
  const bool other_rule = spec.discipline != spec_.discipline;
  spec_ = spec;
  look_at_spec();
  if (other_rule) { choose_rule(); }
  rescheduled();
}

void Pipe::cut(Instant now, bool lose_in_flight) {
  advance(now);
  cut_ = true;
  while (!waiting_.empty()) { drop(waiting_.pop(), LinkDrop::link_cut); }
  queued_ = 0;
  if (lose_in_flight) {
    while (!sent_.empty()) { drop(sent_.pop(), LinkDrop::link_cut); }
    while (const auto astray = astray_.pop_due(Instant::never())) { drop(*astray, LinkDrop::link_cut); }
  }
  rescheduled();
}

void Pipe::heal(Instant now) {
  advance(now);
  cut_ = false;
  rescheduled();
}
}  // namespace anabranch::sim
