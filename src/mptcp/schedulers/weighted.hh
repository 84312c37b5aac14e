/// Bytes in proportion to the weights of the addresses, as far as windows allow: who has sent least for its weight.
///
/// Work-conserving: a path that is full is not waited for, and is not owed more than a little of what others carried
/// meanwhile. Weights come from AddressUse (draft-bonaventure-iccrg-schedulers-02, "Weighted Round-Robin").
#pragma once
#include "mptcp/scheduler.hh"

#include <vector>

namespace anabranch::mptcp::schedulers {

class Weighted final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "weighted"; }

  /// A path that falls behind because it is full may catch up so much, times its weight: a few bursts.
  static constexpr std::uint64_t kCatchUp = 256 << 10;

 private:
  struct Account {
    SubflowId path;
    std::uint64_t used = 0;  ///< bytes per weight
  };
  void keep_accounts(std::span<const Path> paths);
  Account& account(SubflowId path);

  std::vector<Account> accounts_;  ///< grows when a path is new, never else
};
}  // namespace anabranch::mptcp::schedulers
