/// Each path in turn that has room, a super-segment a turn. For comparison: the slowest path sets the pace of the whole
/// (draft-bonaventure-iccrg-schedulers-02, "Round-Robin"; Paasch et al., Capacity Sharing Workshop 2014).
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class RoundRobin final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "round_robin"; }

 private:
  SubflowId last_{~0u};
};
}  // namespace anabranch::mptcp::schedulers
