/// Two rules nobody should use, against which the others are measured: the two ends of what coupling can mean.
///
/// EWTCP: n flows that are weighted so that they take as much together as one TCP, wherever they run; nothing moves
/// from congested paths to others (Honda et al. 2009). Fully coupled: one window cut in pieces, all traffic moves to
/// the least congested paths and forgets the others (Kelly and Voice 2005; Han et al. 2006). Both as in Wischik et al.,
/// "Design, implementation and evaluation of congestion control for multipath TCP", NSDI 2011, §2.
#pragma once
#include "cc/coupled.hh"

namespace anabranch::cc {

/// A window follows the square root of its increase: n flows that grow by 1 / n^2 segments a round trip are one TCP.
struct EquallyWeighted {
  static constexpr std::string_view kName = "ewtcp";
  static constexpr std::uint64_t kFloorAmongSiblings = 2;
  using View = Together;
  static View view(const Flow&, std::span<const Flow> flows) { return Together::of(flows); }
  static double gain(const View& all, const Flow& self) {
    const double n = std::max(all.count, 1u);
    return 1 / (n * n * number(self.window));
  }
  static double reduced(const View&, const Flow& self) { return number(self.window) / 2; }
};
using Ewtcp = Coupled<EquallyWeighted>;
static_assert(WindowRule<Ewtcp>);

/// Grows with the sum of all windows, and a loss takes half of that sum away from one flow.
struct OneWindow {
  static constexpr std::string_view kName = "fully_coupled";
  static constexpr std::uint64_t kFloorAmongSiblings = 1;
  using View = Together;
  static View view(const Flow&, std::span<const Flow> flows) { return Together::of(flows); }
  static double gain(const View& all, const Flow& self) { return 1 / std::max(all.window, number(self.window)); }
  static double reduced(const View& all, const Flow& self) {
    return number(self.window) - std::max(all.window, number(self.window)) / 2;
  }
};
using FullyCoupled = Coupled<OneWindow>;
static_assert(WindowRule<FullyCoupled>);
}  // namespace anabranch::cc
