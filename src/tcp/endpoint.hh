/// One TCP subflow, without I/O: segments and instants in, segments and a deadline out (RFC 9293).
///
/// It does not know that MPTCP exists: bytes come from a `Source`, go to a `Sink`, a `Role` reads and writes the
/// options it does not understand, and its congestion controller sees its siblings through a `cc::Group`.
/// Owned by a subflow. All references outlive it. Nothing is called back: after each verb, ask `poll_event`.
#pragma once
#include "base/env.hh"
#include "base/result.hh"
#include "cc/controller.hh"
#include "packet/segment.hh"
#include "stream/close.hh"
#include "tcp/acceptance.hh"
#include "tcp/config.hh"
#include "tcp/roles.hh"

#include <memory>
#include <optional>

namespace anabranch::tcp {

class Sent;

class Endpoint {
 public:
  Endpoint(Env& env, Source& source, Sink& sink, Role& role, const cc::Group& group, const Config& config);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // --- opening
  /// Sends a SYN, now or, with a cookie in `offer`, when the source has its first bytes or patience ends (RFC 7413).
  void connect(SeqNum isn, Instant now, const std::optional<FastOpenOffer>& offer = {});
  /// A SYN for a listener; sends SYN/ACK. With `grant.take_data` the connection is established at once for its owner,
  /// before the third segment.
  Verdict accept(const Segment& syn, SeqNum isn, Instant now, const FastOpenGrant& grant = {});
  /// The same when the SYN/ACK has left already: the third segment follows at once. No round trip is measured.
  Verdict accept(const Segment& syn, SeqNum isn, const Answered& answered, Instant now);
  /// How many bytes the SYN that is about to leave may carry: bind no more before it has.
  Bytes syn_room() const;

  // --- the network's side
  Verdict on_segment(const Segment& segment, Instant now);
  /// The next segment to leave now: resets, handshake, retransmissions, ACKs that are due, fresh bytes as far as
  /// source, windows and congestion control allow, FIN, probes. Call until empty. Payload is never larger than
  /// `config.super_segment`; a segment with more than one packet's worth has `cut` set.
  std::optional<Segment> poll_transmit(Instant now);
  void on_deadline(Instant now);
  Instant deadline() const;
  /// A quoted packet of ours was too big for the path (RFC 1191, RFC 8201): `mtu` is the next hop's, 0 if not said.
  /// Ignored unless `quoted` is in flight (RFC 5927 §4).
  void on_packet_too_big(std::uint32_t mtu, SeqNum quoted, Instant now);
  /// Destination unreachable: ends a handshake if hard, is only noted else (RFC 9293 §3.9.2.2, RFC 5927 §5). Ignored
  /// unless `quoted` is in flight (RFC 5927 §4.1).
  void on_unreachable(bool hard, SeqNum quoted, Instant now);

  // --- the owner's side
  void finish();                         ///< FIN after all bytes of the source
  void abort(wire::ResetReason reason);  ///< RST with what the role says of `reason`; then dead
  void send_ack();                       ///< a pure ACK shall leave soon (window update, DATA_ACK)
  void halve_window(Instant now);        ///< this subflow holds up quicker ones of the connection
  void send_probe();                     ///< a segment that makes the peer answer (keep-alive form, SND.UNA-1)
  /// Siblings carry what this one does not: gone silent, it is tried at least every second at first, and with a quarter
  /// of the silence so far as the pause later, instead of with RFC 6298's doubling up to two minutes.
  void set_probing(bool on);
  void try_again(Instant now);  ///< after `stalled`: the path may be back, so what is unanswered leaves again
  void set_cap(Rate cap);       ///< packets with data leave at no more than this, headers counted; zero: no limit

  // --- what the owner may ask
  enum class Event : std::uint8_t {
    established,    ///< handshake done; `negotiated()` is valid
    refused,        ///< RST or hard ICMP error in SYN-SENT; dead
    reset_by_peer,  ///< dead; read `reset_segment` options through the role
    timed_out,      ///< gave up (handshake retries, or config.give_up_after without progress); dead
    stalled,        ///< first retransmission timeout since progress: siblings may take over its data
    recovered,      ///< progress after `stalled`
    closed,         ///< both directions finished and TIME-WAIT over, or aborted; dead
  };
  std::optional<Event> poll_event();
  bool has_events() const;
  Phase phase() const;
  /// Data may leave: open, or opened early (RFC 7413 §4.2.2) and still without the third segment.
  bool may_send() const;
  /// In TIME-WAIT only: what a new connection with the same addresses must be later than.
  std::optional<LastSeen> last_seen() const;
  bool dead() const { return phase() == Phase::dead; }
  const stream::Close& close_state() const;
  std::string_view state_name() const;  ///< RFC 9293 names, for people
  const Negotiated& negotiated() const;
  /// How many fresh bytes may leave now: congestion window and the subflow's right edge, less what is in flight,
  /// less what is bound and unsent. Zero until established, in recovery phases that allow none, before the next
  /// departure if departures are paced, and after finish().
  Bytes room(Instant now) const;
  /// When `room` will be there if nothing is heard: now, when the pace allows it, or never.
  Instant opens(Instant now) const;
  /// The largest payload one super-segment should carry now, so that bursts stay near a millisecond of its rate.
  Bytes burst() const;
  Bytes segment() const;             ///< payload of a full packet now
  SubPos sent_up_to() const;         ///< SND.NXT
  const Sent& sent() const;          ///< what of it has not been acknowledged; as long as the endpoint lives
  SubPos acknowledged() const;       ///< SND.UNA
  SubPos received() const;           ///< RCV.NXT
  Bytes out_of_order() const;        ///< received beyond it
  cc::Flow flow() const;             ///< what its siblings' congestion controllers may know of it; cheap
  Brief brief() const;               ///< of that, what is asked for after each segment; cheap
  Info info() const;                 ///< RTT, window, counters: values for schedulers and reports
  const Tally<Drop>& drops() const;  ///< segments not taken, by reason
  bool is_consistent() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
}  // namespace anabranch::tcp

template <>
struct anabranch::Names<anabranch::tcp::Endpoint::Event> {
  static constexpr std::string_view list[] = {"established", "refused",   "reset_by_peer", "timed_out",
                                              "stalled",     "recovered", "closed"};
};
