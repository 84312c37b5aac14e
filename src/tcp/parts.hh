/// What an endpoint is made of, for its own source files: the phase, the parts, and what is owed to the network.
///
/// `receive.cc` takes segments through named stages, `transmit.cc` chooses and builds what leaves, `endpoint.cc` is
/// the public face with time and closing. Not for anyone else.
#pragma once
#include "tcp/acceptance.hh"
#include "tcp/context.hh"
#include "tcp/endpoint.hh"
#include "tcp/handshake.hh"
#include "tcp/receiver.hh"
#include "tcp/sender.hh"
#include "tcp/timestamps.hh"

#include <boost/container/small_vector.hpp>

namespace anabranch::tcp {

struct Endpoint::Parts {
  enum class Timer : std::uint8_t { keepalive, time_wait, count_ };
  /// Segments that shall leave for a reason of their own.
  struct Owed {
    std::optional<wire::ResetReason> reset;
    std::optional<SeqNum> stray_reset;  ///< to a segment that is not of this connection
    bool first_ack = false;             ///< the handshake's third segment: alone, before data
    bool probe = false;
    bool user_timeout = false;  ///< with the next segment that has room (RFC 5482 §3)
    unsigned for_role = 0;      ///< pure ACKs sent in this round because the role wanted them
  };
  /// A segment in positions.
  struct Place {
    SubPos at, ack;
  };

  Context context;
  const Duration advertised_user_timeout;  ///< as configured, whatever the peer says
  Timestamps stamps;
  Handshake handshake;
  Sender sender;
  Receiver receiver;
  Phase phase = Phase::idle;
  bool both_opened = false;
  bool early = false;  ///< SYN-RECEIVED, but the SYN had proved its address: data flows already (RFC 7413 §4.2.2)
  stream::Deadlines<Timer> timers;
  AnswerLimit challenges{10, Duration{500'000'000}};  ///< RFC 5961 §7: ten in five seconds
  AnswerLimit repeats{100, Duration{10'000'000}};     ///< answers to segments without news; enough for any prober
  Owed owed;
  boost::container::small_vector<Event, 4> events;
  Tally<Drop> drops;
  std::uint64_t segments_in = 0, segments_out = 0, unreachables = 0;
  bool answered = false;    ///< the SYN/ACK left before we were there
  unsigned keepalives = 0;  ///< probes in a row without an answer
  Instant latest{};         ///< of the last verb: `abort` is not told the time

  Parts(Env& env, Source& source, Sink& sink, Role& role, const cc::Group& group, const Config& config)
      : context{env, source, sink, role, group, config, {}, {}},
        advertised_user_timeout{config.give_up_after},
        stamps{config.stamp_offset ? *config.stamp_offset : static_cast<std::uint32_t>(env.random.visible())},
        handshake{context},
        sender{context},
        receiver{context} {}

  // endpoint.cc
  void enter(Phase to, Instant now);
  void die(Event why, Instant now);
  void reset(wire::ResetReason reason, Instant now);
  void note(Event event) { events.push_back(event); }
  void linger_or_die(Instant now);
  void on_time(Instant now);
  void keep_alive(Instant now);
  bool may_send() const { return phase == Phase::open || early; }

  // receive.cc
  Verdict accept(const Segment& syn, SeqNum isn, const FastOpenGrant& grant, Instant now);
  void open_early(const Segment& syn, Instant now);
  Verdict on_reset_of_syn(const Segment& segment, const Place& place, Instant now);
  Verdict receive(const Segment& segment, Instant now);
  Verdict in_syn_sent(const Segment& segment, Instant now);
  Verdict on_both_syns(const Segment& segment, Instant now);
  Verdict in_synchronised(const Segment& segment, Instant now);
  Place locate(const Segment& segment) const;
  Facts gather(const Segment& segment, const Place& place, Instant now);
  Verdict refuse(const Segment& segment, const Place& place, const Ruling& ruling, Instant now);
  void heard_from_peer(Instant now);
  Verdict on_reset(const Segment& segment, const Place& place, Instant now);
  bool role_agrees(const Segment& segment, const Place& place, Instant now, Verdict& verdict);
  void establish(const Segment& segment, const Place& place, Instant now);
  void note_options(const Segment& segment, Instant now);
  void take_acknowledgment(const Segment& segment, const Place& place, bool has_signal, Instant now);
  Drop dropped(Drop why, const Segment& segment, Instant now);

  // transmit.cc
  std::optional<Segment> transmit(Instant now);
  std::optional<Segment> transmit_open(Instant now);
  Segment header(SubPos at, Instant now);
  Segment build_syn(Instant now);
  void add_optional(Segment& segment);
  Segment build_reset(Instant now);
  Segment build_empty(SegmentKind kind, SubPos at, Instant now);
  Segment build(Outgoing&& out, Instant now);
  void finish_segment(Segment& segment, const Plan& plan, Instant now);
};
}  // namespace anabranch::tcp
