/// For the table tests of schedulers: two paths, ways to change them, and the answer as one word.
#pragma once
#include "mptcp/scheduler.hh"

#include <fmt/format.h>
#include <string>
#include <vector>

namespace anabranch::mptcp::schedulers {

/// 20 Mb/s and 20 ms, as far as a window says; the other is three times slower to answer.
inline const Path kWifi{.id = {1},
                        .room = 10_KiB,
                        .window = 48_KiB,
                        .segment = {1428},
                        .srtt = 20_ms,
                        .rttvar = 1_ms,
                        .min_rtt = 20_ms,
                        .rate = {48 * 1024 * 50}};
inline const Path kLte{.id = {2},
                       .room = 10_KiB,
                       .window = 48_KiB,
                       .segment = {1428},
                       .srtt = 60_ms,
                       .rttvar = 2_ms,
                       .min_rtt = 60_ms,
                       .rate = {48 * 1024 * 16}};

inline Path full(Path p) { return p.in_flight = p.window, p.room = {}, p.opens = Instant::never(), p; }
inline Path paced(Path p, Duration until) { return p.room = {}, p.opens = Instant{} + until, p; }
inline Path backup(Path p) { return p.backup = true, p; }
inline Path stale(Path p) { return p.stale = true, p; }
inline Path metered(Path p) { return p.metered = true, p; }
inline Path with_preference(Path p, unsigned preference) { return p.preference = preference, p; }
inline Path weighing(Path p, unsigned weight) { return p.weight = weight, p; }
inline Path missing(Path p, Bytes bytes) { return p.missed = bytes, p; }
inline Path unmeasured(Path p) { return p.srtt = p.min_rtt = p.rttvar = {}, p; }

/// So much is unsent, and a window of 16 MiB allows it.
inline Demand much(Bytes unsent = 4_MiB) {
  return {.waiting = unsent, .peer_window = 16_MiB, .unsent = unsent, .window = 16_MiB};
}
inline Demand again_from(std::uint32_t id) { return {.waiting = 64_KiB, .reinjection = true, .last = {id}}; }

/// "1", "2": sent there. "copy 1". "wait", or "wait: why" with a reason of its own.
inline std::string answer(Scheduler& scheduler, const std::vector<Path>& paths, const Demand& demand = much()) {
  const Choice choice = scheduler.choose(demand, paths);
  if (const Send* send = std::get_if<Send>(&choice)) { return fmt::format("{}", send->on.raw); }
  if (const Copy* copy = std::get_if<Copy>(&choice)) { return fmt::format("copy {}", copy->on.raw); }
  const Wait& wait = std::get<Wait>(choice);
  return wait.why == "full" ? "wait" : fmt::format("wait: {}", wait.why);
}
inline Instant waits_until(Scheduler& scheduler, const std::vector<Path>& paths, const Demand& demand = much()) {
  return std::get<Wait>(scheduler.choose(demand, paths)).until;
}
}  // namespace anabranch::mptcp::schedulers
