#include "api/context.hh"

#include "runtime/clock.hh"

#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

namespace anabranch {
namespace asio = boost::asio;

Outcome<Context> Context::open(asio::io_context& io, ContextOptions options) {
  auto runtime = runtime::Runtime::create(io, std::move(options));
  if (!runtime) { return std::unexpected(runtime.error()); }
  return Context{std::move(*runtime)};
}

namespace {
/// Whether nothing will happen soon unless the peers want it: no connection, or only such as wait out TIME-WAIT or for
/// their peer's end. Whoever has something unacknowledged has a retransmission due within a second or so (RFC 6298).
bool is_settled(const stack::Stack& stack, Instant now) {
  constexpr Duration kQuiet{1'500'000'000};
  return stack.connection_count() == 0 || stack.deadline() > now + kQuiet;
}

/// Looks again every few milliseconds: the end of the last connection is no event of the runtime.
template <class Handler>
struct Drain : std::enable_shared_from_this<Drain<Handler>> {
  Drain(std::shared_ptr<runtime::Runtime> r, Instant u, Handler h)
      : runtime{std::move(r)},
        until{u},
        timer{runtime->io()},
        handler{std::move(h)} {}

  void look() {
    const bool settled = is_settled(runtime->stack(), runtime->now());
    if (settled || !runtime->running() || runtime->now() >= until) {
      asio::post(runtime->io(), asio::append(std::move(handler), boost::system::error_code{}, settled));
      return;
    }
    timer.expires_after(std::chrono::milliseconds{5});
    timer.async_wait([self = this->shared_from_this()](const boost::system::error_code&) { self->look(); });
  }
  std::shared_ptr<runtime::Runtime> runtime;
  Instant until;
  asio::steady_timer timer;
  Handler handler;
};
}  // namespace

void Context::start_drain(const std::shared_ptr<runtime::Runtime>& runtime, Duration limit, DrainHandler handler) {
  std::make_shared<Drain<DrainHandler>>(runtime, runtime->now() + limit, std::move(handler))->look();
}
}  // namespace anabranch
