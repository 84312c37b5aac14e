/// One path at a time: the preferred one while it lives, another only when it has gone silent.
///
/// No aggregation: for links that cost money or battery (RFC 8041 §2.2, "backup mode"). In the order of RFC 8684's
/// backup flag, lowest preference, then age; a path that recovers takes over again.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class Backup final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "backup"; }
};
}  // namespace anabranch::mptcp::schedulers
