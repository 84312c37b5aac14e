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
    : Pipe{{}, spec, generator, pool, std::make_unique<ParcelPool>()} {}

/// One that stands alone has a pool of its own.
Pipe::Pipe(std::string name, const LinkSpec& spec, Generator generator, SlabPool& pool, std::unique_ptr<ParcelPool> own)
    : packets_{*own},
      name_{std::move(name)},
      spec_{spec},
      generator_{generator},
      arena_{pool},
      own_{std::move(own)} {
  look_at_spec();
  choose_rule();
}

Pipe::Pipe(std::string name, const LinkSpec& spec, Generator generator, SlabPool& pool, ParcelPool& packets,
           Agenda& agenda)
    : number_{agenda.enroll(this)},
      agenda_{&agenda},
      packets_{packets},
      name_{std::move(name)},
      spec_{spec},
      generator_{generator},
      arena_{pool} {
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
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const std::uint64_t rate = spec_.rate.bytes_per_second;
  ns_a_byte_ = rate != 0 && kSecond % rate == 0 ? static_cast<std::int64_t>(kSecond / rate) : 0;
  delay_ = spec_.delay;
  overhead_ = spec_.overhead;
  mtu_ = spec_.mtu;
  marks_ = spec_.mark > 0 || spec_.mark_above;
}

void Pipe::offer(Frame frame, Instant now, const Route* route) {
  const auto take = [&](Frame&& packet) {
    Parcel* p = packets_.make();
    p->frame = std::move(packet);
    const auto size = static_cast<std::uint32_t>(p->frame.bytes.size().n);
    Transit transit = route != nullptr ? Transit::begin(p, *route, size) : Transit{.packet = p, .size = size};
    transit.cut = static_cast<std::uint16_t>(p->frame.cut);  // of a payload that fits into a packet
    enter(transit, now);
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

Waiting Pipe::waiting() const { return {{queued_}, queued_packets(), {most_bytes_}, most_packets_, spec_.rate}; }

void Pipe::enter(const Transit& transit, Instant now) {
  advance(now);
  ++stats_.offered_packets;
  stats_.offered_bytes += transit.size;
  judge(transit);
  rescheduled();
}

/// Whether it comes in; then it is sent, or waits.
void Pipe::judge(Transit transit) {
  Parcel* packet = transit.packet;
  if (cut_) { return drop(packet, LinkDrop::link_cut); }
  if (mtu_ != 0 && transit.cut == 0 && transit.size > mtu_) { return drop(packet, LinkDrop::too_big); }
  if (marks_) { mark(*packet); }
  whole_ |= transit.cut != 0;
  const bool at_once = idle();
  if (rule_ && rule_out(rule_->enter(waiting(), {transit.size}, at_once, now_), packet)) { return; }
  transit.at = now_;
  if (at_once) {
    if (rule_ && rule_out(rule_->leave(waiting(), now_, now_), packet)) { return; }
    line_.push(transit);
    return transmit(now_);
  }
  if (queued_ + transit.size > most_bytes_ || queued_packets() >= most_packets_) {
    return drop(packet, LinkDrop::queue_full);
  }
  queued_ += transit.size;
  line_.push(transit);
  stats_.highest_queue = std::max(stats_.highest_queue, queued_);
  stats_.highest_queue_packets = std::max<std::uint64_t>(stats_.highest_queue_packets, queued_packets());
}

/// Carries out what the discipline says; true: the packet is gone.
bool Pipe::rule_out(Ruling ruling, Parcel* packet) {
  if (ruling == Ruling::pass || (ruling == Ruling::mark && mark_it(*packet))) { return false; }
  drop(packet, LinkDrop::early);
  return true;
}

void Pipe::advance(Instant now) {
  now_ = std::max(now_, now);
  while (line_.size() != sent_ && free_at_ <= now_) { next_leaves(); }
}

/// The first that waits is sent as soon as the transmitter is free.
void Pipe::next_leaves() {
  const Transit& first = line_[sent_];
  queued_ -= first.size;
  const Duration waited = free_at_ - first.at;
  stats_.waited = stats_.waited + waited;
  stats_.byte_waited += first.size * static_cast<std::uint64_t>(waited.ns / 1000);
  if (rule_) {
    Waiting behind = waiting();
    --behind.packets;
    if (rule_out(rule_->leave(behind, first.at, free_at_), first.packet)) {
      line_.remove(sent_);
      return;
    }
  }
  transmit(free_at_);
}

Duration Pipe::time_on_wire(Bytes bytes) const {
  if (ns_a_byte_ != 0) { return {static_cast<std::int64_t>(bytes.n) * ns_a_byte_}; }
  if (spec_.rate == Rate{}) { return {}; }
  Timed& known = timed_[bytes.n / 4 % timed_.size()];
  if (known.bytes != bytes.n) { known = {bytes.n, time_for(bytes, spec_.rate)}; }
  return known.takes;
}

Duration Pipe::transmission(const Transit& transit) const {
  return whole_ ? time_for_all(transit) : time_on_wire({transit.size + overhead_});
}

/// Of a super-segment: all of its packets.
Duration Pipe::time_for_all(const Transit& transit) const {
  std::uint64_t packets = 1, headers = 0;
  if (transit.cut != 0) {
    if (const auto layout = tcp_layout(transit.packet->frame)) {
      headers = layout->payload_at;
      packets = std::max<std::uint64_t>(1, (layout->end - headers + transit.cut - 1) / transit.cut);
    }
  }
  return time_on_wire({transit.size + (packets - 1) * headers + packets * overhead_});
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

/// The first that waits, from `start` on.
void Pipe::transmit(Instant start) {
  Transit& transit = line_[sent_];
  const Duration takes = transmission(transit);
  stats_.busy = stats_.busy + takes;
  free_at_ = start + takes;
  if (!plain_) { return send_with_faults(); }
  last_arrival_ = std::max(free_at_ + delay_, last_arrival_);
  transit.at = last_arrival_;
  ++sent_;
}

/// The first that waits has used the rate. What becomes of it?
void Pipe::send_with_faults() {
  if (lose()) { return packets_.give_back(line_.remove(sent_).packet); }
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
  const bool keeps_order = !held_back && !spec_.jitter_reorders && (sent_ == 0 || line_[sent_ - 1].at <= arrival);
  if (spec_.duplicate > 0 && generator_.chance(spec_.duplicate)) {
    ++stats_.duplicated;
    Transit twin = twin_of(line_[sent_]);
    twin.at = arrival;
    if (keeps_order) {
      line_.insert(sent_++, twin);
    } else {
      astray_.push(arrival, twin);
    }
  }
  if (!keeps_order) { return astray_.push(arrival, line_.remove(sent_)); }
  line_[sent_++].at = arrival;
}

Transit Pipe::twin_of(const Transit& transit) {
  Transit twin = transit;
  twin.packet = packets_.make();
  twin.packet->frame = transit.packet->frame;
  twin.packet->route = transit.packet->route;
  return twin;
}

Instant Pipe::next() const {
  const Instant soonest = std::min(sent_ == 0 ? Instant::never() : line_[0].at, astray_.next());
  if (line_.size() == sent_ || (plain_ && sent_ != 0)) { return soonest; }  // what waits comes later
  // The first that waits arrives no earlier than this; it may be lost or late.
  return std::min(soonest, free_at_ + transmission(line_[sent_]) + delay_);
}

bool Pipe::take_one(Instant now, Transit& out) {
  advance(now);
  if (sent_ != 0 && line_[0].at <= std::min(now_, astray_.next())) {
    --sent_;
    out = line_.pop();
  } else if (const auto astray = astray_.pop_due(now_)) {
    out = *astray;
  } else {
    return false;
  }
  ++stats_.delivered_packets;
  stats_.delivered_bytes += out.size;
  return true;
}

std::size_t Pipe::take_due(Instant now, std::vector<Frame>& out) {
  std::size_t taken = 0;
  Transit transit;
  while (take_one(now, transit)) {
    out.push_back(std::move(transit.packet->frame));
    packets_.give_back(transit.packet);
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
  while (line_.size() != sent_) { drop(line_.take_last().packet, LinkDrop::link_cut); }
  queued_ = 0;
  if (lose_in_flight) {
    for (; sent_ != 0; --sent_) { drop(line_.pop().packet, LinkDrop::link_cut); }
    while (const auto astray = astray_.pop_due(Instant::never())) { drop(astray->packet, LinkDrop::link_cut); }
  }
  rescheduled();
}

void Pipe::heal(Instant now) {
  advance(now);
  cut_ = false;
  rescheduled();
}
}  // namespace anabranch::sim
