/// A listening port: connections as they become established, plain TCP or MPTCP as the peer and the options have it.
///
/// One accept at a time. Destruction stops listening; connections that nobody accepted are reset by the stack.
#pragma once
#include "api/stream.hh"

namespace anabranch {

struct AcceptOptions {
  std::uint16_t port = 0;                    ///< 0: any free one, see `Acceptor::port`
  std::optional<Address> address = {};       ///< none: any of ours, both families
  std::vector<std::string> interfaces = {};  ///< none: all
  std::size_t backlog = 128;                 ///< established and not accepted
  bool announce = true;                      ///< tell the peer our other addresses (ADD_ADDR)
  /// Joins are taken there as well, and the peers are told (ADD_ADDR with a port).
  std::vector<SocketAddress> announce_at = {};
  std::optional<mptcp::Config> config = {};  ///< none: the context's
  /// When SYNs and joins are answered from no memory, or from little (RFC 4987 §3.6).
  stack::Stateless stateless = stack::Stateless::under_pressure;
  /// TCP Fast Open: so many connections at a time may have data before they are confirmed; 0: off. What arrives so may
  /// be a repetition (RFC 7413 §2.1).
  std::size_t fast_open = 0;
};

class Acceptor {
 public:
  using executor_type = Context::executor_type;

  /// Listens; claims the port and those to be announced if the context has not. Errors: address_in_use (names the port), no_such_path (names the
  /// interface), bad_argument.
  static Outcome<Acceptor> listen(const Context& context, const AcceptOptions& options);

  Acceptor(Acceptor&&) noexcept = default;
  Acceptor& operator=(Acceptor&& other) noexcept;
  ~Acceptor() { close(); }

  executor_type get_executor() const noexcept;
  std::uint16_t port() const;

  /// Errors: operation_aborted, bad_descriptor (closed), in_progress. Signature: void(error_code, anabranch::Stream)
  template <class Token>
  auto async_accept(Token&& token) {
    return boost::asio::async_initiate<Token, void(api::ErrorCode, Stream)>(
        [core = core_](auto handler) { start_accept(core, std::move(handler)); }, token);
  }
  /// A waiting accept completes with operation_aborted.
  void close() noexcept;

 private:
  struct Core;
  using Handler = boost::asio::any_completion_handler<void(api::ErrorCode, Stream)>;
  explicit Acceptor(std::shared_ptr<Core> core) : core_{std::move(core)} {}
  static void start_accept(const std::shared_ptr<Core>& core, Handler handler);

  std::shared_ptr<Core> core_;
};
}  // namespace anabranch
