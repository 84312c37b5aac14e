#include "mptcp/path_event.hh"

#include <algorithm>

namespace anabranch::mptcp {

void PathLog::add(const PathEvent& event) {
  if (event.what == PathChange::rates) {
    const auto same = [&](const PathEvent& e) { return e.what == event.what && e.subflow == event.subflow; };
    std::erase_if(events_, same);
  }
  if (events_.size() >= kMost) {
    missed_ += 1 + events_.front().missed;
    events_.pop_front();
  }
  events_.push_back(event);
}

std::optional<PathEvent> PathLog::poll() {
  if (events_.empty()) { return std::nullopt; }
  PathEvent out = events_.front();
  events_.pop_front();
  out.missed += std::exchange(missed_, 0);
  return out;
}

PathEvent PathMeter::measure(const SubflowInfo& s, Instant now) {
  Seen& before = seen_.try_emplace(s.id, Seen{now, s.bytes_sent, s.bytes_received}).first->second;
  const auto rate = [&](std::uint64_t then, std::uint64_t later) {
    const std::int64_t span = (now - before.at).ns;
    if (span <= 0) { return Rate{}; }
    return Rate{static_cast<std::uint64_t>(static_cast<unsigned __int128>(later - then) * 1'000'000'000u /
                                           static_cast<std::uint64_t>(span))};
  };
  PathEvent out{.what = PathChange::rates,
                .at = now,
                .subflow = s.id,
                .local = s.local,
                .remote = s.remote,
                .interface = s.interface,
                .backup = s.backup,
                .was_open = true,
                .why = {},
                .sent = rate(before.sent, s.bytes_sent),
                .received = rate(before.received, s.bytes_received),
                .srtt = s.srtt};
  before = {now, s.bytes_sent, s.bytes_received};
  return out;
}
}  // namespace anabranch::mptcp
