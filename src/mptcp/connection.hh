/// A Multipath TCP connection, or a plain TCP one, without I/O: segments, instants and the application's verbs in,
/// segments, events, requests for subflows and a deadline out.
///
/// Joins the parts and decides nothing small: roles read options, the scheduler places data, the path manager wants
/// subflows, `judge` decides about fallback. After each verb `settle` works through what became known. Owned by a
/// stack, which finds ports and routes. RFC 8684.
#pragma once
#include "base/env.hh"
#include "base/result.hh"
#include "mptcp/addresses.hh"
#include "mptcp/batching.hh"
#include "mptcp/counters.hh"
#include "mptcp/path_event.hh"
#include "mptcp/path_manager.hh"
#include "mptcp/reinjection.hh"
#include "mptcp/scheduler.hh"
#include "mptcp/subflow.hh"
#include "stream/deadlines.hh"

#include <deque>
#include <expected>
#include <memory>
#include <span>
#include <vector>

namespace anabranch::mptcp {

enum class Happened : std::uint8_t { established, readable, writable, peer_finished, fell_back, paths_changed, closed };
struct Event {
  Happened what{};
  Errc error = Errc::closed;
};

struct Outgoing {
  const Way* way = nullptr;  ///< valid until the next call
  SubflowId on;
  Segment segment;
};

/// A subflow is wanted: the stack answers with `open` or `refuse`.
struct OpenRequest {
  Pair pair;
  LocalAddress from;
  SocketAddress to;
  bool backup = false;
  bool by_hand = false;  ///< the application asked for it
};

/// A subflow is over: its 4-tuple is free.
struct Ended {
  SubflowId id;
  anabranch::Addresses addresses;
};

class Connection final : private cc::Group {
 public:
  /// `number`: names the connection in traces. `memory`: shared by the stack's connections; none: no limit. `dialect`: what we offer, or what the peer's SYN has `offered`. `key`:
  /// ours, unique by its token in the stack.
  Connection(Env& env, SlabPool& pool, Counters& counters, const Config& config, const Dialect& dialect, wire::Key key,
             std::uint64_t number, stream::MemoryBudget* memory = nullptr);
  ~Connection() override;

  // --- opening
  /// With an offer that has a cookie, what is written before the SYN leaves rides on it (RFC 7413).
  void connect(const Way& way, Instant now, const std::optional<tcp::FastOpenOffer>& offer = {});
  /// Before `connect`: the path is known to drop SYNs with MP_CAPABLE, so this one goes without.
  void go_without_option() { path_drops_option_ = true; }
  tcp::Verdict accept(const Way& way, const Segment& syn, Instant now, const tcp::FastOpenGrant& grant = {});
  /// A SYN with our token. `Drop` or a reset when it is refused; else the new subflow's id is in `id`.
  tcp::Verdict accept_join(const Way& way, const Segment& syn, SubflowId& id, Instant now);
  // The same in two steps, with nothing kept between them (a join that is answered without memory):
  /// What the SYN/ACK says to a SYN with our token, or why it is refused.
  std::expected<wire::JoinSynAck, wire::ResetReason> answer_join(const Way& way, const wire::JoinSyn& syn,
                                                                 std::uint32_t nonce, Instant now);
  /// Whether the third ACK proves that its sender knows both keys.
  bool proves_join(const wire::JoinSyn& syn, std::uint32_t nonce, const wire::JoinAck& ack) const;
  /// The SYN and our nonce again: the subflow begins as if `way.answered` had just left. The third ACK comes next.
  tcp::Verdict resume_join(const Way& way, const Segment& syn, std::uint32_t nonce, SubflowId& id, Instant now);
  /// The addresses subflows may use from now on, and the interfaces that are up; what is gone ends its subflows at once.
  void set_local_addresses(std::span<const LocalAddress> addresses, std::span<const InterfaceId> up, Instant now);
  std::optional<OpenRequest> poll_request();
  /// Joins are taken at this address and port too, and the peer is told (RFC 8684 §3.4.1); without a port only the
  /// latter, again if need be. no_such_path: plain TCP. limit_reached: no id left.
  Status announce(const LocalAddress& where, std::optional<std::uint16_t> port, Instant now);
  /// Not any more.
  Status withdraw(const LocalAddress& where, std::uint16_t port, Instant now);
  SubflowId open(const OpenRequest& request, const Way& way, Instant now);
  void refuse(const OpenRequest& request, Errc why, Instant now);

  // --- the network's side
  tcp::Verdict on_segment(SubflowId on, const Segment& segment, Instant now);
  std::optional<Outgoing> poll_transmit(Instant now);
  void on_deadline(Instant now);
  Instant deadline() const;
  void on_packet_too_big(SubflowId on, std::uint32_t mtu, SeqNum quoted, Instant now);
  void on_unreachable(SubflowId on, bool hard, SeqNum quoted, Instant now);
  std::optional<Ended> poll_ended();

  // --- the application's side
  Result<std::size_t> write(std::span<const std::uint8_t> bytes, Instant now);
  Result<std::size_t> write(const Chain& bytes, Instant now);  ///< shared, not copied
  Result<Chain> read(Bytes at_most, Instant now);
  Result<Chain> peek(Bytes at_most) const;  ///< what `read` would answer, with nothing taken
  Bytes readable() const { return session_.receive.readable(); }
  Bytes writable() const;
  /// Nothing was written and nobody is there yet: giving up loses nothing.
  bool unborn() const { return phase_ == Phase::handshake && session_.send.end() == DataPos{1}; }
  Status finish(Instant now);
  void abort(Instant now);
  /// As `Config::no_delay` and `Config::cork`. Lifting either lets what waits leave at once.
  void set_no_delay(bool on, Instant now);
  void set_cork(bool on, Instant now);
  /// The application has forgotten us: a peer that never finishes does not keep the connection alive.
  void orphan() {
    orphaned_ = true;
    timers_.clear(Timer::rates);
  }
  std::optional<Event> poll_event();
  std::optional<PathEvent> poll_path_event() { return path_log_.poll(); }
  bool has_path_event() const { return !path_log_.empty(); }
  /// A `rates` event for each subflow so often; 0: none.
  void watch_rates(Duration every, Instant now);
  /// Another scheduler decides from now on. bad_argument: none of that name.
  Status set_scheduler(std::string_view name, Instant now);
  ConnectionInfo info() const;
  const Config& config() const { return session_.config; }
  Status set_backup(SubflowId id, bool backup, Instant now);
  Status close_subflow(SubflowId id, Instant now);
  /// A subflow that no path manager has asked for, from an address of ours. no_such_path: plain TCP, or the address is
  /// not usable; limit_reached: `max_subflows`. What becomes of it shows in info().
  Status open_subflow(const Address& from, const SocketAddress& to, bool backup);

  // --- for the stack
  bool established() const { return phase_ == Phase::open || phase_ == Phase::closing; }
  /// Why it is over, or never began; nothing while it lives.
  std::optional<Errc> failed() const { return phase_ == Phase::dead ? std::optional{error_} : std::nullopt; }
  /// Whether the peer took the version of MPTCP that we offered; nothing while that cannot be known.
  std::optional<bool> offer_taken() const;
  const Dialect& dialect() const { return session_.dialect; }
  bool dead() const { return phase_ == Phase::dead && subflows_.empty(); }
  wire::Token token() const { return session_.local_token; }
  bool has_room() const { return session_.alive < session_.config.max_subflows; }
  std::size_t half_open_joins() const;  ///< opened by the peer and not proved yet
  const anabranch::Addresses& initial_addresses() const { return initial_; }
  /// What the initial subflow's ends agreed on; nothing when it is over.
  const tcp::Negotiated* initial_agreement() const;
  /// Opened early, by a SYN with a cookie, and the third segment has not come (RFC 7413 §4.2, PendingFastOpenRequests).
  bool opened_early() const;
  /// Our SYN waits a moment for bytes to carry (RFC 7413).
  bool awaits_first_bytes() const { return !subflows_.empty() && subflows_.front()->endpoint().syn_room() > Bytes{}; }
  /// The end of a subflow that lingers in TIME-WAIT; and that it shall linger no longer, because its 4-tuple is wanted.
  std::optional<tcp::LastSeen> last_seen(SubflowId on) const;
  void end_lingering(SubflowId on, Instant now);
  bool is_consistent() const;

  static constexpr std::size_t kMostEnded = 64;  ///< ended subflows remembered for reports
  static constexpr std::size_t kMostRequests = 64;
  static constexpr std::size_t kMostSignals = 32;  ///< on one subflow, before echoes are left out

 private:
  static constexpr std::size_t kNobody = ~std::size_t{0};
  enum class Phase : std::uint8_t { handshake, open, closing, dead };
  enum class Timer : std::uint8_t {
    data_retransmit,
    persist,
    no_subflow,
    wait_for_fins,
    linger,
    rates,
    look_again,
    stuck,
    hole,
    count_
  };

  std::span<const cc::Flow> flows() const override;
  Subflow& add(const Way& way, Lane lane, std::unique_ptr<SubflowRole> role);
  Subflow* find(SubflowId id);
  const Subflow* find(SubflowId id) const;
  Subflow* best();  ///< to say something to the peer on

  /// What was found out about a subflow since it last changed (connection_seats.cc). Every round looks at all of these,
  /// so they are short; the rest is in `views_`.
  struct Seat {
    SubflowId id;
    bool may_send = true;     ///< the next poll_transmit asks it
    bool unsettled = true;    ///< settle has not looked at it since it changed
    bool known = false;       ///< what follows is as it is
    bool measured = false;    ///< the last part too, before `look_again`
    bool looked_at = false;   ///< and its view
    bool flow_known = false;  ///< and what its siblings may know of it
    bool speaks = false;      ///< Subflow::carries_data
    bool carries = false;     ///< and is not over
    bool hopeful = false;     ///< neither over nor stalled
    bool backup = false, doubtful = false;
    Instant wakes;  ///< what it wants itself, or when it has been idle for too long
    Duration rto, srtt;
    Bytes segment, reported;  ///< of a full packet; what it holds out of order
    Bytes room;               ///< may leave now
    Instant silent_at;        ///< as of ReinjectionControl
    Instant look_again;
  };
  /// What only those ask for who choose among several.
  struct View {
    cc::Flow flow;
    DataPos carried;
    Path path;
    ReinjectionControl::Carrier carrier;
  };
  std::size_t index_of(SubflowId id) const;  ///< the number of seats: nobody's
  void stir(std::size_t i);                  ///< it has changed, or may want to say something
  void stir_all();
  const Seat& seat(std::size_t i) const {
    if (!seats_[i].known) { learn(i); }
    return seats_[i];
  }
  const Seat& measure(std::size_t i, Instant now) const;
  const View& look_at(std::size_t i, Instant now) const;
  const cc::Flow& flow(std::size_t i) const;
  void learn(std::size_t i) const;
  Path path(const Subflow& s, const tcp::Info& i, const ReinjectionControl::Carrier& c, Instant now) const;
  bool seats_are_right() const;

  // settle: the consequences, in this order
  void settle(Instant now);
  bool settle_quietly(Instant now);
  void settle_changes(Instant now) {  ///< of the subflows that were stirred; all, if that is not enough
    if (!settle_quietly(now)) { settle(now); }
  }
  void judge_troubles(Instant now);
  void hear_endpoints(Instant now);
  void hear_event(Subflow& s, tcp::Endpoint::Event event, Instant now);
  void hear_news(Instant now);
  void hear(Subflow* s, const News& news, Instant now);
  void hear_add_addr(Subflow& s, const wire::AddAddr& option, Instant now);
  void hear_remove_addr(const wire::RemoveAddr& option, Instant now);
  void hear_reset(Subflow* s, const wire::Reset& option);
  void hear_joined(Subflow& s, Instant now);
  void hear_fast_close(Instant now);
  void note_mode(Instant now);
  void step_closing(Instant now);
  void step_closing_plain();
  void finish_subflows();
  void end_finished_subflows(Instant now);
  void send_signals(Instant now);
  void say(const wire::MptcpOption& signal, Subflow& best);
  void arm_timers(Instant now);
  void tell_application();
  void report_memory();
  Result<std::size_t> may_write(std::size_t wanted);
  Result<std::size_t> written(Bytes taken, std::size_t wanted, Instant now);
  void grow_send_buffer();
  // connection_watch.cc
  void note_path(PathEvent event, Subflow* of, Instant now);
  void report_rates(Instant now);

  bool takes_joins() const;
  struct Admission {
    wire::AddressId local;
    bool backup = false;  ///< our address is one for backups
    std::optional<SubflowId> replaces = {};
  };
  std::expected<Admission, wire::ResetReason> admit_join(const Way& way, const wire::JoinSyn& syn, Instant now);
  Subflow* replaceable(wire::AddressId id, const Address& from, Instant now);
  void subflow_up(Subflow& s, Instant now);
  void subflow_over(Subflow& s, Instant now);
  void take_over(const Subflow& s, Instant now);
  void note_reinjected(Bytes bytes, SubflowId from, std::string_view why, Instant now);
  void tell_path_manager(const Fact& fact, Instant now);
  void carry_out(const std::vector<Request>& requests, Instant now);
  bool carry_out(const Request& request, Instant now);
  void prioritise(Subflow& s, bool backup, Instant now);
  void close(Subflow& s);
  void steer_paths();
  void note_data(Subflow& on, Instant now);
  Instant idle_until(const Subflow& s) const;
  void close_idle(Instant now);
  void watch_holes(Instant now);
  void on_old_hole(Instant now);
  bool fell_silent(wire::AddressId id, Instant since) const;
  void come_back(wire::AddressId id, Instant now);
  void note_stalled(Subflow& s, bool stalled, Instant now);
  void die(Errc why, Instant now);

  // poll_transmit
  void bind_to_syn(Instant now);
  std::optional<Outgoing> from_subflows(Instant now);
  bool nobody_else_speaks(Instant now);
  void silence_the_dead();
  bool anybody_may_carry(Instant now) const;
  void look_at_paths(Instant now);
  bool schedule(Instant now);
  bool place(const Demand& demand, Instant now);
  bool carry(const Send& send, const Demand& demand, Instant now);
  bool carry(const Copy& copy, Instant now);
  bool wait(const Wait& wait, Instant now);
  Bytes in_one_mapping(const Subflow& s, Bytes at_most, Bytes of) const;
  void note_blocked();
  Bytes less_what_waits(Bytes amount, const Demand& demand, Bytes packet, Instant now);

  // what leaves again before anything has failed
  ReinjectionControl::Carrier carrier(const Subflow& s, const tcp::Info& i, Bytes room) const;
  void look_at_carriers(Instant now);
  void restrain_paths(Instant now);
  bool copy_what_is_late(Instant now);
  void watch_silence(Instant now);
  void look_again(Instant at, Instant now);
  void reset_stuck(Instant now);

  void on_data_timeout(Instant now);
  void on_closed_window(Instant now);
  bool still_on_its_way(DataPos p) const;
  Duration data_timeout() const;
  Duration slowest_rtt() const;

  Env& env_;
  Counters& counters_;
  std::uint64_t number_;
  Session session_;
  anabranch::mptcp::Addresses addresses_;
  anabranch::Addresses initial_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<PathManager> path_manager_;
  Instant manager_wakes_ = Instant::never();  ///< its deadline
  std::vector<std::unique_ptr<Subflow>> subflows_;
  mutable std::vector<Seat> seats_;  ///< as subflows_
  mutable std::vector<View> views_;  ///< as subflows_
  std::size_t busy_ = kNobody;       ///< which subflow is at work just now
  bool troubled_ = false;            ///< a subflow has bytes that nothing maps
  std::vector<SubflowInfo> ended_infos_;
  std::deque<Ended> ended_;
  std::deque<OpenRequest> requests_;
  std::deque<Event> events_;
  PathLog path_log_;
  PathMeter meter_;
  Duration rates_every_{};  ///< 0: nobody wants to know
  stream::Deadlines<Timer> timers_;
  Phase phase_ = Phase::handshake;
  Errc error_ = Errc::closed;
  bool active_ = false;  ///< we connected
  bool path_drops_option_ = false;
  bool orphaned_ = false;  ///< no application will read or write any more
  std::uint32_t next_id_ = 0;
  std::size_t turn_ = 0;  ///< whose turn it is to transmit
  unsigned data_backoff_ = 0, persist_backoff_ = 0;
  Batching batching_;
  ReinjectionControl reinjection_;
  Instant heard_at_{}, probed_at_{};         ///< a segment of the peer last made sense; a closed window was last probed
  std::optional<Instant> unanswered_since_;  ///< the first probe left to which nothing came back
  std::uint64_t reinjected_ = 0, copied_ = 0;  ///< bytes queued for another subflow; before theirs had failed
  DataPos una_seen_{1};                        ///< send.una() when timers were last armed
  DataPos hole_at_{0};    ///< the first byte that is missing though later ones are there, as last seen
  Instant hole_since_{};  ///< it has been that one since then
  Mode mode_told_ = Mode::undecided;
  // The application waits for an edge of these:
  bool wants_readable_ = true, wants_writable_ = false, told_finished_ = false;
  bool holds_back_ = false;                            ///< what could leave is less than a packet and waits for more
  bool writer_waits_ = false;                          ///< the last write was not taken whole: more will come
  std::vector<stream::SendingPath> sending_;           ///< scratch of grow_send_buffer()
  std::vector<Path> paths_;                            ///< scratch of schedule()
  std::vector<ReinjectionControl::Carrier> carriers_;  ///< scratch: the same subflows as reinjection sees them
  Instant ask_again_at_ = Instant::never();            ///< the scheduler declined, until then
  std::uint64_t blocked_ = 0;                          ///< as Demand::blocked
  DataPos blocked_at_{0};                              ///< the DATA_ACK of the latest
  mutable std::vector<cc::Flow> flows_;                ///< scratch of flows()
};
}  // namespace anabranch::mptcp
