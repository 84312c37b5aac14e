/// What a world is busy with, for whoever measures where the time of the machine goes.
///
/// The world has no clock: it says which stage begins, and that the one before goes on; a watch attached to it knows
/// what that took. Nothing of the run depends on it.
#pragma once
#include "base/names.hh"

#include <cstdint>
#include <utility>

namespace anabranch::sim {

enum class Stage : std::uint8_t {
  pipes,         ///< the agenda, queues and wires: everything between hosts
  arrivals,      ///< stacks take packets
  departures,    ///< stacks and ports give packets
  applications,  ///< actors: what they read and write
  count_
};

class Watch {
 public:
  virtual ~Watch() = default;
  /// This stage begins, now.
  virtual void enter(Stage stage) = 0;
};

/// A stage within another one.
class InStage {
 public:
  InStage(Watch* watch, Stage& current, Stage stage) : watch_{watch}, current_{current} {
    if (watch_ == nullptr) { return; }
    before_ = std::exchange(current_, stage);
    watch_->enter(stage);
  }
  InStage(const InStage&) = delete;
  InStage& operator=(const InStage&) = delete;
  ~InStage() {
    if (watch_ == nullptr) { return; }
    current_ = before_;
    watch_->enter(before_);
  }

 private:
  Watch* watch_;
  Stage& current_;
  Stage before_ = Stage::pipes;
};
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Stage> {
  static constexpr std::string_view list[] = {"pipes", "arrivals", "departures", "applications"};
};
