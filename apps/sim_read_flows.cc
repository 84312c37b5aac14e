// Flows of a scenario, and the topology they may run over.
#include "apps/sim_read.hh"
#include "apps/sim_topology.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::apps::experiment {
namespace {

constexpr std::int64_t kMostFlows = 100'000, kMostCount = 100'000'000;
constexpr std::int64_t kMostK = 64;  // a fat tree of 65,536 hosts
constexpr std::uint64_t kSmallestRequest = 1;
constexpr Bytes kBufferOverTopology{1'000'000};  // 100 Mb/s for 80 ms

std::uint64_t whole_bytes(const Draw& draw) { return static_cast<std::uint64_t>(std::max(0.0, draw.a)); }

void read_requests(const Entry& entry, FlowPlan& flow) {
  sim::RequestsWish wish;
  entry.size("request", wish.request);
  entry.size("response", wish.response);
  entry.whole("count", wish.count, 0, kMostCount);
  entry.time("interval", wish.interval);
  entry.flag("wait", wish.wait);
  if (wish.request.n < kSmallestRequest || wish.response.n < kSmallestRequest) {
    entry.complain("'request' and 'response' need a byte at least");
  }
  flow.application = wish;
}

void read_messages(const Entry& entry, FlowPlan& flow) {
  sim::MessagesWish wish;
  wish.from = flow.down ? sim::Side::server : sim::Side::client;
  entry.size("message", wish.message);
  entry.whole("count", wish.count, 0, kMostCount);
  entry.time("interval", wish.interval);
  if (wish.message.n == 0 || wish.interval <= Duration{}) {
    entry.complain("'message' needs a byte at least, and 'interval' some time");
  }
  flow.application = wish;
}

void read_application(const Entry& entry, FlowPlan& flow) {
  flow.application = sim::BulkWish{};
  const auto table = entry.table("application");
  if (!table) { return; }
  constexpr std::string_view kKinds[] = {"bulk", "requests", "messages"};
  std::string kind = "bulk";
  table->one_of("kind", kind, kKinds);
  if (kind == "requests") { read_requests(*table, flow); }
  if (kind == "messages") { read_messages(*table, flow); }
  table->done();
  if (kind != "bulk" && flow.size) { entry.complain("size", "belongs to the application bulk"); }
}

void read_arrivals(const Entry& entry, const FlowPlan& flow, std::optional<sim::ArrivalOptions>& out) {
  const auto table = entry.table("arrivals");
  if (!table) { return; }
  sim::ArrivalOptions options;
  double rate = 0;
  if (table->number("rate", rate, 0, 1e6)) { options.rates = {rate}; }
  const auto list = [](const Node& node) -> std::optional<std::vector<double>> {
    std::vector<double> all;
    for (const Node& item : node.list) {
      if (!item.is_number() || item.as_number() < 0 || item.as_number() > 1e6) { return std::nullopt; }
      all.push_back(item.as_number());
    }
    return all.empty() ? std::nullopt : std::optional{all};
  };
  table->read<std::vector<double>>("rates", options.rates, list, "a list of connections a second: [10, 60]");
  table->time("period", options.period);
  table->whole("limit", options.limit, 1, kMostFlows);
  if (options.rates.empty()) { table->complain("needs 'rate' = connections a second, or 'rates'"); }
  if (options.period <= Duration{}) { table->complain("period", "must be longer than 0"); }
  table->done();
  options.start = Instant{} + Duration{static_cast<std::int64_t>(flow.start.a * 1e9)};
  options.stop = flow.stop.value_or(Instant::never());
  out = options;
}

/// All paths between the two, or those that the flow names.
void read_ends(const Entry& entry, const Reading& reading, FlowPlan& flow) {
  entry.need("from", "from = \"phone\"");
  entry.need("to", "to = \"server\"");
  entry.text("from", flow.from);
  entry.text("to", flow.to);
  std::vector<std::string> names;
  if (entry.texts("paths", names)) {
    for (const std::string& name : names) {
      const auto some = reading.paths(entry, "paths", name);
      flow.paths.insert(flow.paths.end(), some.begin(), some.end());
    }
  } else {
    for (std::size_t i = 0; i < reading.plan.paths.size(); ++i) {
      const auto& hosts = reading.plan.paths[i].hosts;
      const bool joins =
          (hosts[0] == flow.from && hosts[1] == flow.to) || (hosts[1] == flow.from && hosts[0] == flow.to);
      if (joins) { flow.paths.push_back(i); }
    }
  }
  if (flow.paths.empty()) { entry.complain(fmt::format("no path joins '{}' and '{}'", flow.from, flow.to)); }
  for (const std::size_t i : flow.paths) {
    const auto& path = reading.plan.paths[i];
    const bool joins = (path.hosts[0] == flow.from && path.hosts[1] == flow.to) ||
                       (path.hosts[1] == flow.from && path.hosts[0] == flow.to);
    if (!joins) {
      entry.complain("paths", fmt::format("path '{}' is between {} and {}", path.name, path.hosts[0], path.hosts[1]));
    }
  }
}

void read_over_topology(const Entry& entry, bool several_ports, FlowPlan& flow) {
  entry.choice("matrix", flow.matrix);
  entry.whole("subflows", flow.subflows, 1, 64);
  if (flow.matrix == Matrix::none) {
    entry.need("from", "over a topology: 'matrix', or 'from' and 'to' with names of hosts (h0, h1, ...)");
    entry.need("to", "name of a host");
    entry.text("from", flow.from);
    entry.text("to", flow.to);
  }
  if (!several_ports) {
    flow.client.path_manager = "ndiffports";
    flow.client.paths.ndiffports = flow.subflows;
  }
  // Thousands of connections with buffers for a long path each would fill the memory of any machine.
  for (mptcp::Config* config : {&flow.client, &flow.server}) {
    config->max_subflows = flow.subflows;
    config->send_buffer = config->receive_buffer = kBufferOverTopology;
  }
}

void read_size(const Entry& entry, FlowPlan& flow) {
  std::string direction = "up";
  constexpr std::string_view kDirections[] = {"up", "down"};
  entry.one_of("direction", direction, kDirections);
  flow.down = direction == "down";
  bool without_end = false;
  const auto is_unlimited = [](const Node& n) {
    return std::optional{n.kind == Node::Kind::text && n.text == "unlimited"};
  };
  entry.read<bool>("size", without_end, is_unlimited, "");
  Draw draw;
  if (!without_end && entry.sizes("size", draw)) { flow.size = draw; }
  Draw back;
  if (entry.sizes("back_size", back)) { flow.back_size = whole_bytes(back); }
}

void read_flow(const Entry& entry, Reading& reading) {
  FlowPlan flow;
  entry.need("name", "name = \"download\"");
  entry.text("name", flow.name);
  check_name(entry, "name", flow.name);
  if (std::ranges::any_of(reading.plan.flows, [&](const FlowPlan& f) { return f.name == flow.name; })) {
    entry.complain("name", fmt::format("two flows are called '{}'", flow.name));
  }
  if (reading.plan.topology) {
    read_over_topology(entry, reading.plan.topology->kind == "bcube", flow);
  } else {
    read_ends(entry, reading, flow);
  }
  entry.whole("count", flow.count, 1, kMostFlows);
  entry.times("start", flow.start);
  Instant stop;
  if (entry.time("stop", stop)) { flow.stop = stop; }
  read_size(entry, flow);
  read_application(entry, flow);
  read_arrivals(entry, flow, flow.arrivals);
  std::string protocol = "mptcp";
  constexpr std::string_view kProtocols[] = {"mptcp", "tcp"};
  entry.one_of("protocol", protocol, kProtocols);
  read_settings(entry, flow.client, flow.server);
  flow.client.multipath = protocol == "mptcp";
  entry.flag("announce", flow.announce);
  entry.choice("stateless", flow.stateless);
  entry.done();
  reading.plan.flows.push_back(std::move(flow));
}

}  // namespace

void read_topology(const Node& document, Reading& reading) {
  const Node* node = document.find("topology");
  if (node == nullptr) { return; }
  const Entry entry{*node, "topology", reading.file};
  TopologyPlan out;
  constexpr std::string_view kKinds[] = {"fat_tree", "torus", "vl2", "bcube"};
  entry.need("kind", "kind = \"fat_tree\"");
  entry.one_of("kind", out.kind, kKinds);
  entry.whole("k", out.k, 2, kMostK);
  if (out.k % 2 != 0) { entry.complain("k", "must be even"); }
  entry.whole("n", out.n, 2, kMostK);
  entry.whole("levels", out.levels, 1, 4);
  entry.whole("tors", out.tors, 1, 1024);
  entry.whole("hosts", out.hosts, 1, 1024);
  entry.whole("aggregates", out.aggregates, 2, 256);
  entry.whole("cores", out.cores, 1, 256);
  entry.whole("width", out.width, 1, 256);
  entry.whole("height", out.height, 1, 256);
  if (out.width * out.height < 2) { entry.complain("'width' and 'height' make less than two switches"); }
  constexpr std::string_view kSpreads[] = {"hash", "dealt"};
  std::string spread = "dealt";
  entry.one_of("spread", spread, kSpreads);
  out.dealt = spread == "dealt";
  LinkNumbers numbers;  // of links to hosts
  numbers.others.mtu = 1500;
  numbers.others.overhead = 0;
  read_link_numbers(entry, numbers);
  out.spec = numbers.spec();
  LinkNumbers trunks = numbers;
  if (const auto trunk = entry.table("trunk")) {
    read_link_numbers(*trunk, trunks);
    trunk->done();
    out.trunk = trunks.spec();
  }
  LinkNumbers degraded = trunks;  // what is degraded is a trunk
  if (const auto degrade = entry.table("degrade")) {
    degrade->whole("links", out.degraded, 1, 10'000);
    read_link_numbers(*degrade, degraded);
    degrade->done();
  }
  out.degraded_spec = degraded.spec();
  entry.done();
  if (!reading.plan.links.empty()) { entry.complain("a scenario has links and paths, or a topology"); }
  for (const sim::TopologyLink& link : layout(out)) {
    reading.plan.links.push_back({link.name, link.core});
    for (const sim::Way way : {sim::Way::forth, sim::Way::back}) {
      reading.plan.pipes.push_back({link.name, way, link.trunk && out.trunk ? *out.trunk : out.spec});
      reading.numbers.push_back(link.trunk ? trunks : numbers);
    }
  }
  reading.plan.topology = out;
}

void read_flows(const Node& document, Reading& reading) {
  for (const Entry& entry : entries(document, "flow", reading.file)) { read_flow(entry, reading); }
  if (reading.plan.flows.empty()) {
    Entry{document, "the scenario", reading.file}.complain("no flow: write [[flow]] with name, from and to");
  }
}
}  // namespace anabranch::apps::experiment
