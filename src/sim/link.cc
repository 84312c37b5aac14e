#include "sim/link.hh"

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
      arena_{pool} {}

void Pipe::offer(const Frame& frame, Instant now) {
  advance(now);
  packets_.clear();
  if (spec_.keep_super_segments || (frame.cut == 0 && frame.checksum != ChecksumState::pending)) {
    packets_.push_back(frame);
  } else if (!cut_frame(frame, arena_, packets_)) {
    packets_.clear();
    if (frame.cut != 0) {
      stats_.dropped.add(LinkDrop::cannot_cut);
      return;
    }
    packets_.push_back(frame);  // not TCP: its checksum is none of ours
  }
  for (Frame& packet : packets_) { enqueue(std::move(packet)); }
  packets_.clear();
}

void Pipe::enqueue(Frame packet) {
  const std::size_t size = packet.bytes.size().n;
  ++stats_.offered_packets;
  stats_.offered_bytes += size;
  if (cut_) {
    stats_.dropped.add(LinkDrop::link_cut);
    return;
  }
  if (spec_.mtu != 0 && packet.cut == 0 && size > spec_.mtu) {
    stats_.dropped.add(LinkDrop::too_big);
    return;
  }
  mark(packet);
  if (waiting_.empty() && free_at_ <= now_) {
    transmit(std::move(packet), now_);
    return;
  }
  const Bytes limit = spec_.queue ? spec_.queue : default_queue(spec_.rate);
  if (queued_ + size > limit.n) {
    stats_.dropped.add(LinkDrop::queue_full);
    return;
  }
  queued_ += size;
  stats_.highest_queue = std::max(stats_.highest_queue, queued_);
  waiting_.push_back(std::move(packet));
}

void Pipe::advance(Instant now) {
  now_ = std::max(now_, now);
  while (!waiting_.empty() && free_at_ <= now_) {
    Frame packet = std::move(waiting_.front());
    waiting_.pop_front();
    queued_ -= packet.bytes.size().n;
    transmit(std::move(packet), free_at_);
  }
}

Duration Pipe::transmission(const Frame& packet) const {
  if (spec_.rate == Rate{}) { return {}; }
  const std::uint64_t size = packet.bytes.size().n;
  std::uint64_t packets = 1, headers = 0;
  if (packet.cut != 0) {
    if (const auto layout = tcp_layout(packet)) {
      headers = layout->payload_at;
      packets = std::max<std::uint64_t>(1, (layout->end - headers + packet.cut - 1) / packet.cut);
    }
  }
  return time_for({size + (packets - 1) * headers + packets * spec_.overhead}, spec_.rate);
}

void Pipe::mark(Frame& packet) {
  const bool full = spec_.mark_above && queued_ > spec_.mark_above.n;
  if (!full && (spec_.mark <= 0 || !generator_.chance(spec_.mark))) { return; }
  if (auto marked = with_congestion_mark(packet, arena_)) {
    ++stats_.marked;
    packet = std::move(*marked);
  }
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

void Pipe::transmit(Frame packet, Instant start) {
  free_at_ = start + transmission(packet);
  if (lose()) { return; }
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
  if (spec_.duplicate > 0 && generator_.chance(spec_.duplicate)) {
    ++stats_.duplicated;
    wire_.push(arrival, packet);
  }
  wire_.push(arrival, std::move(packet));
}

Instant Pipe::next() const {
  if (waiting_.empty()) { return wire_.next(); }
  // The first that waits arrives no earlier than this; it may be lost or late.
  const Instant soonest = free_at_ + transmission(waiting_.front()) + spec_.delay;
  return std::min(wire_.next(), soonest);
}

std::size_t Pipe::take_due(Instant now, std::vector<Frame>& out) {
  advance(now);
  std::size_t taken = 0;
  while (auto packet = wire_.pop_due(now_)) {
    ++stats_.delivered_packets;
    stats_.delivered_bytes += packet->bytes.size().n;
    out.push_back(std::move(*packet));
    ++taken;
  }
  return taken;
}

void Pipe::set(const LinkSpec& spec, Instant now) {
  advance(now);
  spec_ = spec;
}

void Pipe::cut(Instant now, bool lose_in_flight) {
  advance(now);
  cut_ = true;
  stats_.dropped.add(LinkDrop::link_cut, waiting_.size());
  waiting_.clear();
  queued_ = 0;
  if (lose_in_flight) {
    stats_.dropped.add(LinkDrop::link_cut, wire_.size());
    wire_.clear();
  }
}

void Pipe::heal(Instant now) {
  advance(now);
  cut_ = false;
}
}  // namespace anabranch::sim
