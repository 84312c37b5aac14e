/// Counters of one connection or one stack, by name: what status pages and metrics show.
///
/// One list of names for all of them. Only ever incremented; sums add up. What a peer's segments were dropped for is
/// counted apart, by each floor's own reasons (`Tally`).
#pragma once
#include "base/names.hh"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace anabranch::trace {

enum class Count : std::uint8_t {
  segments_in,
  segments_out,
  bytes_in,
  bytes_out,  // payload bytes, retransmissions included
  segments_dropped,
  resets_in,
  resets_out,
  checksum_errors,
  retransmitted_segments,
  retransmitted_bytes,
  fast_recoveries,
  timeouts,
  spurious_recoveries,
  tail_probes,
  duplicate_bytes_in,
  out_of_order_segments,
  reassembly_refusals,
  window_probes,
  connections_opened,
  connections_accepted,
  connections_closed,
  connections_failed,
  subflows_opened,
  subflows_accepted,
  subflows_refused,
  subflows_closed,
  fallbacks,
  mp_fails_in,
  mp_fails_out,
  data_checksum_errors,
  fast_closes_in,
  fast_closes_out,
  addresses_announced_in,
  addresses_announced_out,
  addresses_withdrawn_in,
  addresses_withdrawn_out,
  reinjected_bytes,
  scheduler_waits,
  path_manager_requests,
  path_manager_refusals,
  limits_reached,
  count_,
};
}  // namespace anabranch::trace

template <>
struct anabranch::Names<anabranch::trace::Count> {
  static constexpr std::string_view list[] = {"segments_in",
                                              "segments_out",
                                              "bytes_in",
                                              "bytes_out",
                                              "segments_dropped",
                                              "resets_in",
                                              "resets_out",
                                              "checksum_errors",
                                              "retransmitted_segments",
                                              "retransmitted_bytes",
                                              "fast_recoveries",
                                              "timeouts",
                                              "spurious_recoveries",
                                              "tail_probes",
                                              "duplicate_bytes_in",
                                              "out_of_order_segments",
                                              "reassembly_refusals",
                                              "window_probes",
                                              "connections_opened",
                                              "connections_accepted",
                                              "connections_closed",
                                              "connections_failed",
                                              "subflows_opened",
                                              "subflows_accepted",
                                              "subflows_refused",
                                              "subflows_closed",
                                              "fallbacks",
                                              "mp_fails_in",
                                              "mp_fails_out",
                                              "data_checksum_errors",
                                              "fast_closes_in",
                                              "fast_closes_out",
                                              "addresses_announced_in",
                                              "addresses_announced_out",
                                              "addresses_withdrawn_in",
                                              "addresses_withdrawn_out",
                                              "reinjected_bytes",
                                              "scheduler_waits",
                                              "path_manager_requests",
                                              "path_manager_refusals",
                                              "limits_reached"};
  static_assert(std::size(list) == static_cast<std::size_t>(anabranch::trace::Count::count_));
};

namespace anabranch::trace {

class Counters {
 public:
  constexpr void add(Count c, std::uint64_t n = 1) { values_[static_cast<std::size_t>(c)] += n; }
  constexpr std::uint64_t operator[](Count c) const { return values_[static_cast<std::size_t>(c)]; }
  constexpr Counters& operator+=(const Counters& other) {
    for (std::size_t i = 0; i < values_.size(); ++i) { values_[i] += other.values_[i]; }
    return *this;
  }
  /// Calls `f(name, value)` for each, zeros included, in the order of the list.
  template <class F>
  constexpr void for_each(F&& f) const {
    for (std::size_t i = 0; i < values_.size(); ++i) { f(Names<Count>::list[i], values_[i]); }
  }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(Count::count_)> values_{};
};
}  // namespace anabranch::trace
