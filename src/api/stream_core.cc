#include "api/stream_core.hh"

#include "api/error.hh"
#include "api/stream.hh"

#include <boost/asio/error.hpp>

namespace anabranch::api {
namespace asio = boost::asio;
namespace {
constexpr Bytes kLook{64 << 10};  // how much is taken from the stack when only asked whether something is there

/// A writer hears of the end of the connection as sockets put it.
ErrorCode as_write_error(Errc code) {
  return code == Errc::closed ? ErrorCode{asio::error::broken_pipe} : to_error_code(code);
}
}  // namespace

std::shared_ptr<StreamCore> StreamCore::make(std::shared_ptr<runtime::Runtime> runtime) {
  return std::make_shared<StreamCore>(std::move(runtime));
}
std::shared_ptr<StreamCore> StreamCore::adopt(std::shared_ptr<runtime::Runtime> runtime, stack::ConnectionId id) {
  auto core = make(std::move(runtime));
  core->watch(id);
  return core;
}

void StreamCore::watch(stack::ConnectionId id) {
  id_ = id;
  runtime_->watch(id, [this](const stack::Event& event) { on_event(event); });  // forgotten in `release`
}

/// Why no operation can begin; no error when it can.
ErrorCode StreamCore::unusable() const {
  if (!runtime_->running()) { return asio::error::operation_aborted; }
  if (!id_ || connect_) { return asio::error::not_connected; }
  return {};
}

// --- operations begin

void StreamCore::connect(const SocketAddress& remote, const ConnectOptions& options, Done handler) {
  if (!runtime_->running()) { return complete(std::move(handler), ErrorCode{asio::error::operation_aborted}); }
  if (id_) { return complete(std::move(handler), ErrorCode{asio::error::already_connected}); }
  stack::ConnectOptions wanted{.remote = remote,
                               .remotes = options.remotes,
                               .interfaces = {},
                               .config = options.config.value_or(runtime_->options().connection),
                               .race = options.race,
                               .fast_open = options.fast_open};
  for (const std::string& name : options.interfaces) {
    const auto interface = runtime_->interface_by_name(name);
    if (!interface) { return complete(std::move(handler), to_error_code(Errc::bad_argument)); }
    wanted.interfaces.push_back(*interface);
  }
  const auto id = runtime_->stack().connect(wanted, runtime_->now());
  if (!id) { return complete(std::move(handler), to_error_code(id.error().code)); }
  watch(*id);
  if (runtime_->stack().awaits_first_bytes(*id)) {
    complete(std::move(handler), ErrorCode{});
  } else {
    connect_.hold(std::move(handler), executor());
    connect_.on_cancel(canceller(&StreamCore::cancel_connect));
  }
  runtime_->kick();
}

void StreamCore::read(const BufferList<asio::mutable_buffer>& buffers, DoneBytes handler) {
  if (buffers.empty()) { return complete(std::move(handler), ErrorCode{}, std::size_t{0}); }
  if (const ErrorCode error = unusable()) { return complete(std::move(handler), error, std::size_t{0}); }
  if (read_ || wait_) { return complete(std::move(handler), ErrorCode{asio::error::in_progress}, std::size_t{0}); }
  into_ = buffers;
  const Some some = read_now();
  if (!some.wait) { return complete(std::move(handler), some.error, some.bytes); }
  read_.hold(std::move(handler), executor());
  read_.on_cancel(canceller(&StreamCore::cancel_read));
}

void StreamCore::write(const BufferList<asio::const_buffer>& buffers, DoneBytes handler) {
  if (buffers.empty()) { return complete(std::move(handler), ErrorCode{}, std::size_t{0}); }
  if (const ErrorCode error = unusable()) { return complete(std::move(handler), error, std::size_t{0}); }
  if (write_) { return complete(std::move(handler), ErrorCode{asio::error::in_progress}, std::size_t{0}); }
  from_ = buffers;
  const Some some = write_now();
  if (!some.wait) { return complete(std::move(handler), some.error, some.bytes); }
  write_.hold(std::move(handler), executor());
  write_.on_cancel(canceller(&StreamCore::cancel_write));
}

void StreamCore::wait_readable(Done handler) {
  if (const ErrorCode error = unusable()) { return complete(std::move(handler), error); }
  if (read_ || wait_) { return complete(std::move(handler), ErrorCode{asio::error::in_progress}); }
  ErrorCode error;
  if (fetch(error)) { return complete(std::move(handler), ErrorCode{}); }  // the end and errors are for the read itself
  wait_.hold(std::move(handler), executor());
  wait_.on_cancel(canceller(&StreamCore::cancel_wait));
}

void StreamCore::next_event(DoneEvent handler) {
  if (const ErrorCode error = unusable()) { return complete(std::move(handler), error, mptcp::PathEvent{}); }
  if (event_) { return complete(std::move(handler), ErrorCode{asio::error::in_progress}, mptcp::PathEvent{}); }
  if (auto event = runtime_->stack().poll_path_event(*id_)) {
    return complete(std::move(handler), ErrorCode{}, *event);
  }
  if (ended_) { return complete(std::move(handler), ErrorCode{asio::error::eof}, mptcp::PathEvent{}); }
  event_.hold(std::move(handler), executor());
  event_.on_cancel(canceller(&StreamCore::cancel_event));
}

// --- and go on when something happened

void StreamCore::on_event(const stack::Event& event) {
  const auto self = weak_from_this().lock();  // what the watcher of changes does may drop the last stream
  if (!runtime_->running()) {
    id_.reset();
    return abort_operations();
  }
  switch (event.what) {
    case stack::Happened::connected:
      if (connect_) { connect_.post(executor(), ErrorCode{}); }
      break;
    case stack::Happened::closed:
      ended_ = true;
      if (connect_) {
        connect_.post(executor(), event.error == Errc::closed ? ErrorCode{asio::error::connection_aborted}
                                                              : to_error_code(event.error));
        return release();
      }
      progress();
      break;
    case stack::Happened::fell_back:
    case stack::Happened::paths_changed:
      progress();
      if (const auto watcher = changed_) { watcher(); }
      break;
    default: progress(); break;
  }
}

void StreamCore::progress() {
  if (event_) {
    if (auto event = runtime_->stack().poll_path_event(*id_)) {
      event_.post(executor(), ErrorCode{}, *event);
    } else if (ended_) {
      event_.post(executor(), ErrorCode{asio::error::eof}, mptcp::PathEvent{});
    }
  }
  if (read_) {
    if (const Some some = read_now(); !some.wait) { read_.post(executor(), some.error, some.bytes); }
  }
  if (wait_) {
    if (ErrorCode error; fetch(error)) { wait_.post(executor(), ErrorCode{}); }
  }
  if (write_) {
    if (const Some some = write_now(); !some.wait) { write_.post(executor(), some.error, some.bytes); }
  }
}

/// True when a read would not wait: bytes are held, or `error` says what it would end with.
bool StreamCore::fetch(ErrorCode& error) {
  if (!held_.empty()) { return true; }
  auto chain = runtime_->stack().read_chain(*id_, kLook, runtime_->now());
  if (!chain) {
    error = to_error_code(chain.error().code);
    return chain.error().code != Errc::would_block;
  }
  if (chain->empty()) {
    error = asio::error::eof;
    return true;
  }
  held_ = std::move(*chain);
  runtime_->kick();  // room was made: the window may have to be told
  return true;
}

StreamCore::Some StreamCore::read_now() {
  Some some;
  for (const asio::mutable_buffer& buffer : into_) {
    std::span<std::uint8_t> room{static_cast<std::uint8_t*>(buffer.data()), buffer.size()};
    if (!held_.empty()) {
      const std::size_t n = held_.copy_to(room);
      held_.drop_front({n});
      some.bytes += n;
      room = room.subspan(n);
      if (room.empty()) { continue; }
    }
    const auto n = runtime_->stack().read(*id_, room, runtime_->now());
    if (some.bytes == 0 && !n) {
      some.wait = n.error().code == Errc::would_block;
      if (!some.wait) { some.error = to_error_code(n.error().code); }
      return some;
    }
    if (some.bytes == 0 && *n == 0) {
      some.error = asio::error::eof;
      return some;
    }
    some.bytes += n.value_or(0);
    if (n.value_or(0) < room.size()) { break; }
  }
  runtime_->kick();
  return some;
}

StreamCore::Some StreamCore::write_now() {
  Some some;
  for (const asio::const_buffer& buffer : from_) {
    const std::span bytes{static_cast<const std::uint8_t*>(buffer.data()), buffer.size()};
    const auto n = runtime_->stack().write(*id_, bytes, runtime_->now());
    if (!n && some.bytes == 0) {
      some.wait = n.error().code == Errc::would_block;
      if (!some.wait) { some.error = as_write_error(n.error().code); }
      return some;
    }
    some.bytes += n.value_or(0);
    if (n.value_or(0) < bytes.size()) { break; }
  }
  runtime_->kick();
  return some;
}

// --- cancellation and the end

void StreamCore::cancel_connect(std::uint64_t serial) {
  if (!connect_ || connect_.serial() != serial) { return; }
  connect_.post(executor(), ErrorCode{asio::error::operation_aborted});
  abort();
}
void StreamCore::cancel_read(std::uint64_t serial) {
  if (!read_ || read_.serial() != serial) { return; }
  read_.post(executor(), ErrorCode{asio::error::operation_aborted}, std::size_t{0});
}
void StreamCore::cancel_wait(std::uint64_t serial) {
  if (!wait_ || wait_.serial() != serial) { return; }
  wait_.post(executor(), ErrorCode{asio::error::operation_aborted});
}
void StreamCore::cancel_write(std::uint64_t serial) {
  if (!write_ || write_.serial() != serial) { return; }
  write_.post(executor(), ErrorCode{asio::error::operation_aborted}, std::size_t{0});
}

void StreamCore::cancel_event(std::uint64_t serial) {
  if (!event_ || event_.serial() != serial) { return; }
  event_.post(executor(), ErrorCode{asio::error::operation_aborted}, mptcp::PathEvent{});
}

void StreamCore::abort_operations() {
  const ErrorCode aborted = asio::error::operation_aborted;
  if (connect_) { connect_.post(executor(), aborted); }
  if (wait_) { wait_.post(executor(), aborted); }
  if (event_) { event_.post(executor(), aborted, mptcp::PathEvent{}); }
  if (read_) { read_.post(executor(), aborted, std::size_t{0}); }
  if (write_) { write_.post(executor(), aborted, std::size_t{0}); }
}

void StreamCore::release() noexcept {
  if (!id_) { return; }
  runtime_->forget(*id_);
  runtime_->stack().release(*id_, runtime_->now());
  runtime_->kick();
  id_.reset();
  held_.clear();
}

void StreamCore::close() noexcept {
  abort_operations();
  if (id_ && !held_.empty()) { (void)runtime_->stack().abort(*id_, runtime_->now()); }  // unread bytes are lost
  release();
}

void StreamCore::abort() noexcept {
  abort_operations();
  if (id_) { (void)runtime_->stack().abort(*id_, runtime_->now()); }
  release();
}

ErrorCode StreamCore::shutdown_send() {
  if (const ErrorCode error = unusable()) { return error; }
  const Status status = runtime_->stack().finish(*id_, runtime_->now());
  runtime_->kick();
  return status ? ErrorCode{} : as_write_error(status.error().code);
}

// --- questions

Chain StreamCore::take(Bytes at_most, ErrorCode& error) {
  error = unusable();
  if (!error) { (void)fetch(error); }
  Chain out = held_.first(at_most);
  held_.drop_front(at_most);
  if (!out.empty() && held_.empty() && out.size() < at_most) {
    if (auto more = runtime_->stack().read_chain(*id_, at_most - out.size(), runtime_->now())) { out.append(*more); }
    runtime_->kick();
  }
  return out;
}

std::size_t StreamCore::available() const { return id_ ? held_.size().n + runtime_->stack().readable(*id_).n : 0; }
Result<mptcp::ConnectionInfo> StreamCore::info() const {
  if (!id_) { return fail(Errc::closed, "info"); }
  return runtime_->stack().info(*id_, runtime_->now());
}
SocketAddress StreamCore::local_address() const {
  return id_ ? runtime_->stack().local_address(*id_) : SocketAddress{};
}
SocketAddress StreamCore::remote_address() const {
  return id_ ? runtime_->stack().remote_address(*id_) : SocketAddress{};
}
}  // namespace anabranch::api
