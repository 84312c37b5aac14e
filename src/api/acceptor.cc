#include "api/acceptor.hh"

#include "api/error.hh"

namespace anabranch {
namespace asio = boost::asio;

struct Acceptor::Core : std::enable_shared_from_this<Acceptor::Core> {
  Core(std::shared_ptr<runtime::Runtime> r, stack::ListenerId i, std::uint16_t p)
      : runtime{std::move(r)},
        id{i},
        port{p} {}
  ~Core() { close(); }

  auto executor() const { return runtime->io().get_executor(); }
  Stream nothing() const { return Stream{api::StreamCore::make(runtime)}; }

  void accept(Handler handler) {
    const bool open = id && runtime->running();
    if (!open || waiting) {
      const api::ErrorCode error = !open ? api::ErrorCode{asio::error::bad_descriptor} : asio::error::in_progress;
      return asio::post(executor(), asio::append(std::move(handler), error, nothing()));
    }
    waiting.hold(std::move(handler), executor());
    waiting.on_cancel([weak = weak_from_this()](std::uint64_t serial) {
      const auto self = weak.lock();
      if (self && self->waiting && self->waiting.serial() == serial) { self->abort(); }
    });
    look();
  }
  /// Gives a connection that is there to who waits.
  void look() {
    if (!waiting) { return; }
    const auto connection = runtime->stack().accept(*id);
    if (!connection) { return; }
    runtime->kick();  // the listener has room again
    waiting.post(executor(), api::ErrorCode{}, Stream{api::StreamCore::adopt(runtime, *connection)});
  }
  void on_event(const stack::Event& event) {
    if (!runtime->running() || event.what == stack::Happened::closed) {
      id.reset();
      abort();
    } else {
      look();
    }
  }
  void abort() {
    if (waiting) { waiting.post(executor(), api::ErrorCode{asio::error::operation_aborted}, nothing()); }
  }
  void close() {
    abort();
    if (!id) { return; }
    runtime->forget(*id);
    runtime->stack().close(*id, runtime->now());
    runtime->kick();
    id.reset();
  }

  std::shared_ptr<runtime::Runtime> runtime;
  std::optional<stack::ListenerId> id;
  std::uint16_t port;
  api::Waiting<Handler> waiting;
};

Outcome<Acceptor> Acceptor::listen(const Context& context, const AcceptOptions& options) {
  const auto& runtime = context.runtime();
  if (!runtime->running()) { return runtime::failure(Errc::closed, "the context was stopped"); }
  stack::ListenOptions wanted{.port = options.port,
                              .address = options.address,
                              .interfaces = {},
                              .backlog = options.backlog,
                              .announce = options.announce,
                              .stateless = options.stateless,
                              .announce_at = options.announce_at,
                              .fast_open = options.fast_open,
                              .config = options.config.value_or(runtime->options().connection)};
  for (const std::string& name : options.interfaces) {
    const auto interface = runtime->interface_by_name(name);
    if (!interface) { return std::unexpected(interface.error()); }
    wanted.interfaces.push_back(*interface);
  }
  if (options.port == 0) {
    const auto port = runtime->claim_any_port();
    if (!port) { return std::unexpected(port.error()); }
    wanted.port = *port;
  } else if (auto status = runtime->claim_port(options.port); !status) {
    return std::unexpected(status.error());
  }
  for (const SocketAddress& at : options.announce_at) {
    if (auto status = runtime->claim_port(at.port); !status) { return std::unexpected(status.error()); }
  }
  const auto id = runtime->stack().listen(wanted);
  if (!id) {
    return runtime::failure(
        id.error().code, "cannot listen on port " + std::to_string(wanted.port) + ": " + std::string{id.error().what});
  }
  auto core = std::make_shared<Core>(runtime, *id, wanted.port);
  runtime->watch(*id, [raw = core.get()](const stack::Event& event) { raw->on_event(event); });  // forgotten in close
  return Acceptor{std::move(core)};
}

Acceptor& Acceptor::operator=(Acceptor&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}
Acceptor::executor_type Acceptor::get_executor() const noexcept { return core_->executor(); }
std::uint16_t Acceptor::port() const { return core_->port; }
void Acceptor::close() noexcept {
  if (core_) { core_->close(); }
}
void Acceptor::start_accept(const std::shared_ptr<Core>& core, Handler handler) { core->accept(std::move(handler)); }
}  // namespace anabranch
