/// Balanced linked adaptation (draft-walid-mptcp-congestion-control-04): between LIA's responsiveness and OLIA's
/// friendliness, by growing and shrinking with the ratio of the largest rate to one's own.
///
/// Couples congestion avoidance and the reduction after a loss (a half to three quarters). Alone, it is Reno exactly.
#pragma once
#include "cc/coupled.hh"

namespace anabranch::cc {

struct BalancedAdaptation {
  static constexpr std::string_view kName = "balia";
  static constexpr std::uint64_t kFloorAmongSiblings = 1;  ///< §3: ssthresh of one MSS
  using View = Together;
  static View view(const Flow&, std::span<const Flow> flows) { return Together::of(flows); }
  /// The draft's alpha: the largest rate over this flow's, at least 1.
  static double ratio(const View& all, const Flow& self);
  static double gain(const View& all, const Flow& self);
  static double reduced(const View& all, const Flow& self);
};
using Balia = Coupled<BalancedAdaptation>;
static_assert(WindowRule<Balia>);
}  // namespace anabranch::cc
