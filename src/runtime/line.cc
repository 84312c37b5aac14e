#include "runtime/line.hh"

#include <unistd.h>

namespace anabranch::runtime {

Line::Line(boost::asio::io_context& io, std::uint64_t number, std::unique_ptr<device::PacketSocket> socket,
           device::FrameObserver* observer)
    : number_{number},
      socket_{std::move(socket)},
      device_{socket_.get()},
      interface_{socket_->traits().interface},
      descriptor_{io, ::dup(socket_->descriptor())} {  // of its own: either side may close first
  if (observer != nullptr) { device_ = &tap_.emplace(*socket_, *observer); }
}

void Line::send(std::span<Frame> frames, Instant now, Totals& totals) {
  const std::size_t taken = queue_.empty() ? device_->transmit(frames) : 0;
  for (Frame& frame : frames.subspan(taken)) {
    if (queue_.empty()) { full_since_ = now; }
    if (!queue_.push(std::move(frame))) { ++totals.dropped_queue_full; }
  }
  for (Frame& frame : frames) { frame.bytes.clear(); }
}

void Line::resume(Instant now) {
  while (!queue_.empty()) {
    if (device_->transmit({&queue_.front(), 1}) == 0) { return; }
    full_since_ = now;  // it moves: patience starts again
    queue_.pop();
  }
}
}  // namespace anabranch::runtime
