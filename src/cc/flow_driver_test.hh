/// A path without a queue for tests of controllers: sends what the window allows, acknowledges it a round trip later.
#pragma once
#include "cc/controller.hh"

#include <algorithm>

namespace anabranch::cc {

class FlowDriver {
 public:
  static constexpr Bytes kSegment{1000};

  FlowDriver(Controller& controller, Duration rtt) : controller_{controller}, rtt_{rtt} {}

  /// One round trip: a full window is sent, then acknowledged in steps of `per_ack`, spread over the round trip.
  void round(Bytes per_ack = {2000}, const Siblings& siblings = {}, bool app_limited = false) {
    const Bytes window = controller_.window();
    controller_.on_sent(now_, window, window);
    const std::uint64_t steps = std::max<std::uint64_t>(1, window.n / per_ack.n);
    const Instant began = now_;
    Bytes left = window;
    for (std::uint64_t i = 1; i <= steps; ++i) {
      now_ = began + Duration{rtt_.ns * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(steps)};
      const Bytes part = i == steps ? left : std::min(left, per_ack);
      left -= part;
      controller_.on_acked(
          {.now = now_, .bytes = part, .in_flight = window, .rtt = rtt_, .srtt = rtt_, .app_limited = app_limited},
          siblings);
    }
  }
  void rounds(int n) {
    for (int i = 0; i < n; ++i) { round(); }
  }
  void lose(Sign sign, const Siblings& siblings = {}) {
    controller_.on_lost({.now = now_, .bytes = kSegment, .in_flight = controller_.window(), .sign = sign}, siblings);
  }
  void lose_and_recover(Sign sign = Sign::duplicate, const Siblings& siblings = {}) {
    lose(sign, siblings);
    controller_.on_recovery_exit(now_);
  }
  double segments() const { return static_cast<double>(controller_.window().n) / static_cast<double>(kSegment.n); }
  Instant now() const { return now_; }
  void wait(Duration d) { now_ = now_ + d; }
  void set_rtt(Duration rtt) { rtt_ = rtt; }

 private:
  Controller& controller_;
  Duration rtt_;
  Instant now_;
};
}  // namespace anabranch::cc
