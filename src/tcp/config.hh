/// What an endpoint is told once, what both ends agreed on, and what can be asked of it: plain values.
#pragma once
#include "base/names.hh"
#include "base/seq.hh"
#include "base/units.hh"
#include "tcp/fast_open.hh"
#include "trace/event.hh"

#include <optional>
#include <string>

namespace anabranch::tcp {

/// RFC 9293's eleven states are a projection of this and of the two closing halves; see `Endpoint::state_name`.
enum class Phase : std::uint8_t { idle, syn_sent, syn_received, open, time_wait, dead };

/// Explicit congestion notification (RFC 3168).
enum class EcnMode : std::uint8_t {
  off,
  accept,   ///< when the peer asks for it (Linux's default)
  request,  ///< ask for it; without an answer to the first SYN the next does not ask
};

struct Config {
  std::uint32_t mtu = 1500;               ///< of the interface: bounds the MSS we announce and use
  std::uint32_t ip_header = 20;           ///< 20 (IPv4) or 40 (IPv6)
  std::uint32_t super_segment = 0;        ///< largest payload of one segment with `cut`; 0: one packet each
  bool timestamps = true;                 ///< RFC 7323
  bool sack = true;                       ///< RFC 2018
  bool window_scaling = true;             ///< RFC 7323
  EcnMode ecn = EcnMode::accept;          ///< RFC 3168
  bool mtu_search = true;                 ///< look for black holes, and upwards again (RFC 4821); needs SACK
  bool pacing = false;                    ///< spread a window over its round trip; some controllers do anyway
  std::uint8_t window_scale = 8;          ///< what we announce: windows up to 16 MiB
  std::string congestion = "cubic";       ///< a name of cc/registry.hh; an unknown one counts as the default
  Duration minimum_rto = {200'000'000};   ///< Linux's floor; RFC 6298 would have 1 s
  Duration delayed_ack = {40'000'000};    ///< RFC 9293 allows 500 ms; Linux's quick value [9293-MUST-40]
  Duration time_wait = {60'000'000'000};  ///< 2 MSL; Linux's value
  unsigned syn_linear = 4;                ///< SYNs repeated after one second each, before the pauses double (Linux)
  unsigned syn_retries = 7;      ///< SYNs after those: with the others 187 s (RFC 9293 §3.8.3 wants three minutes)
  unsigned syn_ack_retries = 5;  ///< SYN/ACKs repeated: 63 s (Linux); a half-open connection is not worth more
  /// Without progress on outstanding data, then the connection is lost (RFC 9293 R2, §3.8.3): the user timeout. [9293-MUST-21]
  Duration give_up_after = {900'000'000'000};
  bool user_timeout_option = false;  ///< tell the peer of it, and hear of its own (RFC 5482, ENABLED)
  bool user_timeout_fixed = false;   ///< what the peer tells changes nothing (RFC 5482, not CHANGEABLE)
  Duration keepalive_idle{};         ///< 0: off. Idle time before the first probe (RFC 9293 §3.8.4)
  Duration keepalive_interval = {75'000'000'000};
  unsigned keepalive_probes = 9;
  /// Of our timestamps' clock: the same for each incarnation of a 4-tuple, so that a new one can follow an old one that
  /// still lingers (RFC 6191 §2, RFC 7323 §5.4). None: random.
  std::optional<std::uint32_t> stamp_offset{};
  trace::Where where;  ///< whom trace events shall be about
};

struct Negotiated {
  std::uint32_t peer_mss = 536;  ///< what the peer announced, or the default (RFC 9293 §3.7.1)
  std::uint8_t send_scale = 0, receive_scale = 0;
  bool timestamps = false, sack = false, ecn = false;
  SeqNum our_isn, peer_isn;
  FastOpenOutcome fast_open = FastOpenOutcome::unused;
  wire::FastOpen::Cookie cookie;              ///< the peer told us this one
  std::uint64_t syn_data = 0;                 ///< bytes of a SYN, ours or the peer's, that counted
  std::optional<Duration> told_user_timeout;  ///< the peer's last word (RFC 5482)
};

/// A SYN/ACK that has left before there was an endpoint (SYN cookies): what it said that would else be drawn anew.
struct Answered {
  std::uint32_t timestamp_offset = 0;  ///< of our clock, see Timestamps
};

/// What is asked for after each segment; as in `Info`.
struct Brief {
  Duration srtt{}, rttvar{}, rto{};
  Bytes in_flight;
  Bytes out_of_order;  ///< received beyond what is in order
  Instant next_send{};
  std::uint32_t segment = 0;
};
struct Info {
  Duration srtt{}, rttvar{}, rto{}, min_rtt{};  ///< srtt 0: no sample yet
  Duration latest_rtt{};                        ///< the latest sample: a queue that builds up shows here first
  Rate throughput{};                            ///< what arrived lately while it was busy; zero: not known
  Bytes window, in_flight, threshold;           ///< congestion window, unacknowledged, ssthresh
  Bytes between_losses;                         ///< see cc::Controller::between_losses
  Rate delivery_rate{};                         ///< the latest sample; zero: none, or nobody wants to know
  Instant next_send{};                          ///< paced: nothing leaves before; in the past: nothing is held back
  std::uint32_t segment = 0;                    ///< payload bytes of a full packet now
  std::uint64_t bytes_sent = 0, bytes_received = 0;  ///< payload, first transmissions; in-order received
  std::uint64_t bytes_retransmitted = 0;
  std::uint64_t retransmits = 0;           ///< packets' worth sent again
  std::uint64_t needless_retransmits = 0;  ///< what of it the peer reported to have had already (D-SACK)
  std::uint64_t undone = 0;                ///< responses to a loss taken back because it was none
  std::uint64_t segments_received = 0, segments_sent = 0;
  std::uint64_t unreachables = 0;  ///< ICMP errors about what was in flight (RFC 9293 §3.9.2.2: soft, but known)
  Duration user_timeout{};         ///< in force now
  unsigned timeouts_in_a_row = 0;  ///< RTO back-off count: >0 means stalled
  std::uint64_t marks = 0;         ///< reductions because of a congestion mark (RFC 3168)
  bool in_recovery = false;
  std::string_view state;  ///< RFC 9293 name
};
}  // namespace anabranch::tcp

template <>
struct anabranch::Names<anabranch::tcp::EcnMode> {
  static constexpr std::string_view list[] = {"off", "accept", "request"};
};
template <>
struct anabranch::Names<anabranch::tcp::Phase> {
  static constexpr std::string_view list[] = {"idle", "syn_sent", "syn_received", "open", "time_wait", "dead"};
};
