/// Waits for the quick path when all that is left would complete earlier on it than on the slow one
/// (Lim, Nahum, Towsley, Gibbens: ECF, CoNEXT 2017).
///
/// With k packets left: wait if (1 + k / cwnd_f) rtt_f < (1 + waiting * beta) (rtt_s + delta) and the slow path would
/// not be done sooner after all: (k / cwnd_s) rtt_s >= 2 rtt_f + delta. delta is the larger deviation; once it waits it
/// goes on a little longer (beta), so that it does not swing.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class Ecf final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "ecf"; }

 private:
  bool waiting_ = false;
};
}  // namespace anabranch::mptcp::schedulers
