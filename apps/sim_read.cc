// Top level, links and paths of a scenario.
#include "apps/sim_read.hh"

#include "apps/http_failure.hh"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>

namespace anabranch::apps::experiment {
namespace {

constexpr std::uint32_t kMtu = 1500, kSmallestMtu = 576, kLargestMtu = 65535;  // RFC 791 §3.2: 576
constexpr std::size_t kMostPaths = 10'000;

void read_top(const Node& document, Reading& reading) {
  const Entry entry{document, "the scenario", reading.file};
  Plan& plan = reading.plan;
  plan.name = std::filesystem::path{reading.file}.stem().string();
  entry.text("name", plan.name);
  entry.text("about", plan.about);
  entry.time("duration", plan.duration);
  if (plan.duration <= Duration{}) { entry.complain("duration", "must be longer than 0"); }
  plan.warmup = plan.duration / 4;
  entry.time("warmup", plan.warmup);
  if (plan.warmup >= plan.duration) { entry.complain("warmup", "must be shorter than 'duration'"); }
  entry.time("sample", plan.sample);
  entry.time("gap", plan.gap);
  std::string stop = "time", family = "v4";
  constexpr std::string_view kStops[] = {"time", "finished"}, kFamilies[] = {"v4", "v6"};
  entry.one_of("stop", stop, kStops);
  entry.one_of("family", family, kFamilies);
  entry.flag("offload", plan.offload);
  entry.choice("detail", plan.detail);
  plan.until_finished = stop == "finished";
  plan.v6 = family == "v6";
  for (const std::string_view part : {"link", "path", "topology", "flow", "traffic", "middlebox", "change"}) {
    (void)entry.has(part);
  }
  entry.done();
}

void read_red(const Entry& entry, LinkNumbers& out) {
  double low = 0, high = 0;
  if (entry.number("low", low, 1, 1e6)) { out.red_low = low; }
  if (entry.number("high", high, 1, 1e6)) { out.red_high = high; }
  auto& red = out.others.discipline.red;
  entry.share("probability", red.probability);
  entry.number("weight", red.weight, 1e-6, 1);
  entry.flag("gentle", red.gentle);
  entry.flag("ecn", red.ecn);
  entry.done();
}

void read_disorder(const Entry& entry, sim::LinkSpec& out) {
  entry.share("loss", out.loss);
  if (const auto burst = entry.table("burst")) {
    burst->share("enter", out.burst.enter);
    burst->share("leave", out.burst.leave);
    burst->share("loss", out.burst.loss);
    burst->done();
  }
  entry.time("jitter", out.jitter);
  entry.flag("jitter_reorders", out.jitter_reorders);
  entry.share("reorder", out.reorder);
  entry.time("reorder_by", out.reorder_by);
  entry.share("duplicate", out.duplicate);
  entry.share("mark", out.mark);
  entry.size("mark_above", out.mark_above);
}

LinkNumbers plain_numbers() {
  LinkNumbers out;
  out.others.mtu = kMtu;
  out.others.overhead = 0;
  return out;
}

/// Both directions of a link from one table.
void add_link(const Entry& entry, const std::string& name, Reading& reading) {
  Plan& plan = reading.plan;
  if (std::ranges::any_of(plan.links, [&](const LinkPlan& l) { return l.name == name; })) {
    entry.complain("name", fmt::format("two links are called '{}'", name));
  }
  plan.links.push_back({name});
  LinkNumbers forth = plain_numbers();
  read_link_numbers(entry, forth);
  LinkNumbers back = forth;
  if (const auto table = entry.table("back")) {
    read_link_numbers(*table, back);
    table->done();
  }
  for (const auto& [way, numbers] : {std::pair{sim::Way::forth, &forth}, std::pair{sim::Way::back, &back}}) {
    plan.pipes.push_back({name, way, numbers->spec()});
    reading.numbers.push_back(*numbers);
  }
}

/// `a`: the link a in its direction forth; `-a`: back.
std::vector<std::size_t> pipes_of(const Entry& entry, std::string_view key, const std::vector<std::string>& words,
                                  const Reading& reading) {
  std::vector<std::size_t> out;
  for (const std::string& word : words) {
    const bool reversed = word.starts_with('-');
    out.push_back(reading.link(entry, key, reversed ? word.substr(1) : word) * 2 + (reversed ? 1 : 0));
  }
  return out;
}

std::vector<std::size_t> reversed(const std::vector<std::size_t>& pipes) {
  std::vector<std::size_t> out;
  for (auto at = pipes.rbegin(); at != pipes.rend(); ++at) { out.push_back(*at ^ 1); }
  return out;
}

void read_ways(const Entry& entry, PathPlan& path, Reading& reading) {
  std::vector<std::string> via, back;
  if (!entry.texts("via", via)) {
    add_link(entry, path.name, reading);
    path.forth = {reading.plan.links.size() * 2 - 2};
    path.back = reversed(path.forth);
    return;
  }
  path.forth = pipes_of(entry, "via", via, reading);
  path.back = entry.texts("back", back) ? pipes_of(entry, "back", back, reading) : reversed(path.forth);
  if (path.forth.empty() || path.back.empty()) { entry.complain("via", "needs at least one link"); }
}

void read_path(const Entry& entry, Reading& reading) {
  PathPlan path;
  entry.need("name", "name = \"wifi\"");
  entry.text("name", path.name);
  check_name(entry, "name", path.name);
  path.group = path.name;
  const auto& known = reading.plan.paths;
  if (std::ranges::any_of(known, [&](const PathPlan& p) { return p.group == path.name; })) {
    entry.complain("name", fmt::format("two paths are called '{}'", path.name));
  }
  std::vector<std::string> two;
  entry.need("between", "between = [\"phone\", \"server\"]");
  entry.texts("between", two);
  if (two.size() != 2 || two[0] == two[1]) { entry.complain("between", "needs two hosts: [\"phone\", \"server\"]"); }
  for (const std::string& host : two) { check_name(entry, "between", host); }
  path.hosts = {two[0], two[1]};
  const bool named = entry.texts("interfaces", two);
  if (two.size() != 2) { entry.complain("interfaces", "needs two names, one at each host"); }
  unsigned count = 1;
  entry.whole("count", count, 1, kMostPaths);
  constexpr std::string_view kSpreads[] = {"hash", "dealt"};
  std::string spread = "hash";
  entry.one_of("spread", spread, kSpreads);
  path.dealt = spread == "dealt";
  read_use(entry, path.use[0]);
  if (const auto remote = entry.table("remote")) {
    read_use(*remote, path.use[1]);
    remote->done();
  }
  read_ways(entry, path, reading);
  path.mtu = kLargestMtu;
  for (const auto* way : {&path.forth, &path.back}) {
    for (const std::size_t pipe : *way) { path.mtu = std::min(path.mtu, reading.plan.pipes[pipe].spec.mtu); }
  }
  if (entry.has("via")) { entry.whole("mtu", path.mtu, kSmallestMtu, kLargestMtu); }
  entry.done();
  for (unsigned i = 1; i <= count; ++i) {
    if (count > 1) { path.name = fmt::format("{}.{}", path.group, i); }
    path.interfaces = named ? std::array{two[0], two[1]} : std::array{path.name, path.name};
    reading.plan.paths.push_back(path);
  }
}

}  // namespace

sim::LinkSpec LinkNumbers::spec() const {
  sim::LinkSpec out = others;
  out.delay = delay;
  out.rate = rate.resolve(others.mtu + others.overhead);
  out.queue = queue.resolve(out.rate, rtt.value_or(delay * 2), packet());
  if (queue.in_packets()) {  // so many packets, of whatever size
    out.queue = {};
    out.discipline.packets = static_cast<std::uint32_t>(std::max(1.0, queue.packets));
  }
  const Bytes room = out.queue ? out.queue : sim::default_queue(out.rate);
  const double packets = out.discipline.packets != 0 ? out.discipline.packets : static_cast<double>(room.n) / packet();
  out.discipline.red.low = red_low.value_or(std::max(1.0, packets / 4));
  out.discipline.red.high = std::max(out.discipline.red.low + 1, red_high.value_or(packets * 3 / 4));
  return out;
}

void read_link_numbers(const Entry& entry, LinkNumbers& out) {
  entry.rate("rate", out.rate);
  entry.time("delay", out.delay);
  Duration rtt{};
  if (entry.time("rtt", rtt)) { out.rtt = rtt; }
  entry.queue("queue", out.queue);
  entry.choice("discipline", out.others.discipline.kind);
  entry.whole("random_places", out.others.discipline.random_places, 1, 1'000'000);
  entry.share("random_probability", out.others.discipline.random_probability);
  if (const auto red = entry.table("red")) { read_red(*red, out); }
  if (const auto codel = entry.table("codel")) {
    codel->time("target", out.others.discipline.codel.target);
    codel->time("interval", out.others.discipline.codel.interval);
    codel->flag("ecn", out.others.discipline.codel.ecn);
    codel->done();
  }
  read_disorder(entry, out.others);
  entry.whole("mtu", out.others.mtu, kSmallestMtu, kLargestMtu);
  entry.whole("overhead", out.others.overhead, 0, 1000);
}

std::vector<Entry> entries(const Node& document, std::string_view key, const std::string& file) {
  std::vector<Entry> out;
  const Node* list = document.find(key);
  if (list == nullptr) { return out; }
  if (list->kind != Node::Kind::list) {
    Entry{document, "the scenario", file}.complain(key, fmt::format("write [[{}]] for each", key));
  }
  for (std::size_t i = 0; i < list->list.size(); ++i) {
    const Node* name = list->list[i].find("name");
    const std::string called = name != nullptr ? to_text(*name) : fmt::format("{}", i + 1);
    out.emplace_back(list->list[i], fmt::format("{} {}", key, called), file);
  }
  return out;
}

void check_name(const Entry& entry, std::string_view key, const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  if (name.empty() || name.front() == '-' || !std::ranges::all_of(name, good)) {
    entry.complain(key, fmt::format("'{}' is no name: letters, digits, '-' and '_', not '-' first", name));
  }
}

std::size_t Reading::link(const Entry& entry, std::string_view key, const std::string& name) const {
  const auto at = std::ranges::find(plan.links, name, &LinkPlan::name);
  if (at == plan.links.end()) { entry.complain(key, fmt::format("there is no link '{}'", name)); }
  return static_cast<std::size_t>(at - plan.links.begin());
}

std::vector<std::size_t> Reading::paths(const Entry& entry, std::string_view key, const std::string& name) const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < plan.paths.size(); ++i) {
    if (plan.paths[i].name == name || plan.paths[i].group == name) { out.push_back(i); }
  }
  if (out.empty()) { entry.complain(key, fmt::format("there is no path '{}'", name)); }
  return out;
}

std::size_t Reading::flow(const Entry& entry, std::string_view key, const std::string& name) const {
  const auto at = std::ranges::find(plan.flows, name, &FlowPlan::name);
  if (at == plan.flows.end()) { entry.complain(key, fmt::format("there is no flow '{}'", name)); }
  return static_cast<std::size_t>(at - plan.flows.begin());
}

std::size_t Reading::end(const Entry& entry, std::size_t path, const std::string& host) const {
  const auto& hosts = plan.paths[path].hosts;
  if (host != hosts[0] && host != hosts[1]) {
    entry.complain("host", fmt::format("path {} is between {} and {}", plan.paths[path].name, hosts[0], hosts[1]));
  }
  return host == hosts[0] ? 0 : 1;
}

void read_use(const Entry& entry, AddressUse& out) {
  entry.flag("subflows", out.subflows);
  entry.flag("announced", out.announced);
  entry.flag("backup", out.backup);
  entry.flag("metered", out.metered);
  entry.whole("preference", out.preference, 0, 255);
  entry.whole("weight", out.weight, 1, 1000);
  RateValue cap;
  if (entry.rate("cap", cap)) { out.cap = cap.resolve(kMtu); }
}

void read_links(const Node& document, Reading& reading) {
  for (const Entry& entry : entries(document, "link", reading.file)) {
    std::string name;
    entry.need("name", "name = \"bottleneck\"");
    entry.text("name", name);
    check_name(entry, "name", name);
    add_link(entry, name, reading);
    entry.done();
  }
}

void read_paths(const Node& document, Reading& reading) {
  for (const Entry& entry : entries(document, "path", reading.file)) { read_path(entry, reading); }
}

Plan read_plan(const Node& document, const std::string& file) {
  Reading reading{.plan = {}, .numbers = {}, .file = file};
  read_top(document, reading);
  read_links(document, reading);
  read_paths(document, reading);
  read_topology(document, reading);
  if (reading.plan.paths.empty() && !reading.plan.topology) {
    throw Failure(Exit::usage, fmt::format("{}: no path: write [[path]] with name, between, rate and delay", file));
  }
  read_flows(document, reading);
  read_traffic(document, reading);
  read_boxes(document, reading);
  read_changes(document, reading);
  return std::move(reading.plan);
}
}  // namespace anabranch::apps::experiment
