#include "mptcp/schedulers/blest.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {
namespace {
/// What the quick path would send while one byte of the slow one is under way: its window, a packet more each round trip.
Bytes meanwhile(const Path& fast, const Path& slow) {
  // X = MSS * (cwnd + (rtts - 1) / 2) * rtts, in packets and thousandths of round trips.
  const auto rtts = static_cast<unsigned __int128>(slow.srtt.ns) * 1000 / static_cast<std::uint64_t>(fast.srtt.ns);
  const auto packets = static_cast<unsigned __int128>(fast.window.n / packet_of(fast)) * 1000 + (rtts - 1000) / 2;
  const auto bytes = packets * rtts / 1'000'000 * packet_of(fast);
  return {static_cast<std::uint64_t>(std::min<unsigned __int128>(bytes, std::uint64_t{1} << 40))};
}
}  // namespace

void Blest::learn(const Demand& demand, Duration round_trip) {
  if (demand.now - judged_ < round_trip) { return; }
  judged_ = demand.now;
  const bool blocked = demand.blocked > blocked_;
  blocked_ = demand.blocked;
  lambda_ = blocked ? std::min(lambda_ + kBlocked, kMost) : std::max(lambda_ - kCalm, kLeast);
}

Choice Blest::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const Candidates candidates{demand, paths};
  const Path* slow = candidates.quickest_with_room();
  if (!slow) { return Wait{}; }
  const Path* fast = candidates.quickest();
  learn(demand, fast->srtt);
  if (fast == slow || fast->srtt == Duration{}) { return send_on(slow, demand); }
  // What the slow path holds of the window, with this packet: BLEST's MSS_S * (inflight_S + 1).
  const Bytes held = slow->in_flight + slow->queued + Bytes{packet_of(*slow)};
  const Bytes rest = demand.window - held;
  if (meanwhile(*fast, *slow) * lambda_ / 100 > rest) {
    return Wait{demand.now + fast->srtt, "would_block_the_window"};
  }
  return send_on(slow, demand);
}
}  // namespace anabranch::mptcp::schedulers
