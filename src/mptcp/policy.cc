#include "mptcp/policy.hh"

#include <algorithm>
#include <array>

namespace anabranch::mptcp {
namespace {
struct Policy {
  std::string_view name, path_manager, scheduler;
  Metered metered;
};
constexpr std::array<Policy, 4> kPolicies{{
    {"handover", "backup", "lowest_rtt", Metered::last_resort},
    {"interactive", "full_mesh", "lowest_rtt", Metered::backup},
    {"aggregate", "full_mesh", "lowest_rtt", Metered::as_others},
    {"redundant", "full_mesh", "redundant", Metered::as_others},
}};
constexpr auto kNames = [] {
  std::array<std::string_view, kPolicies.size()> out;
  std::ranges::transform(kPolicies, out.begin(), &Policy::name);
  return out;
}();
}  // namespace

Status apply_policy(std::string_view name, Config& config) {
  const auto it = std::ranges::find(kPolicies, name, &Policy::name);
  if (it == kPolicies.end()) { return fail(Errc::bad_argument, "policy: no such name"); }
  config.path_manager = it->path_manager;
  config.scheduler = it->scheduler;
  config.paths.metered = it->metered;
  return {};
}

std::span<const std::string_view> policy_names() { return kNames; }
}  // namespace anabranch::mptcp
