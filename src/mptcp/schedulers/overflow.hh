/// The preferred path alone, and the next one only for what it cannot carry.
///
/// The lowest preference (AddressUse) first, what is metered last. "Cannot": its window is full and more waits than it
/// sends in a round trip; so short bursts do not spill (draft-bonaventure-iccrg-schedulers-02, "Strict Priority").
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class Overflow final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "overflow"; }
};
}  // namespace anabranch::mptcp::schedulers
