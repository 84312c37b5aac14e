/// Results for people: tables on a terminal, and a page with plots.
///
/// Both are made from the JSON document alone (docs/sim.md), so that they can be made of merged shards as well.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace anabranch::apps::experiment {

/// One run in full; several: a line for each group and setting, over the seeds.
std::string result_tables(const nlohmann::ordered_json& document);
/// A page that needs no network: tables and plots of each run.
std::string result_page(const nlohmann::ordered_json& document);
/// The document as it is written: a line for each run.
std::string result_text(const nlohmann::ordered_json& document);
}  // namespace anabranch::apps::experiment
