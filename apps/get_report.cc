#include "apps/get_report.hh"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace anabranch::apps {
namespace {

using Json = nlohmann::ordered_json;

std::string human_rate(double bits_per_second) {
  if (bits_per_second >= 1e9) { return fmt::format("{:.2f} Gb/s", bits_per_second / 1e9); }
  if (bits_per_second >= 1e6) { return fmt::format("{:.1f} Mb/s", bits_per_second / 1e6); }
  return fmt::format("{:.0f} kb/s", bits_per_second / 1e3);
}

/// Names of interfaces and hosts are ours or ASCII; a cut inside of them does no harm.
std::string cut(std::string line, std::size_t width) {
  if (line.size() > width) { line.resize(width); }
  return line;
}

std::string rtt_text(double srtt_ms) { return srtt_ms > 0 ? fmt::format("{:.1f} ms", srtt_ms) : "-"; }

Json json_of(const PathReport& path) {
  return {{"local", path.local},
          {"remote", path.remote},
          {"interface", path.interface},
          {"bytes_received", path.bytes_received},
          {"bytes_sent", path.bytes_sent},
          {"srtt_ms", path.srtt_ms},
          {"retransmits", path.retransmits},
          {"state", path.state},
          {"backup", path.backup}};
}

/// File names are bytes; JSON is UTF-8.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

double seconds_of(const FetchState& state) { return std::chrono::duration<double>(state.ended - state.began).count(); }

double goodput_of(const FetchState& state) {
  const double seconds = seconds_of(state);
  return seconds > 0 ? static_cast<double>(state.bytes) * 8 / seconds : 0;
}

void Timeline::add(double seconds, const LinkReport& link) {
  // Subflows are listed in the order of their ids and never leave the list.
  for (std::size_t i = paths_.size(); i < link.paths.size(); ++i) { paths_.push_back(link.paths[i]); }
  Sample sample{seconds, {}};
  for (const PathReport& path : link.paths) { sample.bytes.push_back(path.bytes_received); }
  samples_.push_back(std::move(sample));
}

double Timeline::rate(std::size_t path) const {
  if (samples_.empty() || path >= samples_.back().bytes.size()) { return 0; }
  const Sample& now = samples_.back();
  const auto before = std::ranges::find_if(samples_, [&](const Sample& s) { return s.seconds >= now.seconds - 1.05; });
  const double span = now.seconds - before->seconds;
  const std::uint64_t start = path < before->bytes.size() ? before->bytes[path] : 0;
  if (span <= 0) { return 0; }
  return static_cast<double>(now.bytes[path] - std::min(start, now.bytes[path])) * 8 / span;
}

std::string Timeline::to_json(const FetchState& state) const {
  Json paths = Json::array(), samples = Json::array();
  for (const PathReport& path : paths_) {
    paths.push_back({{"local", path.local}, {"remote", path.remote}, {"interface", path.interface}});
  }
  for (const Sample& sample : samples_) {
    samples.push_back({{"seconds", sample.seconds}, {"bytes_received", sample.bytes}});
  }
  return dump(Json{{"url", to_text(state.url)}, {"interval_ms", 100}, {"subflows", paths}, {"samples", samples}}) +
         '\n';
}

std::string result_json(const GetResult& result) {
  const FetchState& state = result.state;
  Json subflows = Json::array();
  for (const PathReport& path : state.link.paths) { subflows.push_back(json_of(path)); }
  const std::string& why = state.link.fallback_reason;
  const auto& version = state.link.version;
  const Json json{{"protocol", state.link.protocol},
                  {"version", version ? Json(*version) : Json(nullptr)},
                  {"fallback_reason", why.empty() ? Json(nullptr) : Json(why)},
                  {"bytes", state.bytes},
                  {"seconds", seconds_of(state)},
                  {"goodput_bits_per_second", goodput_of(state)},
                  {"sha256", result.sha256},
                  {"subflows", subflows},
                  {"url", to_text(state.url)},
                  {"status", state.status},
                  {"file", result.file}};
  return dump(json) + '\n';
}

std::string result_text(const GetResult& result) {
  const FetchState& state = result.state;
  std::string out =
      fmt::format("{}: {} bytes in {:.2f} s, {}, over {}", result.file == "-" ? "stdout" : result.file, state.bytes,
                  seconds_of(state), human_rate(goodput_of(state)), state.link.protocol_text());
  if (!state.link.fallback_reason.empty()) { out += fmt::format(" ({})", state.link.fallback_reason); }
  out += fmt::format("\nsha256 {}\n", result.sha256);
  for (const PathReport& path : state.link.paths) {
    out += fmt::format("  {:<10} {} -> {}  received {}  sent {}  rtt {}  retransmits {}  {}{}\n", path.interface,
                       path.local, path.remote, human_bytes(path.bytes_received), human_bytes(path.bytes_sent),
                       rtt_text(path.srtt_ms), path.retransmits, path.state, path.backup ? " backup" : "");
  }
  return out;
}

std::vector<std::string> progress_lines(const FetchState& state, const LinkReport& link, const Timeline& timeline,
                                        std::size_t width) {
  std::vector<std::string> lines;
  double sum = 0;
  std::size_t widest = 0;
  for (const PathReport& path : link.paths) { widest = std::max(widest, path.remote.size()); }
  for (std::size_t i = 0; i < link.paths.size(); ++i) {
    const PathReport& path = link.paths[i];
    sum += timeline.rate(i);
    lines.push_back(cut(fmt::format("  {:<8} {:<{}} {:>9} {:>11}  rtt {:>8}  {}{}", path.interface, path.remote, widest,
                                    human_bytes(path.bytes_received), human_rate(timeline.rate(i)),
                                    rtt_text(path.srtt_ms), path.state, path.backup ? " (backup)" : ""),
                        width));
  }
  std::string whole =
      fmt::format("  {:<8} {:<{}} {:>9} {:>11}", link.protocol, "", widest, human_bytes(state.bytes), human_rate(sum));
  if (state.total && *state.total != 0) {
    whole +=
        fmt::format("  {:.0f}% of {}", 100.0 * static_cast<double>(state.bytes) / static_cast<double>(*state.total),
                    human_bytes(*state.total));
  }
  lines.push_back(cut(std::move(whole), width));
  return lines;
}

}  // namespace anabranch::apps
