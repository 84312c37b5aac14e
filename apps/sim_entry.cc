#include "apps/sim_entry.hh"

#include "apps/http_failure.hh"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace anabranch::apps::experiment {
namespace {

bool is_zero(const Node& node) { return node.is_number() && node.as_number() == 0; }

std::optional<Duration> time_of(const Node& node) {
  if (is_zero(node)) { return Duration{}; }
  return node.kind == Node::Kind::text ? time_value(node.text) : std::nullopt;
}
std::optional<RateValue> rate_of(const Node& node) {
  if (is_zero(node)) { return RateValue{}; }
  return node.kind == Node::Kind::text ? rate_value(node.text) : std::nullopt;
}
std::optional<Bytes> size_of(const Node& node) {
  if (node.kind == Node::Kind::whole && node.whole >= 0) { return Bytes{static_cast<std::uint64_t>(node.whole)}; }
  return node.kind == Node::Kind::text ? size_value(node.text) : std::nullopt;
}
std::optional<QueueValue> queue_of(const Node& node) {
  if (node.kind == Node::Kind::text) { return queue_value(node.text); }
  const auto bytes = size_of(node);
  return bytes ? std::optional{QueueValue{.bytes = *bytes, .time = {}}} : std::nullopt;
}
std::optional<double> share_of(const Node& node) {
  if (node.is_number()) {
    return node.as_number() >= 0 && node.as_number() <= 1 ? std::optional{node.as_number()} : std::nullopt;
  }
  return node.kind == Node::Kind::text ? share_value(node.text) : std::nullopt;
}
std::optional<double> seconds_of(const Node& node) {
  const auto time = time_of(node);
  return time ? std::optional{seconds(*time)} : std::nullopt;
}
std::optional<double> bytes_of(const Node& node) {
  const auto size = size_of(node);
  return size ? std::optional{static_cast<double>(size->n)} : std::nullopt;
}

/// `{ uniform = [a, b] }`, `{ exponential = mean }`, `{ pareto = mean, shape = s }`.
std::optional<Draw> distribution(const Node& node, const std::function<std::optional<double>(const Node&)>& one) {
  const Node* uniform = node.find("uniform");
  const Node* exponential = node.find("exponential");
  const Node* pareto = node.find("pareto");
  const Node* shape = node.find("shape");
  const std::size_t keys = node.table.size();
  if (uniform != nullptr && keys == 1 && uniform->list.size() == 2) {
    const auto low = one(uniform->list[0]), high = one(uniform->list[1]);
    if (low && high && *low <= *high) { return Draw{Draw::Kind::uniform, *low, *high}; }
  } else if (exponential != nullptr && keys == 1) {
    if (const auto mean = one(*exponential)) { return Draw{Draw::Kind::exponential, *mean, 0}; }
  } else if (pareto != nullptr && (keys == 1 || (keys == 2 && shape != nullptr))) {
    const auto mean = one(*pareto);
    const double s = shape != nullptr ? shape->as_number() : 1.5;  // what the literature takes for sizes of files
    if (mean && s > 1 && (shape == nullptr || shape->is_number())) { return Draw{Draw::Kind::pareto, *mean, s}; }
  }
  return std::nullopt;
}
}  // namespace

Entry::Entry(const Node& table, std::string place, const std::string& file)
    : node_{table},
      place_{std::move(place)},
      file_{file} {
  if (table.kind != Node::Kind::table) { complain("must be a table"); }
}

const Node* Entry::find(std::string_view key) const {
  if (std::ranges::find(asked_, key) == asked_.end()) { asked_.emplace_back(key); }
  return node_.find(key);
}

bool Entry::has(std::string_view key) const { return find(key) != nullptr; }

bool Entry::time(std::string_view key, Duration& out) const {
  return read<Duration>(key, out, time_of, "a time: \"20 ms\" or \"1.5 s\"");
}
bool Entry::time(std::string_view key, Instant& out) const {
  Duration at{};
  if (!time(key, at)) { return false; }
  out = Instant{} + at;
  return true;
}
bool Entry::rate(std::string_view key, RateValue& out) const {
  return read<RateValue>(key, out, rate_of, "a rate: \"8 Mb/s\" or \"1000 pkt/s\"");
}
bool Entry::size(std::string_view key, Bytes& out) const {
  return read<Bytes>(key, out, size_of, "a size: \"100 KB\", \"64 KiB\" or 1500");
}
bool Entry::queue(std::string_view key, QueueValue& out) const {
  return read<QueueValue>(key, out, queue_of,
                          "a queue: \"100 KB\", \"50 packets\", \"80 ms\", \"1 bdp\" or a sum of these");
}
bool Entry::share(std::string_view key, double& out) const {
  return read<double>(key, out, share_of, "a share: \"1 %\" or 0.01");
}
bool Entry::flag(std::string_view key, bool& out) const {
  return read<bool>(
      key, out,
      [](const Node& node) { return node.kind == Node::Kind::boolean ? std::optional{node.boolean} : std::nullopt; },
      "true or false");
}
bool Entry::number(std::string_view key, double& out, double low, double high) const {
  return read<double>(
      key, out,
      [&](const Node& node) {
        const bool good = node.is_number() && node.as_number() >= low && node.as_number() <= high;
        return good ? std::optional{node.as_number()} : std::nullopt;
      },
      fmt::format("a number from {} to {}", number_text(low), number_text(high)));
}
bool Entry::read_whole(std::string_view key, std::int64_t& out, std::int64_t low, std::int64_t high) const {
  return read<std::int64_t>(
      key, out,
      [&](const Node& node) {
        const bool good = node.kind == Node::Kind::whole && node.whole >= low && node.whole <= high;
        return good ? std::optional{node.whole} : std::nullopt;
      },
      fmt::format("a whole number from {} to {}", low, high));
}
bool Entry::text(std::string_view key, std::string& out) const {
  return read<std::string>(
      key, out,
      [](const Node& node) { return node.kind == Node::Kind::text ? std::optional{node.text} : std::nullopt; },
      "a string");
}
bool Entry::texts(std::string_view key, std::vector<std::string>& out) const {
  const auto parse = [](const Node& node) -> std::optional<std::vector<std::string>> {
    if (node.kind == Node::Kind::text) { return std::vector{node.text}; }
    if (node.kind != Node::Kind::list) { return std::nullopt; }
    std::vector<std::string> all;
    for (const Node& item : node.list) {
      if (item.kind != Node::Kind::text) { return std::nullopt; }
      all.push_back(item.text);
    }
    return all;
  };
  return read<std::vector<std::string>>(key, out, parse, "a list of names: [\"a\", \"b\"]");
}
bool Entry::one_of(std::string_view key, std::string& out, std::span<const std::string_view> names) const {
  return read<std::string>(
      key, out,
      [&](const Node& node) {
        const bool good = node.kind == Node::Kind::text && std::ranges::find(names, node.text) != names.end();
        return good ? std::optional{node.text} : std::nullopt;
      },
      fmt::format("one of: {}", fmt::join(names, ", ")));
}
bool Entry::draws(std::string_view key, Draw& out, const std::function<std::optional<double>(const Node&)>& one,
                  std::string_view example) const {
  const auto parse = [&](const Node& node) -> std::optional<Draw> {
    if (node.kind == Node::Kind::table) { return distribution(node, one); }
    const auto fixed = one(node);
    return fixed ? std::optional{Draw{Draw::Kind::fixed, *fixed, 0}} : std::nullopt;
  };
  return read<Draw>(key, out, parse, example);
}
bool Entry::times(std::string_view key, Draw& out) const {
  return draws(key, out, seconds_of,
               "a time (\"20 ms\"), { uniform = [\"0 ms\", \"20 ms\"] } or { exponential = \"1 s\" }");
}
bool Entry::sizes(std::string_view key, Draw& out) const {
  return draws(key, out, bytes_of, "a size (\"1 MB\") or { pareto = \"200 KB\", shape = 1.5 }");
}

std::optional<Entry> Entry::table(std::string_view key) const {
  const Node* node = find(key);
  if (node == nullptr) { return std::nullopt; }
  return Entry{*node, fmt::format("{}: {}", place_, key), file_};
}

void Entry::need(std::string_view key, std::string_view example) const {
  if (!has(key)) { complain(fmt::format("'{}' is missing: {}", key, example)); }
}

void Entry::complain(const std::string& what) const {
  const std::string line = node_.line == 0 ? "" : fmt::format(":{}", node_.line);
  throw Failure(Exit::usage, fmt::format("{}{}: {}: {}", file_, line, place_, what));
}

void Entry::complain(std::string_view key, const std::string& what) const {
  const Node* node = node_.find(key);
  const unsigned at = node != nullptr ? node->line : node_.line;
  const std::string line = at == 0 ? "" : fmt::format(":{}", at);
  throw Failure(Exit::usage, fmt::format("{}{}: {}: {}: {}", file_, line, place_, key, what));
}

void Entry::bad_value(std::string_view key, const Node& node, std::string_view example) const {
  complain(key, fmt::format("'{}' will not do; write {}", to_text(node), example));
}

void Entry::done() const {
  for (const auto& [key, value] : node_.table) {
    if (std::ranges::find(asked_, key) == asked_.end()) {
      complain(key, fmt::format("no such key here; there are: {}", fmt::join(asked_, ", ")));
    }
  }
}
}  // namespace anabranch::apps::experiment
