/// A transfer: two applications, one at each end of a connection, that write, read and check a known pattern.
///
/// They go by events alone, as a real application must: after a short write they wait for `writable`, after
/// `would_block` for `readable`. A stack that forgets to tell is found out because the transfer stops. Owned by the
/// world, which hands them events and time. Complete when both ends have seen the other's end of stream and let go.
#pragma once
#include "sim/cast.hh"
#include "sim/host.hh"
#include "sim/oracle.hh"

#include <array>
#include <optional>
#include <string>

namespace anabranch::sim {

/// How an application behaves.
struct Manners {
  Bytes write_at_least{1}, write_at_most{65536};  ///< size of a write, drawn uniformly
  Bytes read_at_most{65536};
  Duration read_every{};        ///< pause between two reads; 0: reads at once whatever is there
  bool read_chains = false;     ///< reads without the copy
  bool finish_late = false;     ///< finishes only when the peer has; not at both ends
  bool linger = false;          ///< keeps the handle until the connection is closed
  bool takes_anything = false;  ///< what it reads is digested and not judged: a box on the path edits
};

struct TransferOptions {
  Bytes back{};  ///< from the listening side to the connecting one, besides
  mptcp::Config client{}, server{};
  Manners client_manners{}, server_manners{};
  Duration start{};                       ///< from now to connect
  std::size_t link = 0;                   ///< which link between the two the first subflow takes
  Family family = Family::v4;             ///< the other one if the link has no such addresses
  std::optional<Address> to{};            ///< connects there, whatever links there are: a port's
  std::vector<InterfaceId> interfaces{};  ///< ConnectOptions::interfaces
  bool announce = true;                   ///< ListenOptions::announce
  stack::Stateless stateless = stack::Stateless::under_pressure;  ///< ListenOptions::stateless
  bool race = true;             ///< ConnectOptions::race; without it the first path is the only one to begin with
  bool close_listener = false;  ///< once the connection is accepted
  bool may_fail = false;        ///< an error that an application is told of is no violation
  std::optional<Bytes> abort_after{};  ///< the client aborts once it has read and written so much
};

/// One end. `step` does what can be done now.
class Application {
 public:
  Application(Host& host, const Promise& writes, const Promise& reads, const Manners& manners, Generator generator);

  void adopt(stack::ConnectionId id, bool connected);
  bool is(const Host& host, stack::ConnectionId id) const { return &host_ == &host && id_ == id; }
  void on(const stack::Event& event);
  bool step(Instant now);  ///< whether anything was done
  Instant next() const { return next_read_; }
  void abort(Instant now);

  Host& host() const { return host_; }
  std::optional<stack::ConnectionId> id() const { return id_; }
  bool connected() const { return connected_; }
  bool done() const { return released_; }
  bool finished() const { return finished_; }
  bool saw_end() const { return end_; }
  std::uint64_t written() const { return written_; }
  std::uint64_t read() const { return read_; }
  std::uint64_t written_digest() const { return written_digest_; }
  std::uint64_t read_digest() const { return read_digest_; }
  std::optional<Errc> error() const { return error_; }  ///< why the connection died, if not in order
  const std::optional<std::string>& violation() const { return violation_; }
  /// What could be asked of the connection when it was let go.
  const std::optional<mptcp::ConnectionInfo>& last_info() const { return last_info_; }
  bool aborted() const { return aborted_; }
  std::string to_text() const;

 private:
  bool write_some(Instant now);
  bool read_some(Instant now);
  bool read_once(Instant now);
  void take(std::span<const std::uint8_t> bytes);
  void let_go(Instant now);

  Host& host_;
  Promise writes_, reads_;
  Manners manners_;
  Generator generator_;
  std::vector<std::uint8_t> buffer_;
  std::optional<stack::ConnectionId> id_;
  std::uint64_t written_ = 0, read_ = 0;
  std::uint64_t written_digest_, read_digest_;
  bool connected_ = false, writable_ = false, readable_ = false;
  bool finished_ = false, end_ = false, closed_ = false, released_ = false, aborted_ = false;
  Instant next_read_ = Instant::never();  ///< set while something is readable and the pause is not over
  std::optional<Errc> error_;
  std::optional<std::string> violation_;
  std::optional<mptcp::ConnectionInfo> last_info_;
};

class Transfer final : public Actor {
 public:
  /// `cast` is that of the world; it has to know the transfer before `open`.
  Transfer(Cast& cast, Host& from, Host& to, Bytes bytes, const TransferOptions& options, std::uint16_t port,
           const SocketAddress& remote, Generator generator);

  /// Listens and, when its time has come, connects.
  void open(Instant now);
  void on(Host& host, const stack::Event& event, Instant now) override;
  bool step(Instant now) override;
  Instant next() const override;

  /// Both ends are through; a connection that was aborted early may never have got to the server.
  bool complete() const { return client_.done() && (server_.done() || (client_.aborted() && !server_.id())); }
  bool connected() const { return client_.connected() && server_.connected(); }
  /// What the application saw go wrong: bytes that differ, an error nobody asked for.
  std::optional<std::string> violation() const override;
  const Application& client() const { return client_; }
  const Application& server() const { return server_; }
  std::uint16_t port() const { return port_; }
  Bytes received() const { return {client_.read() + server_.read()}; }
  /// Over both directions.
  std::uint64_t sent_digest() const { return client_.written_digest() ^ server_.written_digest() * 3; }
  std::uint64_t received_digest() const { return server_.read_digest() ^ client_.read_digest() * 3; }
  Promise up() const { return up_; }
  Promise down() const { return down_; }
  const TransferOptions& options() const { return options_; }
  std::string to_text() const;

 private:
  void accept(Instant now);

  Cast& cast_;
  TransferOptions options_;
  std::uint16_t port_;
  SocketAddress remote_;
  Promise up_, down_;
  Application client_, server_;
  std::optional<stack::ListenerId> listener_;
  Instant start_ = Instant::never();
  bool opened_ = false;
  std::optional<std::string> violation_;
};
}  // namespace anabranch::sim
