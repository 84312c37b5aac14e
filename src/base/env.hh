/// What a protocol object borrows from the world: randomness, the trace and fault points.
///
/// Passed once, at construction, by reference; whoever builds the stack owns the three and outlives it. There is
/// no clock in it: time comes with each call.
#pragma once
#include "base/random.hh"

#include <string_view>

namespace anabranch {

namespace trace {
class Trace;  // trace/event.hh
}  // namespace trace

/// Places where the simulator may make the unlikely happen. Outside the simulator every answer is "no".
class Faults {
 public:
  virtual ~Faults() = default;
  /// Whether the fault named `point` (a literal, "tcp.lose_ack_timer") strikes this time.
  virtual bool strike(std::string_view point) = 0;
};
class NoFaults final : public Faults {
 public:
  bool strike(std::string_view) override { return false; }
};

struct Env {
  Random& random;
  trace::Trace& trace;
  Faults& faults;
};
}  // namespace anabranch
