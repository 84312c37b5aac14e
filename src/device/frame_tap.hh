/// A device that tells an observer of every frame that passes, for captures. Changes nothing.
///
/// Frames are reported when they came in, and when the device below took them (even if it then dropped them for want
/// of a neighbour). Owns nothing: the device and the observer outlive it.
#pragma once
#include "device/device.hh"

namespace anabranch::device {

class FrameObserver {
 public:
  virtual ~FrameObserver() = default;
  virtual void on_received(const Device& device, const Frame& frame) = 0;
  virtual void on_sent(const Device& device, const Frame& frame) = 0;
};

class FrameTap final : public Device {
 public:
  FrameTap(Device& below, FrameObserver& observer) : below_{below}, observer_{observer} {}

  Traits traits() const override { return below_.traits(); }
  std::size_t receive(std::span<Frame> into) override {
    const std::size_t n = below_.receive(into);
    for (const Frame& frame : into.first(n)) { observer_.on_received(below_, frame); }
    return n;
  }
  std::size_t transmit(std::span<const Frame> frames) override {
    const std::size_t n = below_.transmit(frames);
    for (const Frame& frame : frames.first(n)) { observer_.on_sent(below_, frame); }
    return n;
  }
  int descriptor() const override { return below_.descriptor(); }
  std::string_view name() const override { return below_.name(); }

 private:
  Device& below_;
  FrameObserver& observer_;
};
}  // namespace anabranch::device
