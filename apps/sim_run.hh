/// One run of a scenario: builds it, lets its time pass, measures.
///
/// A function of plan and seed. A run that comes to no good (a broken rule of the simulated world) has `failure`.
#pragma once
#include "apps/sim_measure.hh"
#include "trace/sinks.hh"

namespace anabranch::apps::experiment {

struct RunOptions {
  trace::ByteSink* pcap = nullptr;  ///< gets every packet as its host sends it, as pcapng; not over a topology
  unsigned points = 0;              ///< of series, when the scenario has no `sample`
};
Json run(const Plan& plan, std::uint64_t seed, const RunOptions& options = {});
}  // namespace anabranch::apps::experiment
