/// Linked increases (RFC 6356): together the flows of a connection are no greedier than one TCP on the best path.
///
/// Couples congestion avoidance only; each flow halves on its own. Alone, it is Reno exactly. Flows without a
/// round-trip time are left out of the sums.
#pragma once
#include "cc/controller.hh"

namespace anabranch::cc {

struct Lia {
  static constexpr std::string_view kName = "lia";
  /// The aggressiveness factor of §3: 1 alone, 1/2 for two equal flows.
  static double alpha(std::span<const Flow> flows);
  double growth(const Acked& acked, const Flow& self, std::span<const Flow> siblings) const;
  Bytes after_loss(const Lost& lost, const Flow& self, std::span<const Flow> siblings) const;
};
static_assert(WindowRule<Lia>);
}  // namespace anabranch::cc
