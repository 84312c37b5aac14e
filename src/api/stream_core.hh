/// What a Stream is inside: one connection of the stack and the operations that wait for it.
///
/// At most one connect, one read (or wait) and one write wait at a time, each holding its completion handler. Events of
/// the connection make them try again; completions are posted, never called. Owned by its Stream and by initiations
/// on their way; `close` (at the latest in the destructor) lets go of the connection.
#pragma once
#include "runtime/runtime.hh"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/container/static_vector.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <optional>

namespace anabranch {
struct ConnectOptions;
}  // namespace anabranch

namespace anabranch::api {

using ErrorCode = boost::system::error_code;
using Done = boost::asio::any_completion_handler<void(ErrorCode)>;
using DoneEvent = boost::asio::any_completion_handler<void(ErrorCode, mptcp::PathEvent)>;
using DoneBytes = boost::asio::any_completion_handler<void(ErrorCode, std::size_t)>;

/// The first buffers of a sequence that have room: "some" of it is all that is promised.
template <class Buffer>
using BufferList = boost::container::static_vector<Buffer, 16>;
template <class Buffer, class Sequence>
BufferList<Buffer> buffer_list(const Sequence& sequence) {
  BufferList<Buffer> list;
  for (auto it = boost::asio::buffer_sequence_begin(sequence); it != boost::asio::buffer_sequence_end(sequence); ++it) {
    const Buffer buffer{*it};
    if (list.size() == list.capacity()) { break; }
    if (buffer.size() != 0) { list.push_back(buffer); }
  }
  return list;
}

/// A handler that waits, with the work it holds on its executor. Empty: nothing waits.
template <class Handler>
class Waiting {
 public:
  using Executor = boost::asio::associated_executor_t<Handler, boost::asio::io_context::executor_type>;

  explicit operator bool() const { return handler_.has_value(); }
  void hold(Handler handler, const boost::asio::io_context::executor_type& io) {
    ++serial_;
    work_.emplace(boost::asio::get_associated_executor(handler, io));
    handler_.emplace(std::move(handler));
  }
  /// Lets the handler's cancellation slot call `cancel`, as long as it is this handler that waits. Not cleared when the
  /// operation completes: an emission that comes late finds another serial number.
  template <class Cancel>
  void on_cancel(Cancel cancel) {
    auto slot = boost::asio::get_associated_cancellation_slot(*handler_);
    if (!slot.is_connected()) { return; }
    slot.assign([cancel = std::move(cancel), serial = serial_](boost::asio::cancellation_type type) {
      if (type != boost::asio::cancellation_type::none) { cancel(serial); }
    });
  }
  /// Takes it out and posts it with these results.
  template <class... Results>
  void post(const boost::asio::io_context::executor_type& io, Results&&... results) {
    Handler handler = std::move(*handler_);
    handler_.reset();
    boost::asio::post(io, boost::asio::append(std::move(handler), std::forward<Results>(results)...));
    work_.reset();
  }
  std::uint64_t serial() const { return serial_; }  ///< of the handler that waits, or waited last

 private:
  std::optional<Handler> handler_;
  std::uint64_t serial_ = 0;
  std::optional<boost::asio::executor_work_guard<Executor>> work_;
};

class StreamCore : public std::enable_shared_from_this<StreamCore> {
 public:
  using Executor = boost::asio::io_context::executor_type;

  static std::shared_ptr<StreamCore> make(std::shared_ptr<runtime::Runtime> runtime);
  /// For a connection that was accepted.
  static std::shared_ptr<StreamCore> adopt(std::shared_ptr<runtime::Runtime> runtime, stack::ConnectionId id);
  explicit StreamCore(std::shared_ptr<runtime::Runtime> runtime) : runtime_{std::move(runtime)} {}
  ~StreamCore() { close(); }
  StreamCore(const StreamCore&) = delete;
  StreamCore& operator=(const StreamCore&) = delete;

  Executor executor() const noexcept { return runtime_->io().get_executor(); }
  void connect(const SocketAddress& remote, const ConnectOptions& options, Done handler);
  void read(const BufferList<boost::asio::mutable_buffer>& buffers, DoneBytes handler);
  void write(const BufferList<boost::asio::const_buffer>& buffers, DoneBytes handler);
  void wait_readable(Done handler);
  void next_event(DoneEvent handler);

  Chain take(Bytes at_most, ErrorCode& error);
  std::size_t available() const;
  ErrorCode shutdown_send();
  void close() noexcept;
  void abort() noexcept;
  bool is_open() const noexcept { return id_.has_value() && !connect_; }

  Result<mptcp::ConnectionInfo> info() const;
  SocketAddress local_address() const;
  SocketAddress remote_address() const;
  /// `what(stack, connection, now)`, and what it wants to send.
  template <class What>
  Status steer(std::string_view name, What&& what) {
    if (!id_) { return fail(Errc::closed, name); }
    runtime_->kick();
    return what(runtime_->stack(), *id_, runtime_->now());
  }
  void on_change(std::function<void()> watcher) { changed_ = std::move(watcher); }

 private:
  struct Some {
    ErrorCode error;
    std::size_t bytes = 0;
    bool wait = false;  ///< nothing to be had yet
  };

  void watch(stack::ConnectionId id);
  void on_event(const stack::Event& event);
  void progress();
  bool fetch(ErrorCode& error);
  Some read_now();
  Some write_now();
  ErrorCode unusable() const;
  struct Canceller {  ///< what a cancellation slot calls; keeps nothing alive
    std::weak_ptr<StreamCore> core;
    void (StreamCore::*cancel)(std::uint64_t);
    void operator()(std::uint64_t serial) const {
      if (const auto self = core.lock()) { ((*self).*cancel)(serial); }
    }
  };
  Canceller canceller(void (StreamCore::*cancel)(std::uint64_t)) { return {weak_from_this(), cancel}; }
  void cancel_connect(std::uint64_t serial);
  void cancel_read(std::uint64_t serial);
  void cancel_wait(std::uint64_t serial);
  void cancel_write(std::uint64_t serial);
  void cancel_event(std::uint64_t serial);
  void abort_operations();
  void release() noexcept;
  template <class Handler, class... Results>
  void complete(Handler handler, Results... results) {
    boost::asio::post(executor(), boost::asio::append(std::move(handler), results...));
  }

  std::shared_ptr<runtime::Runtime> runtime_;
  std::optional<stack::ConnectionId> id_;
  Waiting<Done> connect_, wait_;
  Waiting<DoneBytes> read_, write_;
  Waiting<DoneEvent> event_;
  bool ended_ = false;  ///< the stack has said so
  BufferList<boost::asio::mutable_buffer> into_;
  BufferList<boost::asio::const_buffer> from_;
  Chain held_;  ///< taken from the stack to see whether something is there; read first
  std::function<void()> changed_;
};
}  // namespace anabranch::api
