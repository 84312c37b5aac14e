/// The quickest path that has room; backups only when no other path is alive. Linux's default, RFC 8041 §2.3.
///
/// A path that only its pace holds back is waited for when all that waits would arrive there before the first byte
/// would on the next path: else pacing would make short transfers slower than bursts do.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class LowestRtt final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "lowest_rtt"; }
};
}  // namespace anabranch::mptcp::schedulers
