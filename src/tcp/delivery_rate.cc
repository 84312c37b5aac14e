#include "tcp/delivery_rate.hh"

#include <algorithm>

namespace anabranch::tcp {

void DeliveryRate::on_sent(Instant now, Bytes in_flight, Bytes size) {
  // Asked and silent in the same instant is how a connection with several paths works; silent for a while is a gap.
  if (starved_since_ && *starved_since_ < now) { mark_limited(in_flight); }
  starved_since_.reset();
  if (in_flight == Bytes{}) { first_sent_at_ = delivered_at_ = now; }
  if (!snapshots_.empty() && snapshots_.back().at == now) {
    snapshots_.back().in_flight = in_flight + size;
    return;
  }
  if (snapshots_.size() >= kMostSnapshots) { snapshots_.pop_front(); }
  snapshots_.push_back({.at = now,
                        .first_sent_at = first_sent_at_,
                        .delivered_at = delivered_at_,
                        .delivered = delivered_,
                        .lost = lost_,
                        .in_flight = in_flight + size,
                        .limited = limited()});
}

const DeliveryRate::Snapshot* DeliveryRate::find(Instant at) const {
  const auto it = std::ranges::lower_bound(snapshots_, at, {}, &Snapshot::at);
  return it != snapshots_.end() && it->at == at ? &*it : nullptr;
}

cc::Delivery DeliveryRate::on_acked(const Heard& heard) {
  if (starved_since_ && *starved_since_ < heard.now) { mark_limited(heard.in_flight + heard.delivered); }
  delivered_ += heard.delivered.n;
  lost_ += heard.lost.n;
  if (heard.delivered > Bytes{}) { delivered_at_ = heard.now; }
  cc::Delivery out{.total = delivered_, .newly_lost = heard.lost};
  if (const Snapshot* then = heard.lost_left ? find(*heard.lost_left) : nullptr) {
    out.lost_flight = then->in_flight;
    out.lost_since_that = {lost_ - then->lost};
  }
  const Snapshot* then = heard.newest_left ? find(*heard.newest_left) : nullptr;
  if (then == nullptr) { return out; }
  out.known = true;
  out.total_then = then->delivered;
  out.flight = then->in_flight;
  out.lost_since = {lost_ - then->lost};
  out.limited = then->limited;
  const Duration sent_in = then->at - then->first_sent_at;
  const Duration acked_in = heard.now - then->delivered_at;
  const Duration interval = std::max(sent_in, acked_in);
  first_sent_at_ = then->at;
  // §3.3: shorter than any round trip has been, the answer was to an earlier sending.
  if (interval.ns > 0 && interval >= heard.min_rtt) {
    const double rate = static_cast<double>(delivered_ - then->delivered) / seconds(interval);
    out.rate = latest_ = {static_cast<std::uint64_t>(rate)};
  }
  // What left well before is of no more use: a repetition is a departure of its own.
  const Instant kept = then->at - interval - interval;
  while (snapshots_.front().at < kept) { snapshots_.pop_front(); }
  return out;
}
}  // namespace anabranch::tcp
