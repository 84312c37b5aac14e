/// Every byte on every path, so that each arrives as soon as on the quickest: latency for bandwidth.
///
/// A path first carries what others have sent and it has not, oldest first, then fresh bytes. What has been DATA_ACKed
/// is skipped, so a slow path is never further behind than its own window. Backups stay quiet while others live.
/// (Frommgen et al., ReMP TCP, ICC 2016; López et al., redundant Multipath TCP, 2015.)
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class Redundant final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "redundant"; }
  bool copies() const override { return true; }
};
}  // namespace anabranch::mptcp::schedulers
