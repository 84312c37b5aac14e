/// Linked increases (RFC 6356): together the flows of a connection are no greedier than one TCP on the best path.
///
/// Couples congestion avoidance only; each flow halves on its own. Alone, it is Reno exactly. Flows without a
/// round-trip time are left out of the sums.
#pragma once
#include "cc/coupled.hh"

namespace anabranch::cc {

struct LinkedIncreases {
  static constexpr std::string_view kName = "lia";
  static constexpr std::uint64_t kFloorAmongSiblings = 2;
  using View = Together;
  static View view(const Flow&, std::span<const Flow> flows) { return Together::of(flows); }
  /// The aggressiveness factor of §3: 1 alone, 1/2 for two equal flows.
  static double alpha(const View& all) { return all.rate > 0 ? all.window * all.best / (all.rate * all.rate) : 1; }
  static double gain(const View& all, const Flow& self);
  static double reduced(const View&, const Flow& self) { return number(self.window) / 2; }
};
using Lia = Coupled<LinkedIncreases>;
static_assert(WindowRule<Lia>);
}  // namespace anabranch::cc
