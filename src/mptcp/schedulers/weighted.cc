#include "mptcp/schedulers/weighted.hh"

#include "base/check.hh"
#include "mptcp/schedulers/candidates.hh"

namespace anabranch::mptcp::schedulers {
namespace {
std::uint64_t weight_of(const Path& p) { return std::max<std::uint64_t>(p.weight, 1); }
}  // namespace

Weighted::Account& Weighted::account(SubflowId path) {
  const auto it = std::ranges::find(accounts_, path, &Account::path);
  ANABRANCH_CHECK(it != accounts_.end());
  return *it;
}

/// Accounts of paths that are there, and only of those; a new one begins where the others are.
void Weighted::keep_accounts(std::span<const Path> paths) {
  if (accounts_.size() > paths.size()) {
    std::erase_if(accounts_, [&](const Account& a) {
      return std::ranges::none_of(paths, [&](const Path& p) { return p.id == a.path; });
    });
  }
  const auto most = std::ranges::max_element(accounts_, {}, &Account::used);
  const std::uint64_t furthest = most == accounts_.end() ? 0 : most->used;
  for (const Path& p : paths) {
    if (std::ranges::find(accounts_, p.id, &Account::path) == accounts_.end()) {
      accounts_.push_back({p.id, furthest});
    }
  }
  for (Account& a : accounts_) { a.used = std::max(a.used, furthest - std::min(furthest, kCatchUp)); }
}

Choice Weighted::choose(const Demand& demand, std::span<const Path> paths) {
  if (demand.reinjection) { return place_again(demand, paths); }
  keep_accounts(paths);
  const Path* next =
      Candidates{demand, paths}.best(Candidates::has_room, [this](const Path& p) { return account(p.id).used; });
  if (!next) { return Wait{}; }
  const Bytes turn = turn_on(*next, demand);  // what is charged must be what leaves
  account(next->id).used += std::max<std::uint64_t>(turn.n / weight_of(*next), 1);
  return Send{next->id, turn};
}
}  // namespace anabranch::mptcp::schedulers
