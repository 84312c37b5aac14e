#include "mptcp/scheduler.hh"

#include "mptcp/schedulers/lowest_rtt.hh"

#include <array>

namespace anabranch::mptcp {
namespace {
constexpr std::array<std::string_view, 1> kNames{"lowest_rtt"};
}  // namespace

std::unique_ptr<Scheduler> make_scheduler(std::string_view name) {
  if (name == "lowest_rtt") { return std::make_unique<LowestRtt>(); }
  return nullptr;
}
std::span<const std::string_view> scheduler_names() { return kNames; }
}  // namespace anabranch::mptcp
