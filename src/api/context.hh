/// Where streams live: one stack with its devices, on one io_context, used from that io_context's only thread.
///
/// Cheap to copy; streams and acceptors keep what they need of it alive. `io_context::run` does not return by itself
/// while a context has not been stopped: packets may arrive at any time.
#pragma once
#include "runtime/runtime.hh"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <memory>

namespace anabranch {

using runtime::Failure;
using runtime::Outcome;
using ContextOptions = runtime::RuntimeOptions;

class Context {
 public:
  using executor_type = boost::asio::io_context::executor_type;

  /// Opens devices and claims ports. Errors: unreachable (no usable interface), no_such_path (unknown interface name),
  /// address_in_use, no_ports_left, bad_argument (missing privilege or an option that makes no sense); the text says
  /// which in one line.
  static Outcome<Context> open(boost::asio::io_context& io, ContextOptions options = {});

  executor_type get_executor() const { return runtime_->io().get_executor(); }

  /// Completes when no connection has anything to say any more, or after `limit`: lets what was written arrive and
  /// closing handshakes end before `stop`. TIME-WAIT is not waited for. True: settled; false: the limit passed.
  /// Signature: void(boost::system::error_code, bool)
  template <class Token>
  auto async_drain(Duration limit, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, bool)>(
        [runtime = runtime_, limit](auto handler) { start_drain(runtime, limit, std::move(handler)); }, token);
  }
  /// Ends everything at once: operations complete with operation_aborted, connections die without a word.
  void stop() { runtime_->stop(); }

  Outcome<void> claim_port(std::uint16_t port) { return runtime_->claim_port(port); }
  const stack::Counters& counters() const { return runtime_->stack().counters(); }
  const Network& network() const { return runtime_->network(); }
  const std::shared_ptr<runtime::Runtime>& runtime() const { return runtime_; }

 private:
  using DrainHandler = boost::asio::any_completion_handler<void(boost::system::error_code, bool)>;
  explicit Context(std::shared_ptr<runtime::Runtime> runtime) : runtime_{std::move(runtime)} {}
  static void start_drain(const std::shared_ptr<runtime::Runtime>& runtime, Duration limit, DrainHandler handler);

  std::shared_ptr<runtime::Runtime> runtime_;
};
}  // namespace anabranch
