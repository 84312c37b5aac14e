/// Leaves a slow path alone when what it would carry could block the quick one: the window they share would be full
/// before the slow path's bytes are acknowledged (Ferlin, Alay, Mehani, Boreli: BLEST, IFIP Networking 2016).
///
/// The estimate is corrected by what happens: it grows when the window did get full while a path had room, and shrinks
/// when a round trip of the quick path went without.
#pragma once
#include "mptcp/scheduler.hh"

namespace anabranch::mptcp::schedulers {

class Blest final : public Scheduler {
 public:
  Choice choose(const Demand& demand, std::span<const Path> paths) override;
  std::string_view name() const override { return "blest"; }

  // In hundredths, as its authors' implementation has them: 1.2 to begin with, between 1 and 1.3.
  static constexpr unsigned kFirst = 120, kLeast = 100, kMost = 130, kBlocked = 4, kCalm = 1;

 private:
  void learn(const Demand& demand, Duration round_trip);

  unsigned lambda_ = kFirst;
  std::uint64_t blocked_ = 0;
  Instant judged_{};
};
}  // namespace anabranch::mptcp::schedulers
