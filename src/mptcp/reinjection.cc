#include "mptcp/reinjection.hh"

#include <algorithm>
#include <tuple>

namespace anabranch::mptcp {
namespace {
using Carrier = ReinjectionControl::Carrier;

/// The peer may keep an acknowledgment back for so long (Linux's least; RFC 9293 §3.8.6.3 allows 500 ms, but then there
/// is a second segment).
constexpr Duration kDelayedAck{40'000'000};
/// Arriving sooner by less than this is not worth a packet: timers and queues are not better known.
constexpr Duration kLeastGain{1'000'000};

/// A queue has built up on the way there: what arrives, arrives at the path's rate.
bool queueing(const Carrier& c) {
  return c.throughput > Rate{} && c.latest_rtt > c.min_rtt + c.min_rtt / 4 + Duration{4'000'000};
}

/// Of a packet that leaves now. Smoothed round trips lag behind a queue that grows: what is under way must drain first.
Duration round_trip(const Carrier& c) {
  if (c.srtt.ns <= 0) { return c.rto; }
  return queueing(c) ? std::max(c.srtt, time_for(c.in_flight + c.queued, c.throughput)) : c.srtt;
}

/// From us to the peer: what a round trip is longer than the shortest has been waited for on the way there.
Duration one_way(const Carrier& c) { return round_trip(c) - c.min_rtt / 2; }

/// An answer to what left `ago` should have come: as for a tail probe (RFC 8985 §7.2), and never after the timeout.
Duration patience(const Carrier& c) {
  const Duration rtt = round_trip(c);
  return std::min(std::max(rtt * 2, rtt + c.rttvar * 4) + kDelayedAck, std::max(c.rto, rtt));
}

/// Of a packet that leaves now on a path that may have fallen idle: then its queue is gone, and old samples are too long.
Duration round_trip_by_now(const Carrier& c) {
  if (!queueing(c)) { return round_trip(c); }
  return std::max(c.min_rtt, time_for(c.in_flight + c.queued, c.throughput));
}

Rate rate_of(Bytes b, Duration in) {
  constexpr unsigned __int128 kSecond = 1'000'000'000;
  return {static_cast<std::uint64_t>(kSecond * b.n / static_cast<std::uint64_t>(std::max<std::int64_t>(in.ns, 1)))};
}

/// `ahead` bytes leave before, at a window a round trip.
Instant arrival_on(const Carrier& by, Duration rtt, Bytes ahead, Instant now) {
  const std::uint64_t window = std::max<std::uint64_t>(by.window.n, 1);
  const auto wait = static_cast<unsigned __int128>(ahead.n) * static_cast<std::uint64_t>(rtt.ns) / window;
  return now + rtt - by.min_rtt / 2 + Duration{static_cast<std::int64_t>(wait)};
}

/// Bytes that a subflow holds and that share a fate.
struct Piece {
  DataPos begin, end;
  SubPos sub_end;
  Instant left;  ///< not before then
  bool sent, lost;
};

/// From the front of the queue to the end of the piece.
Duration drains_in(const Carrier& c, const Piece& p) {
  return time_for(Bytes{p.sub_end - std::max(c.rides->mappings().front().sub, c.acknowledged)}, c.throughput);
}

/// When an answer should have come. Where a queue drains, answers come at its rate, in order; twice as late is suspicious.
Instant overdue_at(const Carrier& c, const Piece& p) {
  if (!p.sent) { return Instant::never(); }
  const Instant usual = p.left + patience(c);
  if (!queueing(c)) { return usual; }
  const Duration draining = drains_in(c, p);
  return std::min(usual, std::max(c.heard + draining * 2, p.left + c.min_rtt + draining) + kDelayedAck);
}

/// When the peer probably has it, if nobody helps.
Instant expected(const Carrier& c, const Piece& p, Instant now) {
  if (p.lost) { return now + one_way(c); }                                   // it is the next to leave there
  if (now >= overdue_at(c, p)) { return now + round_trip(c) + one_way(c); }  // to be found lost, and sent again
  if (queueing(c) && !c.recovering) { return now + std::max(drains_in(c, p) - c.min_rtt / 2, Duration{}); }
  if (!p.sent) { return now + round_trip(c); }  // an answer must come before it leaves
  return std::max(now, p.left + one_way(c));
}

/// What has not arrived of what a subflow holds, in order; until `visit` says false.
class Pieces {
 public:
  explicit Pieces(const Carrier& c) : c_{c} {
    if (c.sent != nullptr) { range_ = c.sent->begin(), end_ = c.sent->end(); }
  }
  template <class Visit>
  void each(const Visit& visit) {
    for (const TxMapping& m : c_.rides->mappings()) {
      for (SubPos at = m.sub; at < m.sub_end();) {
        const tcp::Range* r = range_at(at);
        const SubPos to = r != nullptr ? std::min(r->to, m.sub_end()) : m.sub_end();
        const Piece piece{.begin = m.data + (at - m.sub),
                          .end = m.data + (to - m.sub),
                          .sub_end = to,
                          .left = r != nullptr ? r->sent_at : m.bound,
                          .sent = m.sub < c_.sent_up_to,
                          .lost = r != nullptr && r->lost};
        if (!(r != nullptr && r->sacked) && !visit(piece)) { return; }
        at = to;
      }
    }
  }

 private:
  using Iterator = decltype(std::declval<const tcp::Sent&>().begin());
  const tcp::Range* range_at(SubPos at) {
    while (range_ != end_ && range_->to <= at) { ++range_; }
    return range_ != end_ && range_->from <= at ? &*range_ : nullptr;
  }
  const Carrier& c_;
  Iterator range_{}, end_{};
};

/// The oldest that the peer has not DATA_ACKed.
const TxMapping* oldest(const Carrier& c, DataPos una) {
  for (const TxMapping& m : c.rides->mappings()) {
    if (m.data_end() > una) { return &m; }
  }
  return nullptr;
}
bool holds(const Carrier& c, DataPos una) {
  const TxMapping* m = oldest(c, una);
  return m != nullptr && m->data <= una;
}
}  // namespace

/// Backups only where there is nothing else (RFC 8684 §3.3.8).
const Carrier* ReinjectionControl::quickest(std::span<const Carrier> carriers, Instant now,
                                            const Carrier* before) const {
  const auto rank = [](const Carrier& c) { return std::tuple{round_trip_by_now(c), c.id}; };
  const Carrier* best = nullptr;
  const bool regular = std::ranges::any_of(carriers, [](const Carrier& c) { return !c.backup && !c.avoided; });
  for (const Carrier& c : carriers) {
    const bool usable = !c.avoided && c.srtt.ns > 0 && c.room > Bytes{} && !(c.backup && regular);
    if (!usable || (before != nullptr && rank(c) <= rank(*before)) || silent(c, carriers, now)) { continue; }
    if (best == nullptr || rank(c) < rank(*best)) { best = &c; }
  }
  return best;
}

ReinjectionControl::Orders ReinjectionControl::look(const Situation& s, std::span<const Carrier> carriers) {
  Orders out;
  const bool blocked = s.idle != Idle::all_sent;
  const bool copies = blocked ? options_.opportunistic : options_.trailing;
  if (!copies && !(blocked && options_.penalise != Penalty::off)) { return out; }
  const Carrier* const best = quickest(carriers, s.now, nullptr);
  if (best == nullptr) { return out; }
  for (const Carrier& c : carriers) {
    if (&c == best || c.avoided || c.rides->empty()) { continue; }
    const bool slower = round_trip(c) > round_trip(*best);
    if (blocked && slower && !c.recovering && holds(c, s.una) && penalise(c, s.now)) { out.penalised = c.id; }
  }
  // The one with the shortest round trip is not always the one that delivers first: all may help.
  for (const Carrier* by = best; copies && by != nullptr; by = quickest(carriers, s.now, by)) {
    Bytes budget = by->room;
    for (const Carrier& c : carriers) {
      if (&c != by && !c.avoided && !c.rides->empty() && budget > Bytes{}) { copy_from(c, *by, s, budget, out); }
    }
  }
  return out;
}

/// What the other would deliver sooner, the oldest first.
void ReinjectionControl::copy_from(const Carrier& holder, const Carrier& by, const Situation& s, Bytes& budget,
                                   Orders& out) {
  // At the end a needless copy takes room from nobody; before, paths that are alike shall not send each other's bytes.
  const Duration rtt = s.idle == Idle::all_sent ? round_trip_by_now(by) : round_trip(by);
  const Duration worth = std::max(s.idle == Idle::all_sent ? rtt / 8 : rtt / 2, kLeastGain);
  Instant next_overdue = Instant::never();
  Pieces{holder}.each([&](const Piece& piece) {
    const Instant due = overdue_at(holder, piece);
    if (!piece.lost && due > s.now) { next_overdue = std::min(next_overdue, due); }
    const DataPos begin = std::max(piece.begin, s.una);
    if (begin >= piece.end) { return true; }
    if (expected(holder, piece, s.now) < arrival_on(by, rtt, by.room - budget, s.now) + worth) { return true; }
    const auto missing = copied_.first_missing(begin, piece.end);
    if (!missing) { return true; }
    const Bytes whole{budget.n / by.packet.n * by.packet.n};
    const Bytes length = std::min(Bytes{missing->length()}, std::max(whole, std::min(budget, by.packet)));
    const bool added = copied_.add(missing->begin, missing->begin + length.n);
    ANABRANCH_CHECK(added);  // no limit of its own: bounded by the send buffer
    // In one piece what lies in one piece: packets here may be larger than they were there.
    Copy* const last = out.copies.empty() ? nullptr : &out.copies.back();
    if (last != nullptr && last->end == missing->begin && last->from == holder.id) {
      last->end = missing->begin + length.n;
    } else {
      out.copies.push_back({missing->begin, missing->begin + length.n, holder.id});
    }
    budget = budget - length;
    return budget > Bytes{};
  });
  // The next to be overdue: looked at again then, if it could help.
  if (rtt < round_trip(holder) * 2) { out.again = std::min(out.again, next_overdue); }
}

bool ReinjectionControl::penalise(const Carrier& holder, Instant now) {
  if (options_.penalise == Penalty::off) { return false; }
  Record* r = find(holder.id);
  if (r != nullptr && now - r->penalised < holder.srtt && r->penalised != Instant{}) { return false; }
  if (r == nullptr) {
    r = &records_.emplace_back(Record{.id = holder.id, .limit = kNoLimit, .penalised = {}, .grown = {}});
  }
  r->penalised = r->grown = now;
  ++penalties_;
  if (options_.penalise == Penalty::halve_window) { return true; }
  const Bytes carried = std::min(r->limit, holder.in_flight + holder.queued);
  r->limit = std::max(carried / 2, holder.packet * kLeastPackets);
  return true;
}

/// One packet more after the first round trip without a penalty, two after the next: quickly back when the reason is gone,
/// with many small steps around the right amount when it is not.
Bytes ReinjectionControl::held_back(Record& r, const Carrier& c, Instant now) const {
  if (r.limit == kNoLimit || c.srtt.ns <= 0) { return kNoLimit; }
  while (now - r.grown >= c.srtt && r.limit < c.window) {
    r.grown = r.grown + c.srtt;
    r.limit += c.packet * static_cast<std::uint64_t>(std::max<std::int64_t>((r.grown - r.penalised).ns / c.srtt.ns, 1));
  }
  if (r.limit >= c.window) { r.limit = kNoLimit; }
  return r.limit;
}

/// A window or a round trip is no measure of what the path holds: the one is as large as the queue lets it, the other lags
/// behind. What it delivered in a round trip is, the best of late so that a pause does not count.
Bytes ReinjectionControl::without_bloat(const Carrier& c, std::span<const Carrier> all, Instant now) {
  if (!options_.cap_bufferbloat || c.min_rtt.ns <= 0) { return kNoLimit; }
  Record& r = record(c.id);
  const Duration since = now - r.measured_since;
  if (since >= c.srtt) {
    const Rate sample = rate_of({c.acknowledged - r.measured_from}, since);
    if (r.measured_since != Instant{}) { r.rate = std::max(sample, Rate{r.rate.bytes_per_second / 8 * 7}); }
    r.measured_from = c.acknowledged;
    r.measured_since = now;
  }
  const bool quickest = std::ranges::none_of(
      all, [&](const Carrier& o) { return o.id != c.id && !o.avoided && o.srtt.ns > 0 && o.srtt < c.srtt; });
  // A queue that grows shows in the deviation before the smoothed round trip has followed.
  const bool queued = c.srtt + c.rttvar * 2 > c.min_rtt * kQueued;
  if (quickest || r.rate == Rate{} || !queued) { return kNoLimit; }
  return std::max(amount_in(c.min_rtt, r.rate) * kBloat, c.packet * kUncappedPackets);
}

Bytes ReinjectionControl::most_on(const Carrier& c, std::span<const Carrier> all, Instant now) {
  const Bytes uncapped = without_bloat(c, all, now);
  Record* r = find(c.id);
  return r == nullptr ? uncapped : std::min(uncapped, held_back(*r, c, now));
}

Instant ReinjectionControl::silent_at(const Carrier& c) {
  if (c.rides->empty() || c.in_flight == Bytes{}) { return Instant::never(); }
  return std::max(c.heard, c.rides->mappings().front().bound) + patience(c);
}

bool ReinjectionControl::silent(const Carrier& c, std::span<const Carrier> all, Instant now) const {
  if (!options_.avoid_silent || now < silent_at(c)) { return false; }
  const Instant asked = std::max(c.heard, c.rides->mappings().front().bound);
  return std::ranges::any_of(all, [&](const Carrier& o) { return o.id != c.id && !o.avoided && o.heard > asked; });
}

void ReinjectionControl::forget(SubflowId id) {
  std::erase_if(records_, [id](const Record& r) { return r.id == id; });
}

ReinjectionControl::Record& ReinjectionControl::record(SubflowId id) {
  Record* r = find(id);
  return r != nullptr ? *r : records_.emplace_back(Record{.id = id});
}

ReinjectionControl::Record* ReinjectionControl::find(SubflowId id) {
  const auto it = std::ranges::find(records_, id, &Record::id);
  return it == records_.end() ? nullptr : &*it;
}
}  // namespace anabranch::mptcp
