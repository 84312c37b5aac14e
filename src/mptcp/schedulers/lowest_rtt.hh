/// The quickest path that has room; backups only when no other path is alive. Linux's default, RFC 8041 §2.3.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp {

class LowestRtt final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "lowest_rtt"; }
};
}  // namespace anabranch::mptcp
