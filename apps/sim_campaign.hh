/// All runs of a scenario: seeds by settings, in processes, a shard of them if asked; and shards put together again.
///
/// Runs are numbered from 0: settings in the order of their axes, the last axis fastest, and seeds fastest of all. What
/// a run says does not depend on how many run at once or in which shard. Owner: the command.
#pragma once
#include "apps/sim_plan.hh"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace anabranch::apps::experiment {

struct Campaign {
  std::string file;                   ///< of the scenario
  std::vector<std::string> settings;  ///< `--set`
  std::uint64_t first_seed = 1, last_seed = 1;
  unsigned jobs = 1;
  unsigned shard = 1, shards = 1;
  unsigned points = 0;  ///< of series, for a page
  bool timing = false;
  std::string pcap;  ///< of a single run
};
/// The document of docs/sim.md. Throws Failure for what is wrong with the scenario or a file; a run that fails is in it.
nlohmann::ordered_json run_campaign(const Campaign& campaign);
/// Puts shards' documents together. Throws Failure (usage) when one is missing, there twice, or of something else.
nlohmann::ordered_json merge_shards(const std::vector<std::string>& files);
/// Whether a run of the document has failed.
bool any_failure(const nlohmann::ordered_json& document);
}  // namespace anabranch::apps::experiment
