/// Each byte to the path where it would arrive first, counting what is under way there and how its window grows.
///
/// A path with room is left alone when those that are full would have delivered all that is unsent by the time a packet
/// sent there now arrives. After Hurtig et al., "Low-Latency Scheduling in MPTCP" (ToN 2019), which keeps a plan for each
/// segment; here bytes are bound in order, so only the first question is asked anew each time.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class Sttf final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "sttf"; }
};
}  // namespace anabranch::mptcp::schedulers
