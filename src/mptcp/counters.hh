/// What a stack and its connections count, by name: packets, drops, MPTCP events. Names are those in JSON and metrics.
#pragma once
#include "base/names.hh"

#include <cstdint>

namespace anabranch::mptcp {

enum class Counter : std::uint8_t {
  frames_received,
  frames_sent,
  segments_received,
  segments_sent,
  dropped_malformed,  ///< not an IP/TCP packet we can read; by reason: Stack::malformed
  dropped_checksum,
  dropped_not_for_us,
  dropped_by_endpoint,  ///< a tcp::Drop verdict
  dropped_listener_full,
  dropped_unproved,  ///< follows a SYN cookie, but what opens its connection is missing
  dropped_no_route,
  dropped_over_cap,  ///< data that came faster than the cap of its address (AddressUse)
  strays_reset,
  syn_cookies_sent,
  syn_cookies_accepted,
  token_collisions,  ///< the key of a SYN cookie has another connection's token: plain TCP
  join_cookies_sent,
  join_cookies_accepted,
  connections_opened,
  connections_accepted,
  connections_closed,
  race_attempts,        ///< further SYNs, over other ways, of connections that were being opened
  race_won_by_another,  ///< connections that were opened over another way than the first
  race_plain_held,      ///< answers without MPTCP that others were waited for
  race_plain_taken,     ///< connections that took one after all
  mp_capable_syn_received,
  mp_capable_established,
  mp_capable_blackholes,   ///< a path was found to drop SYNs with MP_CAPABLE
  mp_capable_suppressed,   ///< a connection went without because of that
  fast_open_asked,         ///< active: SYNs that asked for a cookie
  fast_open_tried,         ///< active: SYNs with a cookie
  fast_open_accepted,      ///< active: bytes on the SYN counted
  fast_open_failed,        ///< active: refused, reset or dropped on the way: paused for a while
  fast_open_cookies_told,  ///< passive
  fast_open_taken,         ///< passive: SYNs whose cookie was good
  fast_open_bad_cookie,    ///< passive
  fast_open_queue_full,    ///< passive: too many without a third segment (RFC 7413 §5.1)
  mp_join_syn_received,
  mp_join_no_token,
  mp_join_refused,
  mp_join_replaced,  ///< subflows that gave way to a join from the same address
  mp_join_bad_mac,
  mp_join_established,
  add_addr_received,
  add_addr_bad_mac,
  add_addr_ignored,  ///< no use: too many, an id of another address, an address nobody can be reached at
  add_addr_sent,
  remove_addr_received,
  remove_addr_unknown,  ///< ids in them that meant nothing
  remove_addr_sent,
  mp_prio_received,
  mp_fail_received,
  mp_fail_sent,
  mp_fastclose_received,
  mp_fastclose_sent,
  mp_tcprst_received,
  reset_unspecified_received,  ///< by reason, in the order of wire::ResetReason
  reset_mptcp_error_received,
  reset_lack_of_resources_received,
  reset_administratively_prohibited_received,
  reset_too_much_outstanding_data_received,
  reset_unacceptable_performance_received,
  reset_middlebox_interference_received,
  mp_tcprst_sent,
  fallbacks,
  data_checksum_errors,
  data_reinjections,
  memory_growth_refused,       ///< a send buffer stayed as it was for want of memory
  memory_dropped,              ///< bytes that had come were not kept for want of memory
  memory_refused_connections,  ///< not made: no memory for what each has in any case
  penalties,                   ///< subflows that held up the others and were made to carry less
  subflows_stuck,              ///< stalled for so long that they were reset
  subflows_lost,
  count_,
};

}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Counter> {
  static constexpr std::string_view list[] = {"frames_received",
                                              "frames_sent",
                                              "segments_received",
                                              "segments_sent",
                                              "dropped_malformed",
                                              "dropped_checksum",
                                              "dropped_not_for_us",
                                              "dropped_by_endpoint",
                                              "dropped_listener_full",
                                              "dropped_unproved",
                                              "dropped_no_route",
                                              "dropped_over_cap",
                                              "strays_reset",
                                              "syn_cookies_sent",
                                              "syn_cookies_accepted",
                                              "token_collisions",
                                              "join_cookies_sent",
                                              "join_cookies_accepted",
                                              "connections_opened",
                                              "connections_accepted",
                                              "connections_closed",
                                              "race_attempts",
                                              "race_won_by_another",
                                              "race_plain_held",
                                              "race_plain_taken",
                                              "mp_capable_syn_received",
                                              "mp_capable_established",
                                              "mp_capable_blackholes",
                                              "mp_capable_suppressed",
                                              "fast_open_asked",
                                              "fast_open_tried",
                                              "fast_open_accepted",
                                              "fast_open_failed",
                                              "fast_open_cookies_told",
                                              "fast_open_taken",
                                              "fast_open_bad_cookie",
                                              "fast_open_queue_full",
                                              "mp_join_syn_received",
                                              "mp_join_no_token",
                                              "mp_join_refused",
                                              "mp_join_replaced",
                                              "mp_join_bad_mac",
                                              "mp_join_established",
                                              "add_addr_received",
                                              "add_addr_bad_mac",
                                              "add_addr_ignored",
                                              "add_addr_sent",
                                              "remove_addr_received",
                                              "remove_addr_unknown",
                                              "remove_addr_sent",
                                              "mp_prio_received",
                                              "mp_fail_received",
                                              "mp_fail_sent",
                                              "mp_fastclose_received",
                                              "mp_fastclose_sent",
                                              "mp_tcprst_received",
                                              "reset_unspecified_received",
                                              "reset_mptcp_error_received",
                                              "reset_lack_of_resources_received",
                                              "reset_administratively_prohibited_received",
                                              "reset_too_much_outstanding_data_received",
                                              "reset_unacceptable_performance_received",
                                              "reset_middlebox_interference_received",
                                              "mp_tcprst_sent",
                                              "fallbacks",
                                              "data_checksum_errors",
                                              "data_reinjections",
                                              "memory_growth_refused",
                                              "memory_dropped",
                                              "memory_refused_connections",
                                              "penalties",
                                              "subflows_stuck",
                                              "subflows_lost"};
};

namespace anabranch::mptcp {
using Counters = Tally<Counter>;
static_assert(Counters::size() == static_cast<std::size_t>(Counter::count_));
}  // namespace anabranch::mptcp
