#include "apps/sim_campaign.hh"

#include "apps/file_sink.hh"
#include "apps/http_failure.hh"
#include "apps/processes.hh"
#include "apps/sim_run.hh"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <sys/wait.h>

namespace anabranch::apps::experiment {
namespace {

constexpr std::size_t kMostRuns = 1'000'000;

std::string read_whole(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) { throw Failure(Exit::file, fmt::format("cannot read {}", file)); }
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// One choice of a value for each axis.
using Choice = std::vector<std::pair<std::string, std::string>>;

std::vector<Choice> all_choices(const std::vector<std::string>& settings) {
  std::vector<Choice> out{{}};
  for (const std::string& setting : settings) {
    const Axis axis = axis_from_text(setting);
    std::vector<Choice> more;
    for (const Choice& so_far : out) {
      for (const std::string& value : axis.values) {
        more.push_back(so_far);
        more.back().emplace_back(axis.key, value);
      }
    }
    out = std::move(more);
    if (out.size() > kMostRuns) { throw Failure(Exit::usage, "--set: too many settings together"); }
  }
  return out;
}

struct Setting {
  Choice choice;
  Plan plan;
};

Setting make_setting(const Node& document, const Choice& choice, const std::string& file) {
  Node own = document;
  for (const auto& [key, value] : choice) { put(own, key, value, file); }
  expand(own, file);
  return {choice, read_plan(own, file)};
}

class Runs {
 public:
  explicit Runs(const Campaign& campaign) : campaign_{campaign} {
    const Node document = read_document(read_whole(campaign.file), campaign.file);
    for (const Choice& choice : all_choices(campaign.settings)) {
      settings_.push_back(make_setting(document, choice, campaign.file));
    }
    const std::uint64_t seeds = campaign.last_seed - campaign.first_seed + 1;
    if (seeds > kMostRuns / settings_.size()) { throw Failure(Exit::usage, "--seeds: too many runs"); }
    count_ = settings_.size() * seeds;
    for (std::size_t i = campaign.shard - 1; i < count_; i += campaign.shards) { mine_.push_back(i); }
    results_.resize(mine_.size());
  }

  Json document() {
    if (mine_.size() == 1 || !campaign_.pcap.empty()) {
      if (mine_.size() != 1) { throw Failure(Exit::usage, "--pcap: one run at a time: --seed N, no lists in --set"); }
      results_[0] = Json::parse(work(0));
    } else {
      run_all();
    }
    Json out{{"format", 1}, {"scenario", settings_.front().plan.name}, {"about", settings_.front().plan.about}};
    if (campaign_.shards > 1) {
      out["shard"] = {{"index", campaign_.shard}, {"of", campaign_.shards}, {"runs", count_}};
    }
    out["runs"] = Json::array();
    for (Json& result : results_) { out["runs"].push_back(std::move(result)); }
    return out;
  }

 private:
  Json head(std::size_t place) const {
    const std::uint64_t seeds = campaign_.last_seed - campaign_.first_seed + 1;
    const std::size_t number = mine_[place];
    Json out;
    if (campaign_.shards > 1) { out["run"] = number; }
    out["seed"] = campaign_.first_seed + number % seeds;
    out["set"] = Json::object();
    for (const auto& [key, value] : settings_[number / seeds].choice) { out["set"][key] = value; }
    return out;
  }

  /// The run as text: in one line.
  std::string work(std::size_t place) const {
    const auto began = std::chrono::steady_clock::now();
    Json out = head(place);
    const std::uint64_t seeds = campaign_.last_seed - campaign_.first_seed + 1;
    std::optional<FileSink> pcap;
    if (!campaign_.pcap.empty()) { pcap.emplace(campaign_.pcap); }
    const Json result = run(settings_[mine_[place] / seeds].plan, out["seed"].get<std::uint64_t>(),
                            {.pcap = pcap ? &*pcap : nullptr, .points = campaign_.points});
    if (pcap) { pcap->commit(); }
    out.update(result);
    if (campaign_.timing) {
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      out["timing"] = {{"wall_s", rounded(took.count(), 3)},
                       {"events_per_s", std::llround(out["engine"]["events"].get<double>() / took.count())}};
    }
    return out.dump();
  }

  void run_all() {
    const auto child = [this](std::size_t place) {
      const std::string text = work(place);
      std::fwrite(text.data(), 1, text.size(), stdout);
      return 0;
    };
    const auto done = [this](std::size_t place, std::string text, int status) {
      Json result = Json::parse(text, nullptr, false);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || result.is_discarded()) {
        result = head(place);
        result["failure"] = why(text, status);
      }
      results_[place] = std::move(result);
    };
    in_processes(mine_.size(), campaign_.jobs, child, done);
  }

  /// The last line that a process said before it went.
  static std::string why(std::string text, int status) {
    while (!text.empty() && text.back() == '\n') { text.pop_back(); }
    text = text.substr(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    const std::string end = WIFSIGNALED(status) ? fmt::format("ended by signal {}", WTERMSIG(status))
                                                : fmt::format("ended with status {}", WEXITSTATUS(status));
    return text.empty() ? end : end + ": " + text.substr(0, 500);
  }

  const Campaign& campaign_;
  std::vector<Setting> settings_;
  std::size_t count_ = 0;
  std::vector<std::size_t> mine_;  ///< numbers of runs in this shard
  std::vector<Json> results_;
};

/// One document of several; adds its runs to `runs` by number.
void add_shard(const std::string& file, Json& head, std::vector<Json>& runs) {
  const auto complain = [&](const std::string& what) { throw Failure(Exit::usage, file + ": " + what); };
  const Json shard = Json::parse(read_whole(file), nullptr, false);
  if (!shard.is_object() || !shard.contains("runs") || !shard.contains("shard")) {
    complain("not a shard's result (`anabranch sim --shard I/N --json`)");
  }
  Json own = shard;
  own.erase("runs");
  own["shard"].erase("index");
  if (head.is_null()) {
    head = own;
    runs.resize(own["shard"]["runs"].get<std::size_t>());
  }
  if (own != head) { complain("of another scenario or another number of shards than the first file"); }
  for (const Json& run : shard["runs"]) {
    const auto number = run["run"].get<std::size_t>();
    if (number >= runs.size()) { complain(fmt::format("run {} of {}", number, runs.size())); }
    if (!runs[number].is_null()) { complain(fmt::format("run {} is there twice", number)); }
    runs[number] = run;
    runs[number].erase("run");
  }
}

}  // namespace

Json run_campaign(const Campaign& campaign) { return Runs{campaign}.document(); }

Json merge_shards(const std::vector<std::string>& files) {
  Json head;
  std::vector<Json> runs;
  for (const std::string& file : files) { add_shard(file, head, runs); }
  const auto missing = std::ranges::count_if(runs, [](const Json& run) { return run.is_null(); });
  if (missing != 0) {
    const auto first = std::ranges::find_if(runs, [](const Json& run) { return run.is_null(); }) - runs.begin();
    throw Failure(Exit::usage, fmt::format("{} of {} runs are missing, the first is run {}: shard {}/{}", missing,
                                           runs.size(), first, first % head["shard"]["of"].get<std::int64_t>() + 1,
                                           head["shard"]["of"].get<std::int64_t>()));
  }
  head.erase("shard");
  head["runs"] = runs;
  return head;
}

bool any_failure(const Json& document) {
  return std::ranges::any_of(document["runs"], [](const Json& run) { return run.contains("failure"); });
}
}  // namespace anabranch::apps::experiment
