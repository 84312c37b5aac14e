/// What a connection is told once and what can be asked of it: plain values, without pointers into it.
#pragma once
#include "base/address.hh"
#include "base/names.hh"
#include "mptcp/dialect.hh"
#include "mptcp/reinjection.hh"
#include "mptcp/subflow_id.hh"
#include "tcp/config.hh"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace anabranch::mptcp {

enum class Protocol : std::uint8_t { tcp, mptcp };

/// Why a connection is, or became, plain TCP (RFC 8684 §3.7). `none` while it is MPTCP.
enum class FallbackReason : std::uint8_t {
  none,
  not_requested,             ///< configured for TCP only
  peer_did_not_offer,        ///< passive: SYN without usable MP_CAPABLE
  peer_refused,              ///< active: SYN/ACK without usable MP_CAPABLE
  known_to_drop_option,      ///< active: an earlier connection there found that out, not long ago
  syn_option_dropped,        ///< active: SYNs with MP_CAPABLE unanswered, a plain one was
  third_ack_without_option,  ///< passive
  no_dss_from_peer,          ///< the first packets after the handshake had no DSS
  mapping_missing,           ///< data without a mapping on the only subflow
  mapping_broken,            ///< data beyond or against its mapping on the only subflow
  checksum_failed,           ///< DSS checksum wrong on the only subflow
  peer_infinite_mapping,     ///< the peer sent an infinite mapping or MP_FAIL
};

/// How an abort ends a connection (RFC 8684 §3.5).
enum class FastClose : std::uint8_t {
  on_reset,  ///< an RST with MP_FASTCLOSE on every subflow, and nothing more (as Linux)
  on_ack,    ///< MP_FASTCLOSE on an ACK of one, repeated until its RST comes; plain RSTs on the others
};

/// What a path with `AddressUse::metered` is for.
enum class Metered : std::uint8_t {
  backup,       ///< opened with flag B: it is ready, and carries data only when no other path can
  last_resort,  ///< opened only while nothing unmetered works
  as_others,    ///< used like any other
};

/// What path managers keep to, beside the use of each address.
struct PathRules {
  unsigned ndiffports = 2;   ///< subflows between the same two addresses, the initial one included (`ndiffports` only)
  bool same_subnet = false;  ///< a remote address that is on-link for one of ours is paired with those only
  Metered metered = Metered::backup;
  Duration probe_idle{};  ///< subflows that were joined are asked for their life after so long without data; 0: never
  /// What the peer seems to have sent where nothing arrives any more is asked for again by REMOVE_ADDR and a new join.
  bool leave_silent = true;
  Duration close_idle{};  ///< ... or closed, by the side that connected, if there are others; 0: never
  constexpr auto operator<=>(const PathRules&) const = default;
};

class Scheduler;

struct Config {
  bool multipath = true;             ///< false: plain TCP
  Versions versions = Versions::v1;  ///< of MPTCP, to offer and to take (docs/versions.md)
  bool checksum = false;             ///< require DSS checksums (RFC 8684 §3.3)
  tcp::Config tcp;                   ///< for each subflow; mtu, ip_header, super_segment are set by the stack
  std::string scheduler = "lowest_rtt";
  /// Makes the scheduler of a connection instead, if set: one of the application's own (docs/schedulers.md).
  std::function<std::unique_ptr<Scheduler>()> make_scheduler{};
  std::string path_manager = "full_mesh";
  PathRules paths;
  Reinjection reinjection;
  /// Small packets leave at once. False: Nagle's rule, as Minshall has it: not while an earlier small one is without
  /// DATA_ACK (RFC 9293 §3.7.4). Off by default: data is bound to a path when it leaves, so little is lost by waiting for
  /// nothing.
  bool no_delay = true;
  bool cork = false;  ///< only whole packets leave, until it is cleared, writing ends, or 200 ms are over (Linux)
  // [8684-3.3.5-04]
  // Both buffers are the connection's, shared by all subflows, and grow with need from the initial sizes (Linux starts
  // with about as much) up to these. docs/buffers.md.
  Bytes send_buffer = {16 << 20};     ///< bytes written and not yet DATA_ACKed, at most; not below what a peer receives
  Bytes receive_buffer = {16 << 20};  ///< bytes received and not yet read, and what may wait out of order
  Bytes initial_send_buffer = {128 << 10};
  /// A sender that binds all the window allows to paths of which it knows nothing yet (Linux) is slow for long with more.
  Bytes initial_receive_buffer = {256 << 10};
  unsigned max_subflows = 8;                  ///< alive at a time, both directions
  unsigned max_remote_addresses = 16;         ///< remembered from ADD_ADDR
  unsigned syns_with_option = 3;              ///< SYNs with MP_CAPABLE before a plain one (Linux: 1 + 2)
  Duration close_timeout = {60'000'000'000};  ///< life without any subflow, waiting for a new one
  std::uint8_t hop_limit = 64;                ///< of every packet; in IPv4 its time to live (RFC 9293 §3.9.2)
  std::uint8_t dscp = 0;                      ///< Differentiated Services codepoint of every packet, 0 to 63 (RFC 2474)
  /// Who finishes second leaves the FINs of the subflows, and TIME-WAIT, to the other for so long (RFC 8041 §3.6).
  Duration wait_for_fins = {1'000'000'000};
  FastClose fast_close = FastClose::on_reset;
  /// C in MP_CAPABLE (RFC 8684 §3.1): the peer opens nothing to the address of the initial subflow, because it may lead
  /// to another machine (a load balancer, a NAT). Other addresses are announced as usual.
  bool no_joins_to_this_address = false;
};

struct SubflowInfo {
  SubflowId id;
  SocketAddress local, remote;
  InterfaceId interface;
  bool backup = false;               ///< either side asked for it
  std::string_view state;            ///< joining, active, stalled, closing, closed
  std::uint64_t bytes_sent = 0;      ///< payload first transmitted on this subflow, reinjections included
  std::uint64_t bytes_received = 0;  ///< in-order payload received on this subflow
  std::uint64_t retransmits = 0;     ///< packets sent again on this subflow
  Duration srtt{}, min_rtt{};        ///< 0: not measured
  Bytes window, in_flight;           ///< congestion window, unacknowledged
  Bytes queued;                      ///< bound to the subflow and unsent
  Duration user_timeout{};           ///< without progress for so long, it is given up (RFC 5482)
  std::string_view ended_by;         ///< empty while alive: closed, reset_by_peer, timed_out, interface_lost, ...
};

struct ConnectionInfo {
  Protocol protocol = Protocol::tcp;
  FallbackReason fallback_reason = FallbackReason::none;
  std::string_view state;                ///< handshake, open, closing, closed
  std::optional<wire::Version> version;  ///< of MPTCP, while that is spoken
  bool checksum = false;                 ///< DSS checksums in use
  tcp::FastOpenOutcome fast_open{};      ///< of the SYN (RFC 7413); unused once the initial subflow is gone
  std::uint64_t bytes_written = 0;       ///< by the application
  std::uint64_t bytes_acknowledged = 0;  ///< at the data level
  std::uint64_t bytes_received = 0;      ///< in order at the data level
  std::uint64_t bytes_reinjected = 0;    ///< sent again on another subflow
  std::uint64_t bytes_copied = 0;        ///< of those: before the subflow that has them failed (docs/buffers.md)
  std::uint64_t penalties = 0;           ///< times a subflow that held up the others was made to carry less
  std::uint64_t duplicate_bytes = 0;     ///< received again at the data level
  Bytes send_buffer, to_send;            ///< current size; written and not acknowledged at the data level
  Bytes receive_buffer, reordering;      ///< current size; held out of order
  std::uint32_t local_token = 0, remote_token = 0;
  std::string_view scheduler, path_manager;  ///< in force now
  std::vector<SubflowInfo> subflows;         ///< alive and ended, in the order of their ids
};
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Protocol> {
  static constexpr std::string_view list[] = {"tcp", "mptcp"};
};
template <>
struct anabranch::Names<anabranch::mptcp::Metered> {
  static constexpr std::string_view list[] = {"backup", "last_resort", "as_others"};
};
template <>
struct anabranch::Names<anabranch::mptcp::FastClose> {
  static constexpr std::string_view list[] = {"on_reset", "on_ack"};
};
template <>
struct anabranch::Names<anabranch::mptcp::FallbackReason> {
  static constexpr std::string_view list[] = {"none",
                                              "not_requested",
                                              "peer_did_not_offer",
                                              "peer_refused",
                                              "known_to_drop_option",
                                              "syn_option_dropped",
                                              "third_ack_without_option",
                                              "no_dss_from_peer",
                                              "mapping_missing",
                                              "mapping_broken",
                                              "checksum_failed",
                                              "peer_infinite_mapping"};
};
