#include "tcp/receiver.hh"

#include <algorithm>

namespace anabranch::tcp {

Receiver::Receiver(Context& context)
    : context_{context},
      reassembly_{SubPos{1}},
      acks_{context.config.delayed_ack, context.our_mss()} {}

std::optional<Drop> Receiver::on_segment(const Segment& segment, SubPos at, Instant now) {
  std::optional<Drop> drop;
  if (fin_at_ && next() > *fin_at_) { return drop; }  // everything is here: only its acknowledgment can be news
  Chain payload = segment.payload;                    // [9293-MUST-30 9293-MUST-31 8684-3.3.1-07]
  const SubPos end = at + payload.size().n;
  // Beyond what was offered, or beyond the FIN: not taken.
  const SubPos stop = fin_at_ ? std::min(*fin_at_, std::max(edge_, at)) : std::max(edge_, at);
  const bool whole = end <= stop;
  if (!whole) {
    payload = payload.first({stop - at});
    acks_.at_once();
  }
  if (segment.flags.fin && whole && !fin_at_ && end >= reassembly_.furthest()) { fin_at_ = end; }
  if (!payload.empty()) {
    take_payload(std::move(payload), at, segment, now, drop);
  } else if (!whole) {
    drop = Drop::no_room;
  }
  if (segment.flags.fin) { acks_.at_once(); }
  finish_if_complete(now);
  return drop;
}

void Receiver::take_payload(Chain payload, SubPos at, const Segment& segment, Instant now, std::optional<Drop>& drop) {
  const SubPos before = next();
  const bool gap_before = reassembly_.has_gap();
  const Bytes size = payload.size();
  if (at > before && reassembly_.held() + size > context_.sink.reorder_room()) {
    drop = Drop::no_room;
    acks_.at_once();
    return;
  }
  const Bytes late = at < before ? std::min(size, Bytes{before - at}) : Bytes{};  // is here already
  const Bytes memory = context_.sink.memory_room(at <= before);
  if (size - late > memory) {
    if (at > before || memory == Bytes{}) {
      drop = Drop::no_memory;
      acks_.at_once();
      return;
    }
    payload = payload.first(late + memory);
  }
  const auto inserted = reassembly_.insert(at, std::move(payload));
  if (inserted.first_duplicate) { duplicate_ = inserted.first_duplicate; }
  if (inserted.fresh == Bytes{} && inserted.refused > Bytes{}) { drop = Drop::no_room; }
  if (inserted.advanced) {
    Chain ready = reassembly_.take();
    delivered_ += ready.size();
    context_.sink.deliver(before, std::move(ready), now);
    const std::uint32_t packet = segment.cut != 0 ? segment.cut : static_cast<std::uint32_t>(size.n);
    acks_.on_data(size, packet, now);
  }
  if (inserted.advanced && (gap_before || inserted.duplicate > Bytes{})) {
    acks_.at_once();
  } else if (!inserted.advanced) {
    if (context_.agreed.sack) {
      acks_.at_once();
    } else {
      acks_.one_more();
    }
  }
}

void Receiver::finish_if_complete(Instant now) {
  if (!fin_at_ || next() != *fin_at_) { return; }
  const SubPos at = next();
  reassembly_.skip(1);
  edge_ = std::max(edge_, next());
  context_.close.peer_finished();
  context_.sink.peer_finished(at, now);
  acks_.at_once();
}

void Receiver::on_marks(const Segment& segment) {
  if (!context_.agreed.ecn || segment.payload.empty()) { return; }
  if (echo_.on_segment(segment.ecn == wire::Ecn::ce, segment.flags.cwr)) { acks_.at_once(); }
}

void Receiver::on_duplicate(SubPos at, std::uint64_t payload) {
  if (payload > 0 && context_.agreed.sack) { duplicate_ = {at, at + payload}; }
}

std::uint16_t Receiver::offer(std::uint8_t shift) {
  const std::uint64_t field = std::min<std::uint64_t>(context_.sink.window().n >> shift, 0xffff);
  edge_ = std::max(edge_, next() + (field << shift));
  return static_cast<std::uint16_t>(field);
}

void Receiver::report(wire::TcpOptions& options, std::size_t room) const {
  if (!context_.agreed.sack || room == 0) { return; }
  const SeqNum origin = context_.agreed.peer_isn;
  const auto add = [&](SubPos from, SubPos to) {
    options.sack.push_back({.left = wrap(from, origin), .right = wrap(to, origin)});
  };
  if (duplicate_) { add(duplicate_->begin, duplicate_->end); }
  for (const auto& range : reassembly_.for_sack(room - options.sack.size())) { add(range.begin, range.end); }
}

void Receiver::acknowledged(bool with_blocks) {
  last_acknowledged_ = next();
  if (with_blocks || !has_blocks()) {
    acks_.sent();
    duplicate_.reset();
  } else {
    acks_.sent_without_blocks();
  }
}

bool Receiver::is_consistent() const {
  return reassembly_.is_consistent() && reassembly_.ready() == Bytes{} && last_acknowledged_ <= next() &&
         (!fin_at_ || next() <= *fin_at_ + 1);
}
}  // namespace anabranch::tcp
