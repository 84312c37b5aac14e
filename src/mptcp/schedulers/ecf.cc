#include "mptcp/schedulers/ecf.hh"

#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {
namespace {
constexpr std::int64_t kInverseBeta = 4;  // beta 0.25: the authors'

/// Round trips that so many bytes take at this window, as a time: (bytes / window) * rtt.
Duration windows_of(Bytes bytes, const Path& p) {
  const auto ns = static_cast<unsigned __int128>(bytes.n) * static_cast<std::uint64_t>(p.srtt.ns) /
                  std::max<std::uint64_t>(p.window.n, 1);
  return {static_cast<std::int64_t>(std::min<unsigned __int128>(ns, std::int64_t{1} << 60))};
}
}  // namespace

Choice Ecf::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  const Candidates candidates{demand, paths};
  const Path* slow = candidates.quickest_with_room();
  if (!slow) { return Wait{}; }
  const Path* fast = candidates.quickest();
  if (fast == slow || fast->srtt == Duration{}) { return send_on(slow, demand); }
  const Bytes left = std::max(demand.unsent, demand.waiting);
  const Duration delta = std::max(fast->rttvar, slow->rttvar);
  const Duration by_fast = fast->srtt + windows_of(left, *fast);
  Duration by_slow = slow->srtt + delta;
  if (waiting_) { by_slow = by_slow + by_slow / kInverseBeta; }
  if (by_fast >= by_slow) {
    waiting_ = false;
    return send_on(slow, demand);
  }
  if (windows_of(left, *slow) < fast->srtt * 2 + delta) { return send_on(slow, demand); }
  waiting_ = true;
  return Wait{demand.now + fast->srtt, "quick_path_completes_first"};
}
}  // namespace anabranch::mptcp::schedulers
