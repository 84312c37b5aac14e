// anabranch sim: scenarios in virtual time (docs/sim.md).
#include "apps/command.hh"
#include "apps/file_sink.hh"
#include "apps/http_failure.hh"
#include "apps/sim_campaign.hh"
#include "apps/sim_report.hh"

#include <CLI/CLI.hpp>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <thread>

namespace anabranch::apps {
namespace {

using experiment::Campaign;

constexpr unsigned kPoints = 400;  // of a plot: one for two columns of its width

struct SimOptions {
  Campaign campaign;
  std::string seeds, shard, output, html;
  std::uint64_t seed = 1;
  bool json = false;
  std::vector<std::string> files;  ///< of merge
};

template <class T>
bool number(std::string_view text, T& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc{} && end == text.data() + text.size();
}

/// "A..B" and "I/N".
template <class T>
bool two_numbers(std::string_view text, std::string_view between, T& first, T& second) {
  const std::size_t at = text.find(between);
  return at != text.npos && number(text.substr(0, at), first) && number(text.substr(at + between.size()), second);
}

void put_out(const nlohmann::ordered_json& document, const SimOptions& options) {
  if (!options.html.empty()) { save_file(options.html, experiment::result_page(document)); }
  if (!options.output.empty()) { save_file(options.output, experiment::result_text(document)); }
  if (options.json && options.output.empty()) {
    fmt::print("{}", experiment::result_text(document));
  } else if (!options.json) {
    fmt::print("{}", experiment::result_tables(document));
  }
  if (experiment::any_failure(document)) { throw CLI::RuntimeError(static_cast<int>(Exit::internal)); }
}

void tell_timing(const nlohmann::ordered_json& document) {
  double wall = 0, events = 0;
  for (const auto& run : document["runs"]) {
    if (!run.contains("timing")) { continue; }
    wall += run["timing"]["wall_s"].get<double>();
    events += run["engine"]["events"].get<double>();
  }
  fmt::print(stderr, "{} runs, {:.2f} s of processor time, {:.0f} events a second\n", document["runs"].size(), wall,
             wall > 0 ? events / wall : 0);
}

void run_scenario(SimOptions options) {
  Campaign& campaign = options.campaign;
  if (campaign.file.empty()) { throw Failure(Exit::usage, "which scenario? `anabranch sim scenarios/first.toml`"); }
  campaign.first_seed = campaign.last_seed = options.seed;
  if (!options.seeds.empty() && (!two_numbers(options.seeds, "..", campaign.first_seed, campaign.last_seed) ||
                                 campaign.first_seed > campaign.last_seed)) {
    throw Failure(Exit::usage, fmt::format("--seeds {}: write 1..10", options.seeds));
  }
  if (!options.shard.empty() && (!two_numbers(options.shard, "/", campaign.shard, campaign.shards) ||
                                 campaign.shard == 0 || campaign.shard > campaign.shards)) {
    throw Failure(Exit::usage, fmt::format("--shard {}: write 1/4 for the first of four", options.shard));
  }
  if (!options.html.empty()) { campaign.points = kPoints; }
  const auto document = experiment::run_campaign(campaign);
  if (campaign.timing) { tell_timing(document); }
  put_out(document, options);
}

}  // namespace

void add_sim(CLI::App& app) {
  auto options = std::make_shared<SimOptions>();
  CLI::App* sim = app.add_subcommand("sim", "Run a scenario in virtual time: links, flows, changes, results");
  sim->require_subcommand(0, 1);
  Campaign& campaign = options->campaign;
  campaign.jobs = std::max(1u, std::thread::hardware_concurrency());
  sim->add_option("scenario", campaign.file, "TOML file (docs/sim.md)");
  auto* seed = sim->add_option("--seed", options->seed, "Same seed, same run, byte for byte")->option_text("N [1]");
  sim->add_option("--seeds", options->seeds, "A run for each of them")->option_text("A..B")->excludes(seed);
  sim->add_option("--set", campaign.settings, "Change a value, as flow.mp.controller=olia; several: a sweep")
      ->option_text("KEY=VALUE[,VALUE...]")
      ->allow_extra_args(false);
  sim->add_flag("--json", options->json, "Results as JSON (docs/sim.md, \"The result\")");
  sim->add_option("-o,--output", options->output, "JSON into this file")->option_text("FILE");
  sim->add_option("--html", options->html, "A page with plots")->option_text("FILE");
  sim->add_option("--pcap", campaign.pcap, "Every packet of a single run, as pcapng")->option_text("FILE");
  sim->add_option("--jobs", campaign.jobs, "Runs at a time")
      ->option_text("N [all cores]")
      ->check(CLI::Range(1u, 1024u));
  sim->add_option("--shard", options->shard, "Only every N-th run, from the I-th on; `merge` joins them")
      ->option_text("I/N");
  sim->add_flag("--timing", campaign.timing, "How long it took, on stderr and in the JSON");
  CLI::App* merge = sim->add_subcommand("merge", "Put results of shards together");
  merge->add_option("files", options->files, "What `--shard I/N -o FILE` wrote, all N")->required();
  merge->add_option("-o,--output", options->output, "Into this file (default: standard output)")->option_text("FILE");
  merge->add_option("--html", options->html, "A page with plots")->option_text("FILE");
  sim->callback([options, merge] {
    if (!merge->parsed()) { return run_scenario(*options); }
    options->json = true;
    put_out(experiment::merge_shards(options->files), *options);
  });
}
}  // namespace anabranch::apps
