/// The boxes of a scenario: one of the simulator's kinds for a span of time, or one that loses packets of a kind.
///
/// Owned by the path that they are put into.
#pragma once
#include "apps/sim_plan.hh"
#include "sim/middlebox.hh"

#include <memory>

namespace anabranch::apps::experiment {

std::unique_ptr<sim::Middlebox> make_box(const BoxPlan& plan, const sim::BoxSettings& settings);
}  // namespace anabranch::apps::experiment
