/// One device in the loop: its descriptor to wait on, and the frames that wait for it to take them.
///
/// Frames leave in order. The queue is short: when it is full, or the device took nothing for `kPatience`, the device
/// is slower than its senders, and what comes is dropped as a router would drop it. Owned by the pump.
#pragma once
#include "base/ring.hh"
#include "device/frame_tap.hh"
#include "device/packet_socket.hh"
#include "runtime/runtime.hh"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>

namespace anabranch::runtime {

class Line {
 public:
  using Descriptor = boost::asio::posix::stream_descriptor;

  /// `observer`: told of each frame; null: nobody.
  Line(boost::asio::io_context& io, std::uint64_t number, std::unique_ptr<device::PacketSocket> socket,
       device::FrameObserver* observer);

  std::uint64_t number() const { return number_; }  ///< never used twice
  InterfaceId interface() const { return interface_; }
  device::PacketSocket& socket() { return *socket_; }
  const device::PacketSocket& socket() const { return *socket_; }
  Descriptor& descriptor() { return descriptor_; }

  std::size_t receive(std::span<Frame> into) { return device_->receive(into); }
  /// Sends or queues; frames are emptied.
  void send(std::span<Frame> frames, Instant now, Totals& totals);
  /// Sends what waits.
  void resume(Instant now);
  std::size_t queued() const { return queue_.size(); }
  /// Whether the stack had better wait with more frames: the device is full, but not for long.
  bool holds_back(Instant now) const { return !queue_.empty() && now < patience_ends(); }
  Instant patience_ends() const { return queue_.empty() ? Instant::never() : full_since_ + kPatience; }

  bool reading = false;  ///< a wait for readability is on its way
  bool writing = false;

 private:
  /// 1 MiB of socket buffer drains in 0.8 ms at 10 Gb/s: a device that is full for longer is a slow link, and waiting
  /// for it would slow down the other paths.
  static constexpr Duration kPatience{2'000'000};
  static constexpr std::size_t kQueue = 64;  // frames: two of the pump's batches

  std::uint64_t number_;
  std::unique_ptr<device::PacketSocket> socket_;
  std::optional<device::FrameTap> tap_;
  device::Device* device_;
  InterfaceId interface_;
  Descriptor descriptor_;
  Ring<Frame> queue_{kQueue};
  Instant full_since_{};
};
}  // namespace anabranch::runtime
