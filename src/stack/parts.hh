/// The inside of a stack: tables, and the three ways in (a frame, a deadline, a verb). See stack.hh.
#pragma once
#include "base/slots.hh"
#include "mptcp/connection.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "stack/contest.hh"
#include "stack/cookie_jar.hh"
#include "stack/demux.hh"
#include "stack/destinations.hh"
#include "stack/ingress_caps.hh"
#include "stack/join_table.hh"
#include "stack/stack.hh"
#include "stack/syn_cookies.hh"
#include "stack/timer_wheel.hh"
#include "stack/version_memory.hh"

#include <deque>
#include <set>
#include <unordered_map>

namespace anabranch::stack {

struct Entry {
  Entry(std::unique_ptr<mptcp::Connection> c, std::uint64_t number_) : connection{std::move(c)}, number{number_} {}
  std::unique_ptr<mptcp::Connection> connection;  ///< always there; a race may exchange those of two entries
  std::uint64_t number;                           ///< names it in traces
  std::vector<Addresses> used;                    ///< 4-tuples it has had: packets of theirs may still be on their way
  std::vector<InterfaceId> interfaces;            ///< which may carry subflows; empty: all
  std::vector<SocketAddress> doors;               ///< announced with a port: joins are taken there too
  Handle<struct ListenerTag> listener;            ///< passive: who will accept it; none once accepted or orphaned
  Stateless stateless = Stateless::under_pressure;  ///< joins
  bool announce = true;                             ///< all our addresses may be used; else the initial one only
  bool released = false;                            ///< the application has forgotten it
  bool queued = false;                              ///< in `ready` below
  bool half_open = false;                           ///< counts against the backlog
  Handle<struct ListenerTag> early;  ///< opened early at this listener: counts there until the third segment
  bool offered = false;              ///< active: its SYN has, or shall have, a fast open option
  bool watched = false;              ///< active, and what its handshake tells is worth remembering
  Duration rates_every{};            ///< 0: nobody wants to hear of them
  bool dismissed = false;            ///< was an attempt, and lost
  std::unique_ptr<Contest> contest;  ///< while it is being opened over several ways
  Handle<Entry> races_for;           ///< the entry with the contest that this is an attempt of, perhaps itself
};
using Id = Handle<Entry>;

struct Listener {
  ListenOptions options;
  std::deque<Id> ready;  ///< established, to be accepted
  std::size_t half_open = 0;
  std::size_t early = 0;            ///< opened early and without a third segment (RFC 7413 §4.2)
  std::deque<Instant> reset_early;  ///< those that were reset count until then (§5.1)
  std::size_t waiting() const { return ready.size() + half_open; }
};

/// So many answers a second, in integers.
class AnswerBudget {
 public:
  explicit AnswerBudget(std::size_t per_second) : per_second_{per_second}, left_{per_second} {}
  bool spend(Instant now) {
    if (now - since_ >= 1_s) {
      since_ = now;
      left_ = per_second_;
    }
    if (left_ == 0) { return false; }
    --left_;
    return true;
  }

 private:
  std::size_t per_second_, left_;
  Instant since_{};
};

struct Stack::Parts {
  Parts(Env& env, SlabPool& pool, Config config);

  // in
  void take(const Frame& frame, Instant now);
  bool takes_joins_at(const Entry& e, const SocketAddress& local) const;
  void take_segment(Dissected& d, Instant now);
  bool is_somebody_else(const Addresses& a) const;
  void take_error(const DissectedError& e, Instant now);
  void take_syn(Dissected& d, Instant now);
  tcp::FastOpenGrant grant_for(Listener& l, const Dissected& d, Instant now);
  void make_room_in_time_wait(const Dissected& d, Instant now);
  void take_join(Dissected& d, Instant now);
  // in, without memory (stateless.cc)
  void answer_without_state(const Dissected& d, const Listener& l, Instant now);
  void answer_join_without_state(const Dissected& d, Entry& e, Instant now);
  /// A segment with ACK that belongs to no subflow: whether it is the third of a handshake that nobody remembered.
  bool take_third(Dissected& d, Instant now);
  bool take_third_of_join(Dissected& d, Instant now);
  /// For a segment of no connection; with the marks of one that has its configuration, or the usual ones.
  void send_stray(const Addresses& addresses, const Segment& segment, InterfaceId interface,
                  const mptcp::Config& marks = {});
  /// An RST, with the reason where the connection's dialect has a place for it.
  void refuse_join(const Dissected& d, const Entry& e, wire::ResetReason reason, Instant now);
  void answer_stray(const Dissected& d, std::optional<wire::ResetReason> reason, Instant now);
  void update(const Network& now_is, Instant now);
  void on_deadline(Instant now);
  // out
  std::size_t poll_transmit(std::span<Frame> out, Instant now);
  Frame make_frame(const mptcp::Config& of, const mptcp::Outgoing& out);
  // sockets
  Result<ConnectionId> connect(const ConnectOptions& options, Instant now);
  Result<std::size_t> write(ConnectionId id, std::span<const std::uint8_t> bytes, Instant now);
  Status finish(ConnectionId id, Instant now);
  Status abort(ConnectionId id, Instant now);
  Result<ListenerId> listen(const ListenOptions& options);
  void close_listener(ListenerId id, Instant now);
  void release(ConnectionId id, Instant now);
  Status announce(ConnectionId id, const SocketAddress& where, Instant now);
  Status withdraw(ConnectionId id, const SocketAddress& where, Instant now);
  template <class F>
  auto with(ConnectionId id, std::string_view what, Instant now, F&& f)
      -> decltype(f(std::declval<mptcp::Connection&>())) {
    Entry* e = find(id);
    if (!e) { return fail(Errc::closed, what); }
    auto out = f(*e->connection);
    touched({id.index, id.generation}, now);
    return out;
  }

  /// For settings: of the connection, or of all its attempts and those to come.
  template <class OfConfig, class OfConnection>
  Status with_all(ConnectionId id, std::string_view what, Instant now, OfConfig&& of_config, OfConnection&& of) {
    Entry* e = find(id);
    if (!e) { return fail(Errc::closed, what); }
    std::vector<Id> all{{id.index, id.generation}};
    if (e->contest) {
      of_config(e->contest->options.config);
      all = e->contest->attempts;
    }
    for (const Id one : all) {
      if (Entry* attempt = connections.find(one)) { of(*attempt->connection); }
    }
    for (const Id one : all) { touched(one, now); }  // which may decide the race
    return {};
  }
  mptcp::ConnectionInfo info(const Entry& e) const;

  // parts of the above
  Entry* find(ConnectionId id) {
    Entry* e = connections.find({id.index, id.generation});
    return e && !e->released ? e : nullptr;
  }
  /// A new connection with this key, or one that is drawn. Its token must be free.
  Id add(const mptcp::Config& config, const mptcp::Dialect& dialect, std::optional<wire::Key> key = {});
  /// A connection for a listener, half-open, in the dialect that its SYN has offered; or none: too many.
  Entry* begin_passive(Handle<ListenerTag> handle, const Addresses& addresses, const wire::MptcpOptions& syn,
                       std::optional<wire::Key> key, Id& id);
  bool under_pressure(const Listener& l) const;
  /// What we ask for first: the version the destination took last, if it is known.
  const mptcp::Dialect& dialect_towards(const ConnectOptions& options, const SocketAddress& remote, Instant now) const;
  void remember_version(const Entry& e, Instant now);
  /// After anything happened to a connection: takes up its events, wishes and deadline, and lets it transmit.
  void touched(Id id, Instant now);
  /// The same without the last; true when it has something new to transmit. The connection may be gone afterwards.
  bool take_up(Id id, Instant now);
  void take_events(Id id, Entry& e, Instant now);
  void carry_out(Id id, Entry& e, const mptcp::OpenRequest& request, Instant now);
  void give_up(Id id, Entry& e);
  void enqueue(Id id, Entry& e);
  mptcp::Way way_for(const Addresses& addresses, InterfaceId interface, Instant now);
  // connecting.cc
  bool is_one_host(const Address& address) const;
  std::vector<InterfaceId> interfaces_for(const ConnectOptions& options, const Address& to) const;
  Result<std::vector<Candidate>> candidates_for(const ConnectOptions& options) const;
  Result<Id> begin_attempt(const ConnectOptions& options, const Candidate& way, bool first, Instant now);
  std::optional<tcp::FastOpenOffer> offer_for(const ConnectOptions& options, const Addresses& a, bool first,
                                              Instant now);
  // racing.cc
  void open_contest(Id front, const ConnectOptions& options, std::vector<Candidate> ways, Instant now);
  void take_up_attempt(Id id, Instant now);
  void run_race(Id front, Instant now);
  Answer worth_of(Id attempt, const Contest& contest, Instant now);
  void conclude(Id front, std::size_t winner, Instant now);
  void exchange(Id front, Id other);
  void dismiss(Id attempt, Instant now);
  void remember_race(const Contest& contest, std::size_t winner, Instant now);
  void release_contest(Id front, Instant now);
  /// Of a connection that races: the attempt to show to those who ask; else itself.
  const Entry& shown(const Entry& e) const;
  std::size_t shown_candidate(const Contest& contest) const;
  void doubt_attempt(Id id, Instant now);
  void doubt_attempt_without_address(Id id, Instant now);
  /// Answered without MPTCP, while others may do better: it says nothing, so that the peer does not take it for open.
  bool is_held(const Entry& e) const { return e.races_for && e.connection->established(); }
  bool contest_is_consistent(const Entry& e) const;
  void remember_handshake(Entry& e, Errc error, Instant now);
  void watch_early(Entry& e, Instant now);
  bool end_lingering(const Addresses& a, Instant now);
  std::vector<mptcp::LocalAddress> usable_addresses(const Entry& e) const;
  void tell_addresses(Entry& e, Instant now);
  /// The interface to answer on: the one that has the address, if it leads to the peer; else where it came in.
  InterfaceId answering_interface(const Dissected& d) const;
  std::optional<std::uint16_t> free_port(const Address& local, const SocketAddress& remote, Instant now);
  Listener* listener_for(const SocketAddress& local, InterfaceId interface, Handle<ListenerTag>* handle = nullptr);
  std::optional<Errc> check(const mptcp::Config& config) const;
  bool is_consistent() const;

  Env& env;
  SlabPool& pool;
  Config config;
  Network network;
  IngressCaps caps;
  Counters counters;
  Tally<DropReason> malformed;
  stream::MemoryBudget memory;  ///< before the connections, which have accounts in it
  Slots<Entry> connections;
  Slots<Listener, ListenerTag> listeners;
  std::unordered_map<std::uint32_t, Id> tokens;  ///< never iterated
  std::size_t half_open = 0;
  Demux demux;
  TimerWheel wheel;
  VersionMemory versions;
  std::deque<Id> ready;      ///< connections that may have something to send
  std::deque<Frame> strays;  ///< answers to segments that belong to nothing
  std::deque<Event> events;
  HeaderArena arena;
  AnswerBudget answers;
  crypto::SipKey isn_key;
  /// The 4-tuple that was freed just now, and what its next use must be above (RFC 6191 §2).
  std::optional<std::pair<Addresses, SeqNum>> followed;
  CookieJar fast_open_cookies;
  Destinations destinations;
  SynCookies cookies;
  JoinTable joins;
  std::uint64_t next_number = 1;
  std::size_t next_port = 0;
  std::uint16_t ipv4_id = 0;

  void tell(const Event& event);

  static constexpr std::size_t kMostStrays = 256;
  /// How long a connection that was opened early and reset still counts (Linux has a minute; RFC 7413 §5.1).
  static constexpr Duration kResetEarly{60'000'000'000};
  static constexpr std::size_t kMostDoors = 16;  ///< announced addresses with ports of a connection
  static constexpr std::size_t kMostUsed = 64;   ///< 4-tuples remembered for a connection
  static constexpr unsigned kBurst = 16;         ///< frames of one connection before it is the next one's turn
};
}  // namespace anabranch::stack
