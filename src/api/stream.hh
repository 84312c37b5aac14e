/// A connection as a byte stream: a Boost.Asio AsyncReadStream and AsyncWriteStream over many paths.
///
/// One read and one write at a time. Never completes inside the initiating call. Each operation can be cancelled
/// through its cancellation slot, all of them by `close`. Movable; destruction closes. Not thread-safe, like its Context.
/// Beast, SSL streams and any composed operation of Asio run over it unchanged.
#pragma once
#include "api/context.hh"
#include "api/stream_core.hh"

#include <boost/asio/socket_base.hpp>
#include <string>
#include <vector>

namespace anabranch {

/// In a coroutine built by GCC 12 pass a variable, not a braced list: that compiler destroys such temporaries twice.
struct ConnectOptions {
  std::vector<std::string> interfaces =
      {};  ///< which may carry subflows, the first one first; empty: all that lead there
  std::optional<mptcp::Config> config = {};  ///< none: the context's
  /// Further addresses of the same service, tried too if the first takes long (`stack::interleave` sorts them).
  std::vector<SocketAddress> remotes = {};
  stack::RaceOptions race = {};  ///< over several interfaces and addresses (RFC 8305)
  /// TCP Fast Open (RFC 7413). To a server that gave us a cookie before, connecting completes at once, and what is
  /// written then rides on the SYN; that nobody is there is told by the first read or write. The server may get those
  /// bytes twice: only for what may be repeated.
  bool fast_open = false;
};

class Stream {
 public:
  using executor_type = Context::executor_type;
  using lowest_layer_type = Stream;

  /// A stream that is not connected yet.
  explicit Stream(const Context& context) : core_{api::StreamCore::make(context.runtime())} {}
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream() { close(); }

  executor_type get_executor() const noexcept { return core_->executor(); }
  lowest_layer_type& lowest_layer() { return *this; }
  const lowest_layer_type& lowest_layer() const { return *this; }

  /// Signature: void(error_code). Errors: connection_refused, timed_out, host_unreachable, connection_reset,
  /// already_connected, operation_aborted, invalid_argument (unknown interface or policy name).
  template <class Token>
  auto async_connect(const SocketAddress& remote, const ConnectOptions& options, Token&& token) {
    return boost::asio::async_initiate<Token, void(api::ErrorCode)>(
        [core = core_, remote, options](auto handler) { core->connect(remote, options, std::move(handler)); }, token);
  }
  template <class Token>
  auto async_connect(const SocketAddress& remote, Token&& token) {
    return async_connect(remote, ConnectOptions{}, std::forward<Token>(token));
  }

  /// Completes with at least one byte, or an error; buffers without room complete at once with 0 bytes. Errors: eof
  /// (the peer finished and all was read), connection_reset, timed_out, operation_aborted, not_connected, in_progress
  /// (another read is waiting). Signature: void(error_code, std::size_t)
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(api::ErrorCode, std::size_t)>(
        [core = core_, list = api::buffer_list<boost::asio::mutable_buffer>(buffers)](auto handler) {
          core->read(list, std::move(handler));
        },
        token);
  }
  /// Completes when at least one byte was copied to the send buffer. Errors: broken_pipe (after shutdown_send or when
  /// the connection is over), connection_reset, timed_out, operation_aborted, not_connected, in_progress.
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(api::ErrorCode, std::size_t)>(
        [core = core_, list = api::buffer_list<boost::asio::const_buffer>(buffers)](auto handler) {
          core->write(list, std::move(handler));
        },
        token);
  }
  /// Completes when bytes (or the end, or an error) can be read without waiting. Signature: void(error_code). It takes
  /// the place of a read: one of both at a time.
  template <class Token>
  auto async_wait_readable(Token&& token) {
    return boost::asio::async_initiate<Token, void(api::ErrorCode)>(
        [core = core_](auto handler) { core->wait_readable(std::move(handler)); }, token);
  }
  /// What has arrived, without the copy; empty when nothing has, with error `would_block`, or `eof` at the end. The
  /// slabs belong to the context: let go of them before it ends.
  Chain take(Bytes at_most, api::ErrorCode& error) { return core_->take(at_most, error); }
  std::size_t available() const { return core_->available(); }

  /// No more writing; what was written still arrives, and reading goes on.
  void shutdown_send(api::ErrorCode& error) { error = core_->shutdown_send(); }
  /// Operations complete with operation_aborted. What was written still arrives; if bytes that arrived were not read,
  /// the peer is told so with a reset, as sockets do.
  void close() noexcept {
    if (core_) { core_->close(); }
  }
  /// Ends the connection at once, on all subflows (MP_FASTCLOSE or RST).
  void abort() noexcept {
    if (core_) { core_->abort(); }
  }
  bool is_open() const noexcept { return core_ && core_->is_open(); }

  /// What it is and how it fares: protocol, fallback, subflows with their counters. Also after the end of the
  /// connection, until `close`. Error `closed` before the connection began and after `close`.
  Result<mptcp::ConnectionInfo> info() const { return core_->info(); }
  SocketAddress local_address() const { return core_->local_address(); }  ///< of the initial subflow
  SocketAddress remote_address() const { return core_->remote_address(); }

  /// Completes with the next thing that happened to the paths: subflows, priorities, addresses of the peer, fallback,
  /// rates. One at a time, beside a read and a write. What nobody waits for is kept, the latest 64 of it. Errors: eof
  /// (the connection is over and all is told), operation_aborted, not_connected, in_progress.
  /// Signature: void(error_code, mptcp::PathEvent)
  template <class Token>
  auto async_next_event(Token&& token) {
    return boost::asio::async_initiate<Token, void(api::ErrorCode, mptcp::PathEvent)>(
        [core = core_](auto handler) { core->next_event(std::move(handler)); }, token);
  }
  // Steering; error `closed` where there is no connection, no_such_path where it is plain TCP or has no such subflow.
  /// `rates` events of each subflow so often, at least 10 ms; 0: none. bad_argument.
  Status watch_rates(Duration every);
  /// A subflow to `to`, from an address of ours; none: the best that leads there. limit_reached: enough of them.
  Status open_subflow(std::optional<Address> from, const SocketAddress& to, bool backup = false);
  Status set_backup(mptcp::SubflowId subflow, bool backup);  ///< MP_PRIO
  /// In order if it works, with a reset if not; others carry its data.
  Status close_subflow(mptcp::SubflowId subflow);
  Status announce(const SocketAddress& where);  ///< ADD_ADDR: joins are taken there; limit_reached
  Status withdraw(const SocketAddress& where);  ///< REMOVE_ADDR
  Status set_scheduler(std::string_view name);  ///< from now on; bad_argument: no such scheduler
  Status set_no_delay(bool on);
  Status set_cork(bool on);
  /// Called from the pump when there is a path event, or the connection fell back; it may ask `info`. Null: nobody.
  void on_change(std::function<void()> watcher) { core_->on_change(std::move(watcher)); }

 private:
  friend class Acceptor;
  explicit Stream(std::shared_ptr<api::StreamCore> core) : core_{std::move(core)} {}

  std::shared_ptr<api::StreamCore> core_;
};
}  // namespace anabranch
