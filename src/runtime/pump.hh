/// Moves frames between devices and stack, and events to whoever watches: batches up, batches down, one timer.
///
/// A turn is: receive a batch, let the stack work, hand out events, send what the stack has; at most a few batches,
/// then others on the io_context have their turn. Nothing here is re-entered: `kick` from inside a turn prolongs it, from
/// outside it posts one. Owned by the runtime; handlers on their way keep nothing alive but check `owner`.
#pragma once
#include "runtime/clock.hh"
#include "runtime/line.hh"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

namespace anabranch::runtime {

class Pump {
 public:
  using Dispatch = std::function<void(const stack::Event&)>;
  Pump(boost::asio::io_context& io, stack::Stack& stack, Dispatch dispatch)
      : io_{io},
        stack_{stack},
        dispatch_{std::move(dispatch)},
        timer_{io} {}

  /// `owner`: while it lives, so does the pump.
  void start(std::weak_ptr<void> owner, bool busy_poll);
  void stop();
  void kick();

  void add(std::unique_ptr<device::PacketSocket> socket, device::FrameObserver* observer);
  void remove(InterfaceId interface);
  Line* find(InterfaceId interface);
  std::vector<std::unique_ptr<Line>>& lines() { return lines_; }
  const std::vector<std::unique_ptr<Line>>& lines() const { return lines_; }
  const Totals& totals() const { return totals_; }

 private:
  static constexpr std::size_t kBatch = 32;  // frames: two of the device's, so that its arrays are filled
  static constexpr int kBatchesATurn = 8;    // 16 MiB at most before others have their turn
  enum class Turn { over, more };

  template <class F>
  auto guarded(F f);  ///< runs `f` only while the owner lives and the pump is not stopped
  void wait_readable(Line& line);
  void wait_writable(Line& line);
  void on_readable(std::uint64_t line);
  Line* find_number(std::uint64_t number);
  void turn();
  void dispatch();
  Turn transmit(Instant now);
  void hand_out(std::span<Frame> frames, Instant now);
  void arm_timer(Instant now);
  void on_timer();
  void poll_busily();

  boost::asio::io_context& io_;
  stack::Stack& stack_;
  Dispatch dispatch_;
  boost::asio::steady_timer timer_;
  std::weak_ptr<void> owner_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::uint64_t lines_made_ = 0;
  std::array<Frame, kBatch> in_, out_;
  Totals totals_;
  Instant armed_ = Instant::never();
  bool in_turn_ = false, again_ = false, posted_ = false, stopped_ = false, busy_ = false;
};
}  // namespace anabranch::runtime
