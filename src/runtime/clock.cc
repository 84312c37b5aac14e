#include "runtime/clock.hh"

#include <ctime>

namespace anabranch::runtime {
namespace {
std::int64_t read_clock(clockid_t which) {
  timespec t{};
  ::clock_gettime(which, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
}  // namespace

Instant monotonic_now() { return {read_clock(CLOCK_MONOTONIC)}; }
Duration wall_clock_at_zero() { return {read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC)}; }
}  // namespace anabranch::runtime
