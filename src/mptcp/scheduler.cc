#include "mptcp/scheduler.hh"

#include "mptcp/schedulers/backup.hh"
#include "mptcp/schedulers/blest.hh"
#include "mptcp/schedulers/ecf.hh"
#include "mptcp/schedulers/lowest_rtt.hh"
#include "mptcp/schedulers/overflow.hh"
#include "mptcp/schedulers/redundant.hh"
#include "mptcp/schedulers/round_robin.hh"
#include "mptcp/schedulers/sttf.hh"
#include "mptcp/schedulers/weighted.hh"

#include <algorithm>
#include <array>

namespace anabranch::mptcp {
namespace {
using namespace schedulers;  // NOLINT(google-build-using-namespace): each has its name once

template <class S>
std::unique_ptr<Scheduler> make() {
  return std::make_unique<S>();
}
struct Entry {
  std::string_view name;
  std::unique_ptr<Scheduler> (*make)();
};
constexpr std::array kSchedulers{Entry{"lowest_rtt", make<LowestRtt>},
                                 Entry{"round_robin", make<RoundRobin>},
                                 Entry{"blest", make<Blest>},
                                 Entry{"ecf", make<Ecf>},
                                 Entry{"sttf", make<Sttf>},
                                 Entry{"redundant", make<Redundant>},
                                 Entry{"weighted", make<Weighted>},
                                 Entry{"backup", make<Backup>},
                                 Entry{"overflow", make<Overflow>}};
constexpr auto kNames = [] {
  std::array<std::string_view, kSchedulers.size()> names;
  std::ranges::transform(kSchedulers, names.begin(), &Entry::name);
  return names;
}();
}  // namespace

std::unique_ptr<Scheduler> make_scheduler(std::string_view name) {
  const auto it = std::ranges::find(kSchedulers, name, &Entry::name);
  return it == kSchedulers.end() ? nullptr : it->make();
}
std::span<const std::string_view> scheduler_names() { return kNames; }
}  // namespace anabranch::mptcp
