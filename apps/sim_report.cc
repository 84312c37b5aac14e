#include "apps/sim_report.hh"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <vector>

namespace anabranch::apps::experiment {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostFlows = 20;  // lines of single connections before the groups have to do

std::string rate_text(const Json& bps) {
  if (!bps.is_number()) { return "-"; }
  const double value = bps.get<double>();
  return value >= 1e9 ? fmt::format("{:.2f} Gb/s", value / 1e9) : fmt::format("{:.2f} Mb/s", value / 1e6);
}
std::string bytes_text(const Json& bytes) {
  if (!bytes.is_number()) { return "-"; }
  const double value = bytes.get<double>();
  if (value >= 1e9) { return fmt::format("{:.2f} GB", value / 1e9); }
  if (value >= 1e6) { return fmt::format("{:.2f} MB", value / 1e6); }
  return value >= 1e3 ? fmt::format("{:.1f} KB", value / 1e3) : fmt::format("{:.0f} B", value);
}
std::string ms_text(const Json& ms) { return ms.is_number() ? fmt::format("{:.1f} ms", ms.get<double>()) : "-"; }
std::string share_text(const Json& share) {
  return share.is_number() ? fmt::format("{:.2f} %", share.get<double>() * 100) : "-";
}
std::string seconds_text(const Json& s) { return s.is_number() ? fmt::format("{:.3f} s", s.get<double>()) : "-"; }

/// Columns as wide as they must be; the first one to the left, the others to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { rows_.push_back(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  std::string text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) { widths[i] = std::max(widths[i], row[i].size()); }
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line = "  ";
      for (std::size_t i = 0; i < row.size(); ++i) {
        line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
      }
      out += line + "\n";
    }
    return out;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string flows_text(const Json& run) {
  Table table{{"connection", "goodput", "bytes", "finished", "longest gap", "reinjected", "subflows"}};
  Table paths{{"subflow", "rate", "sent", "srtt", "window", "retransmits", "state"}};
  for (const Json& flow : run["flows"]) {
    const std::string name = fmt::format("{}{}", flow["name"].get<std::string>(),
                                         flow["index"] == 0 ? "" : fmt::format("[{}]", flow["index"].get<int>()));
    table.add({name, rate_text(flow["goodput_bps"]), bytes_text(flow["bytes"]),
               flow["error"].is_string() ? flow["error"].get<std::string>() : seconds_text(flow["finished_s"]),
               seconds_text(flow["gaps"]["longest_s"]), bytes_text(flow["reinjected_bytes"]),
               fmt::format("{}", flow["subflows_opened"].get<int>())});
    for (const Json& path : flow["paths"]) {
      const std::string ended = path["ended_by"].is_string() ? path["ended_by"].get<std::string>() : "";
      const std::string state = path["state"].is_string() ? path["state"].get<std::string>() : "-";
      paths.add({fmt::format("{} {} {}", name, path["subflow"].get<int>(), path["path"].get<std::string>()),
                 rate_text(path["rate_bps"]), bytes_text(path["sent_bytes"]), ms_text(path["srtt_mean_ms"]),
                 bytes_text(path["window_mean_bytes"]),
                 path["retransmits"].is_number() ? fmt::format("{}", path["retransmits"].get<std::uint64_t>()) : "-",
                 ended.empty() ? state : ended});
    }
  }
  return table.text() + "\n" + paths.text();
}

std::string delays_text(const Json& run) {
  Table table{{"delays", "count", "mean", "median", "95 %", "99 %", "longest"}};
  for (const auto& [name, group] : run["groups"].items()) {
    const Json& d = group["delays_ms"];
    if (d.is_null()) { continue; }
    table.add({name, fmt::format("{}", d["count"].get<int>()), ms_text(d["mean"]), ms_text(d["p50"]), ms_text(d["p95"]),
               ms_text(d["p99"]), ms_text(d["max"])});
  }
  return table.empty() ? "" : "\n" + table.text();
}

std::string groups_text(const Json& run) {
  Table table{{"group", "connections", "goodput each", "least", "together", "Jain", "finished", "completion"}};
  for (const auto& [name, group] : run["groups"].items()) {
    const Json& g = group["goodput_bps"];
    const Json none;
    table.add({name, fmt::format("{}", group["flows"].get<std::uint64_t>()), rate_text(g.is_null() ? none : g["mean"]),
               rate_text(g.is_null() ? none : g["min"]), rate_text(g.is_null() ? none : g["sum"]),
               g.is_null() ? "-" : fmt::format("{:.3f}", g["jain"].get<double>()),
               fmt::format("{}", group["finished"].get<std::uint64_t>()),
               seconds_text(group["completion_s"].is_null() ? none : group["completion_s"]["mean"])});
  }
  return table.text();
}

std::string links_text(const Json& run) {
  constexpr std::size_t kMostLinks = 40;
  Table table{{"link", "rate", "utilised", "loss", "queue mean", "queue most"}};
  std::size_t left = kMostLinks;
  for (const auto& [name, ways] : run["links"].items()) {
    for (const auto& [way, link] : ways.items()) {
      if (left == 0) { return table.text() + "  (more links: --json)\n"; }
      --left;
      table.add({fmt::format("{} {}", name, way), rate_text(link["rate_bps"]), share_text(link["utilisation"]),
                 share_text(link["loss_ratio"]), bytes_text(link["queue_mean_bytes"]),
                 bytes_text(link["queue_max_bytes"])});
    }
  }
  return table.text();
}

std::string settings_text(const Json& run) {
  std::string out;
  for (const auto& [key, value] : run["set"].items()) {
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", key, value.get<std::string>());
  }
  return out;
}

std::string run_text(const Json& run) {
  if (run.contains("failure")) { return "FAILED: " + run["failure"].get<std::string>() + "\n"; }
  std::string out = fmt::format("measured from {:.3f} s to {:.3f} s\n\n", run["measured_from_s"].get<double>(),
                                run["measured_to_s"].get<double>());
  const bool single = run["flows"].size() <= kMostFlows && !run["flows"].empty();
  if (single) { out += flows_text(run) + "\n"; }
  if (!single || run["groups"].size() < run["flows"].size() || run["groups"].size() > run["flows"].size()) {
    out += groups_text(run) + "\n";
  }
  return out + links_text(run) + delays_text(run);
}

struct Spread {
  std::vector<double> values;
  void add(const Json& value) {
    if (value.is_number()) { values.push_back(value.get<double>()); }
  }
  double mean() const {
    double sum = 0;
    for (const double v : values) { sum += v; }
    return values.empty() ? 0 : sum / static_cast<double>(values.size());
  }
  std::string text(double scale, const char* unit) const {
    if (values.empty()) { return "-"; }
    const auto [least, most] = std::ranges::minmax(values);
    return fmt::format("{:.2f} ({:.2f}-{:.2f}) {}", mean() / scale, least / scale, most / scale, unit);
  }
};

std::string sweep_text(const Json& runs) {
  struct Line {
    std::string settings, group;
    unsigned seeds = 0, failed = 0;
    Spread goodput, least, completion, gap, delay;
  };
  std::vector<Line> lines;
  for (const Json& run : runs) {
    const std::string settings = settings_text(run);
    const Json empty = Json::object();
    const bool failed = run.contains("failure");
    const Json groups = failed ? Json{{"(failed)", nullptr}} : run["groups"];
    for (const auto& [name, group] : groups.items()) {
      const std::string group_name = name;
      auto at =
          std::ranges::find_if(lines, [&](const Line& l) { return l.settings == settings && l.group == group_name; });
      if (at == lines.end()) { at = lines.insert(lines.end(), Line{settings, name, 0, 0, {}, {}, {}, {}, {}}); }
      ++at->seeds;
      if (failed) { continue; }
      if (!group["goodput_bps"].is_null()) {
        at->goodput.add(group["goodput_bps"]["mean"]);
        at->least.add(group["goodput_bps"]["min"]);
      }
      if (!group["completion_s"].is_null()) { at->completion.add(group["completion_s"]["mean"]); }
      if (!group["delays_ms"].is_null()) { at->delay.add(group["delays_ms"]["p95"]); }
      at->gap.add(group["longest_gap_s"]);
    }
  }
  Table table{{"group", "runs", "goodput each", "least", "completion", "longest gap", "95 % of delays"}};
  std::string out, settings = "\n";
  for (const Line& l : lines) {
    if (l.settings != settings) {
      if (!table.empty()) { out += table.text() + "\n"; }
      table = Table{{"group", "runs", "goodput each", "least", "completion", "longest gap", "95 % of delays"}};
      settings = l.settings;
      if (!settings.empty()) { out += settings + "\n"; }
    }
    table.add({l.group, fmt::format("{}", l.seeds), l.goodput.text(1e6, "Mb/s"), l.least.text(1e6, "Mb/s"),
               l.completion.text(1, "s"), l.gap.text(1, "s"), l.delay.text(1, "ms")});
  }
  return out + table.text();
}

}  // namespace

std::string result_tables(const Json& document) {
  std::string out = document["scenario"].get<std::string>();
  const std::string about = document["about"].get<std::string>();
  if (!about.empty()) { out += ": " + about; }
  const Json& runs = document["runs"];
  if (runs.size() == 1) {
    const std::string settings = settings_text(runs[0]);
    out += fmt::format("\nseed {}{}{}, ", runs[0]["seed"].get<std::uint64_t>(), settings.empty() ? "" : ", ", settings);
    return out + run_text(runs[0]);
  }
  return out + fmt::format("\n{} runs; mean (least-most) over the seeds\n\n", runs.size()) + sweep_text(runs);
}

std::string result_text(const Json& document) {
  Json head = document;
  head.erase("runs");
  std::string out = head.dump();
  out.back() = ',';  // instead of the closing brace
  out += "\"runs\":[";
  const char* between = "\n";
  for (const Json& run : document["runs"]) {
    out += between + run.dump();
    between = ",\n";
  }
  return out + "\n]}\n";
}
}  // namespace anabranch::apps::experiment
