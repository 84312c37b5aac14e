#include "mptcp/schedulers/forecast.hh"

#include <algorithm>

namespace anabranch::mptcp::schedulers {
namespace {
/// A queue has built up: more window would not be more rate.
bool is_queueing(const Path& p) {
  return std::max(p.latest_rtt, p.srtt) > p.min_rtt + p.min_rtt / 4 + Duration{4'000'000};
}

/// So much of the window as `span` is of a round trip.
Bytes share(Bytes window, Duration span, Duration round_trip) {
  if (span <= Duration{}) { return {}; }
  const auto n = static_cast<unsigned __int128>(window.n) * static_cast<std::uint64_t>(span.ns) /
                 static_cast<std::uint64_t>(std::max<std::int64_t>(round_trip.ns, 1));
  return {static_cast<std::uint64_t>(std::min<unsigned __int128>(n, std::uint64_t{1} << 48))};
}
}  // namespace

/// Smoothed round trips are old news where a queue grows: what is under way must drain first (Little's law).
Duration one_way(const Path& p) {
  const Duration told = std::max(p.srtt - p.min_rtt / 2, p.srtt / 2);
  if (p.rate == Rate{} || !is_queueing(p)) { return told; }
  return std::max(told, time_for(p.in_flight + p.queued, p.rate) - p.min_rtt / 2);
}

Bytes delivered_within(const Path& p, Duration after, Instant now) {
  if (!p.opens.is_never() && p.opens > now) { after = after - (p.opens - now); }
  Duration left = after - one_way(p);
  if (left < Duration{}) { return {}; }
  Bytes window = std::max(p.window, p.segment);
  Bytes out = p.room;
  const bool doubles = p.slow_start && !p.recovering && !is_queueing(p);
  constexpr int kDoublings = 12;  // 10 packets become 40,000: no path is worth more belief
  for (int i = 0; doubles && i < kDoublings && left > p.srtt; ++i) {
    window = window * 2;
    out += window;
    left = left - p.srtt;
  }
  return out + share(doubles ? window * 2 : window, left, p.srtt);
}
}  // namespace anabranch::mptcp::schedulers
