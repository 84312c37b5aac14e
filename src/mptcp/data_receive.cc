#include "mptcp/data_receive.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
/// The silly-window rule's step, before a segment size is known (RFC 9293 §3.8.6.2.2 with the default MSS).
constexpr Bytes kSmallestStep{536};
}  // namespace

DataReceive::DataReceive(Limits limits)
    // Room for the whole window out of order, and a super-segment that straddles its edge.
    : reassembly_{DataPos{1}, {.bytes = limits.cap + 64_KiB, .pieces = 32 * 1024}},
      autotune_{{.initial = limits.initial, .cap = limits.cap}} {}

DataReceive::Inserted DataReceive::insert(DataPos at, Chain data) {
  if (fin_ && at + data.size().n > *fin_) {
    const std::uint64_t beyond = at + data.size().n - *fin_;
    data = data.first(data.size() - Bytes{beyond});  // nothing follows a DATA_FIN
  }
  // Linux reckons the window's edge from a DATA_ACK on one subflow and a window field from another and oversteps it. The
  // subflow has acknowledged these bytes, so refusing them here would cost a data-level timeout for each piece.
  // [8684-3.8-02]
  // Up to a point: a peer that ignores our window altogether shall not fill our memory with what nobody reads.
  const DataPos limit = next() + std::min(autotune_.cap(), autotune_.cap() * 2 - unread_.size()).n;
  if (at + data.size().n > edge_) {
    beyond_window_ += std::min<std::uint64_t>(data.size().n, at + data.size().n - edge_);
  }
  if (at + data.size().n > limit) { data = at >= limit ? Chain{} : data.first({limit - at}); }
  const DataPos before = next();
  Inserted out = reassembly_.insert(at, std::move(data));
  autotune_.arrived(out.fresh);
  received_ += next() - before;
  duplicates_ += out.duplicate.n;
  if (out.advanced) { unread_.append(reassembly_.take()); }
  autotune_.reordered(reassembly_.held());
  advance_over_fin();
  return out;
}

bool DataReceive::fin_at(DataPos at) {
  if (fin_) { return *fin_ == at; }
  if (at < next() || reassembly_.furthest() > at) { return false; }
  fin_ = at;
  advance_over_fin();
  return true;
}

void DataReceive::advance_over_fin() {
  if (fin_ && next() == *fin_) { reassembly_.skip(1); }
  edge_ = std::max(edge_, next());
}

Chain DataReceive::read(Bytes at_most, Instant now, Duration rtt) {
  Chain out;
  if (at_most >= unread_.size()) {
    out = std::move(unread_);
    unread_.clear();
  } else {
    out = unread_.first(at_most);
    unread_.drop_front(at_most);
  }
  autotune_.consumed(now, out.size(), rtt);
  return out;
}

Bytes DataReceive::window() {  // [8684-3.3.4-01 8684-3.3.4-02 9293-SHLD-14]
  if (could_offer() >= edge_ + kSmallestStep.n) { edge_ = could_offer(); }
  return {edge_ - next()};
}

bool DataReceive::window_update_due(Bytes segment) const {  // [9293-MUST-39]
  // Linux's rule too: worth a segment when the offer at least doubles what is left, or by half the buffer.
  if (could_offer() <= edge_) { return false; }
  const std::uint64_t gain = could_offer() - edge_;
  const std::uint64_t left = edge_ - next();
  return gain >= std::min(autotune_.buffer().n / 2, 2 * segment.n) && gain >= left;
}
}  // namespace anabranch::mptcp
