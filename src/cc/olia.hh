/// Opportunistic linked increases (draft-khalili-mptcp-congestion-control-05): shifts window to paths that lose least.
///
/// A flow grows by its share of all rates, plus alpha: positive where little is lost and the window is not yet the
/// largest, negative on the largest windows, zero in sum. The window of a flow may therefore shrink without a loss.
/// Couples congestion avoidance only; each flow halves on its own. Alone, it is Reno exactly.
#pragma once
#include "cc/coupled.hh"

namespace anabranch::cc {

struct OpportunisticIncreases {
  static constexpr std::string_view kName = "olia";
  static constexpr std::uint64_t kFloorAmongSiblings = 1;  ///< §3
  struct View {
    double rate = 0;   ///< of all
    double alpha = 0;  ///< of this flow
  };
  static View view(const Flow& self, std::span<const Flow> flows);
  static double gain(const View& all, const Flow& self);
  static double reduced(const View&, const Flow& self) { return number(self.window) / 2; }
  /// How good a path seems: proportional to the square of the rate a TCP would have there.
  static double score(const Flow& flow);
};
using Olia = Coupled<OpportunisticIncreases>;
static_assert(WindowRule<Olia>);
}  // namespace anabranch::cc
