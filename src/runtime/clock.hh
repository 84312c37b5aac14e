/// The clock: the only one in the program. Everybody else is told the time.
#pragma once
#include "base/units.hh"

namespace anabranch::runtime {

/// CLOCK_MONOTONIC, so an Instant of the runtime is also a time point of std::chrono::steady_clock.
Instant monotonic_now();
/// Add it to an Instant to get the time since 1970, as the system's wall clock has it now.
Duration wall_clock_at_zero();
}  // namespace anabranch::runtime
