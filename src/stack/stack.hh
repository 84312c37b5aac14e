/// A host's transport, without I/O: frames and instants in, frames and a deadline out; sockets by handle.
///
/// Finds the connection of each packet (4-tuple), the listener of a SYN, the connection of an MP_JOIN (token), the port
/// and route of a new subflow. Owns all connections. Several stacks may live in one process; there is no global state.
/// Nothing is called back: after `receive`, `on_deadline` or a socket verb, ask `poll_event` and `poll_transmit`.
#pragma once
#include "base/env.hh"
#include "base/network.hh"
#include "base/result.hh"
#include "mptcp/path_event.hh"
#include "packet/dissect.hh"
#include "packet/frame.hh"
#include "stack/counters.hh"
#include "stack/race.hh"

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace anabranch::stack {

/// Handles with generations: a stale one is an error (`closed`), never another connection.
struct ConnectionId {
  std::uint32_t index = 0, generation = 0;
  constexpr auto operator<=>(const ConnectionId&) const = default;
};
struct ListenerId {
  std::uint32_t index = 0, generation = 0;
  constexpr auto operator<=>(const ListenerId&) const = default;
};

/// When a SYN is answered without memory of it (RFC 4987 §3.6); joins likewise, from a table of bounded size.
enum class Stateless : std::uint8_t { never, under_pressure, always };

struct Limits {
  std::size_t connections = 65536;  ///< half-open and open
  std::size_t half_open = 1024;     ///< over all listeners
  /// Bytes that all connections may hold together, to be sent, to be read and out of order (docs/buffers.md). Each has
  /// `stream::MemoryAccount::kReserved` of it in any case: what that leaves no room for is refused.
  Bytes memory = {std::uint64_t{2} << 30};
  std::size_t resets_per_second = 1000;  ///< answers to strays
  std::size_t pending_joins = 8192;      ///< MP_JOINs answered without a subflow; about 150 bytes each once needed
  std::size_t destinations = 1024;       ///< of which something is remembered (cookies, black holes); not 0
};

struct ConnectOptions {
  SocketAddress remote;
  /// Further addresses of the same service, to be tried too if it takes long; in the order of `interleave` (RFC 8305).
  std::vector<SocketAddress> remotes = {};
  std::vector<InterfaceId> interfaces;  ///< which may carry subflows, the first one first; empty: all that route there
  // [9293-MUST-43]
  std::optional<Address> local_address;  ///< of the initial subflow; none: the best for the first interface
  std::uint16_t local_port = 0;  ///< of the initial subflow, need not be one of the stack's ports; 0: any of them
  mptcp::Config config;
  /// Where several ways lead there (interfaces, remote addresses): the connection is opened over the first that answers
  /// well (stack/race.hh). No race with a local address or port given.
  RaceOptions race;
  /// TCP Fast Open (RFC 7413): the first connection to a server asks for a cookie; the SYN of a later one carries what
  /// is written before it leaves, at once or within `fast_open_patience`. The server may see those bytes twice: only
  /// for requests that may be repeated (RFC 7413 §2.1).
  bool fast_open = false;
  Duration fast_open_patience = {10'000'000};
};

struct ListenOptions {
  std::uint16_t port = 0;               ///< must be one of the stack's ports
  std::optional<Address> address;       ///< none: any of ours, both families
  std::vector<InterfaceId> interfaces;  ///< none: all
  std::size_t backlog = 128;            ///< established and not accepted; half-open ones are bounded by it too
  bool announce = true;                 ///< ADD_ADDR for our other addresses
  Stateless stateless = Stateless::under_pressure;  ///< pressure: no room for another half-open connection or join
  /// Joins are taken there as well, and the peers are told; ports must be the stack's (RFC 8684 §3.4.1).
  std::vector<SocketAddress> announce_at;
  /// TCP Fast Open: so many connections at a time may have data before their third segment (RFC 7413 §4.2,
  /// PendingFastOpenRequests); 0: it is off. What arrives that way may be a repetition (§2.1).
  std::size_t fast_open = 0;
  mptcp::Config config;
};

enum class Happened : std::uint8_t {
  connected,      ///< the connection can be written and read
  readable,       ///< bytes or the end of the stream are there (edge: after they were not)
  writable,       ///< room after `write` took less than it was given
  peer_finished,  ///< the peer will send no more; what came before can be read
  fell_back,      ///< plain TCP from here on; info() says why
  paths_changed,  ///< subflows, addresses or priorities: poll_path_event() says what; told once until heard
  closed,         ///< dead: both directions done, reset, refused or timed out; `error` says which (closed: orderly)
  acceptable,     ///< a listener has a connection for accept()
};

struct Event {
  Happened what{};
  ConnectionId connection;  ///< not for acceptable
  ListenerId listener;      ///< only for acceptable
  Errc error = Errc::closed;
};

class Stack {
 public:
  struct Config {
    Limits limits;
    std::vector<std::uint16_t> ports;  ///< local ports this stack owns, for connecting from; listeners may add theirs
    bool respond_to_strays = true;     ///< RST for segments to our ports that belong to nothing
    /// How long a way that dropped what it should not is spared it; doubling (Linux: an hour for both). 0: never.
    Duration multipath_pause = {3'600'000'000'000};  ///< SYNs with MP_CAPABLE
    Duration fast_open_pause = {3'600'000'000'000};  ///< SYNs with data (RFC 7413 §4.1.3.1)
    Duration cookie_period = {43'200'000'000'000};   ///< a server's cookies live for one to two of these
  };
  Stack(Env& env, SlabPool& pool, Config config);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // --- the network's side
  void update(const Network& network, Instant now);    ///< interfaces, addresses or routes changed
  void receive(std::span<Frame> frames, Instant now);  ///< frames may be emptied
  /// Fills from the front with frames for the interfaces they name; call until it returns 0.
  std::size_t poll_transmit(std::span<Frame> out, Instant now);
  void on_deadline(Instant now);
  Instant deadline() const;  ///< when on_deadline is wanted next
  std::optional<Event> poll_event();

  // --- sockets
  Result<ConnectionId> connect(const ConnectOptions& options, Instant now);
  Result<ListenerId> listen(const ListenOptions& options);
  std::optional<ConnectionId> accept(ListenerId);
  void close(ListenerId, Instant now);  ///< who was not accepted yet is reset
  /// Copies as much as the send buffer takes; would_block when that is nothing, closed after finish or death.
  Result<std::size_t> write(ConnectionId, std::span<const std::uint8_t> bytes, Instant now);
  /// The same without the copy: its slabs are shared until all is acknowledged.
  Result<std::size_t> write_chain(ConnectionId, const Chain& bytes, Instant now);
  /// 0: end of stream. would_block: nothing yet. An error only after everything that arrived was read.
  Result<std::size_t> read(ConnectionId, std::span<std::uint8_t> out, Instant now);
  Result<Chain> read_chain(ConnectionId, Bytes at_most, Instant now);  ///< the same without the copy
  /// What `read_chain` would answer now, with nothing taken: bytes, an empty chain at the end of stream, or the error.
  Result<Chain> peek(ConnectionId, Bytes at_most) const;
  /// Fast open: what is written at once rides on the SYN. False when it has left, or may not carry any.
  bool awaits_first_bytes(ConnectionId) const;
  Bytes readable(ConnectionId) const;
  Bytes writable(ConnectionId) const;
  Status finish(ConnectionId, Instant now);  ///< no more writing; what was written still arrives
  Status abort(ConnectionId, Instant now);   ///< MP_FASTCLOSE or RST
  /// As `mptcp::Config::no_delay` and `cork`, from now on.
  Status set_no_delay(ConnectionId, bool on, Instant now);
  Status set_cork(ConnectionId, bool on, Instant now);
  /// The application forgets the handle: finishes if it has not, aborts if unread data would be lost, and the stack
  /// carries the rest through without it.
  void release(ConnectionId, Instant now);
  Result<mptcp::ConnectionInfo> info(ConnectionId, Instant now) const;
  SocketAddress local_address(ConnectionId) const;  ///< of the initial subflow
  SocketAddress remote_address(ConnectionId) const;

  // --- steering and watching
  /// What has happened to the paths of a connection, oldest first; bounded (mptcp/path_event.hh). Also after its end,
  /// until `release`.
  std::optional<mptcp::PathEvent> poll_path_event(ConnectionId);
  bool has_path_event(ConnectionId) const;
  /// `rates` events for each subflow so often, at least 10 ms; 0: none. bad_argument, closed.
  Status watch_rates(ConnectionId, Duration every, Instant now);
  /// From now on. bad_argument: none of that name.
  Status set_scheduler(ConnectionId, std::string_view name, Instant now);
  Status set_backup(ConnectionId, mptcp::SubflowId, bool backup, Instant now);  ///< sends MP_PRIO
  /// Ends one that works with FINs once it has delivered what it has, one that does not with an RST (MP_TCPRST:
  /// unacceptable_performance).
  Status close_subflow(ConnectionId, mptcp::SubflowId, Instant now);
  /// A subflow to `remote` by hand. `local`: none: the best that leads there. no_such_path, limit_reached, closed.
  Status open_subflow(ConnectionId, std::optional<Address> local, const SocketAddress& remote, bool backup,
                      Instant now);
  /// Joins of this connection are taken there as well, and the peer is told (ADD_ADDR with a port; with port 0 without,
  /// once more if it was told before). no_such_path: not an address of ours, or plain TCP. limit_reached: enough of them.
  Status announce(ConnectionId, const SocketAddress& where, Instant now);
  /// Not any more: the peer is told (REMOVE_ADDR) and may close what it has there. no_such_path: was not announced.
  Status withdraw(ConnectionId, const SocketAddress& where, Instant now);
  const Counters& counters() const;
  const Tally<DropReason>& malformed() const;  ///< frames that were no packet we can read, by reason
  std::size_t connection_count() const;
  Bytes memory_used() const;               ///< of Limits::memory
  Bytes memory_highest() const;            ///< so far
  std::size_t half_open_count() const;     ///< connections that wait for their third segment
  std::size_t pending_join_count() const;  ///< at most Limits::pending_joins
  bool is_consistent() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
}  // namespace anabranch::stack

template <>
struct anabranch::Names<anabranch::stack::Happened> {
  static constexpr std::string_view list[] = {"connected", "readable",      "writable", "peer_finished",
                                              "fell_back", "paths_changed", "closed",   "acceptable"};
};
template <>
struct anabranch::Names<anabranch::stack::Stateless> {
  static constexpr std::string_view list[] = {"never", "under_pressure", "always"};
};
