/// Reno's additive increase and halving (RFC 5681 §3.1), the yardstick for all the others.
#pragma once
#include "cc/controller.hh"

namespace anabranch::cc {

struct NewReno {
  static constexpr std::string_view kName = "new_reno";
  /// One segment a round trip, spread over its acknowledgments.
  double growth(const Acked& acked, const Flow& self, const Siblings& siblings) const;
  Bytes after_loss(const Lost& lost, const Flow& self, const Siblings& siblings) const;
};
static_assert(WindowRule<NewReno>);
}  // namespace anabranch::cc
