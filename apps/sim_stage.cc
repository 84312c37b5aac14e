#include "apps/sim_stage.hh"

#include "apps/http_failure.hh"
#include "apps/sim_boxes.hh"
#include "apps/sim_topology.hh"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace anabranch::apps::experiment {
namespace {

constexpr std::uint16_t kFirstListening = 1000, kLastListening = 48'000;  // below the ports to connect from
constexpr std::uint32_t kSuperSegment = 64 * 1024;
constexpr std::uint16_t kTopologyPorts = 1024;  // of each host: 8 subflows for 100 connections
constexpr unsigned kMostPorts = 16'384;         // RFC 6335 §6: dynamic ports

Duration as_duration(double seconds) { return {static_cast<std::int64_t>(std::llround(seconds * 1e9))}; }

sim::Period period_of(const Draw& draw) {
  switch (draw.kind) {
    case Draw::Kind::uniform: return {sim::Spacing::uniform, as_duration((draw.a + draw.b) / 2)};
    case Draw::Kind::exponential: return {sim::Spacing::exponential, as_duration(draw.a)};
    default: return {sim::Spacing::fixed, as_duration(draw.a)};
  }
}

bool ends(const FlowPlan& flow) {
  if (flow.arrivals) { return flow.stop.has_value(); }
  const bool by_itself = std::visit(Overloaded{[&](const sim::BulkWish&) { return flow.size.has_value(); },
                                               [](const auto& wish) { return wish.count != 0; }},
                                    flow.application);
  return by_itself || flow.stop;
}

}  // namespace

Stage::Stage(const Plan& plan, std::uint64_t seed, bool seen)
    : plan_{plan},
      checksums_{seen || !plan.boxes.empty()},
      dice_{seed ^ 0x5ce7a71005ce7a71u},  // a stream of its own: what is drawn here is not what the world draws
      world_{seed, sim::WorldOptions::figures()} {
  if (plan_.topology) {
    build_topology();
  } else {
    build_paths();
  }
  build_traffic();
  build_boxes();
  build_flows();
  plan_changes();
}

Stage::~Stage() = default;

/// Local ports for all subflows that leave from there, twice, because those of ended ones linger.
sim::HostOptions Stage::options_of(const std::string& host) const {
  std::size_t wanted = 256;
  for (const FlowPlan& flow : plan_.flows) {
    const std::size_t connections = flow.arrivals ? flow.arrivals->limit * 8 : flow.count;
    if (flow.from == host || flow.to == host) { wanted += connections * (flow.paths.size() + 1) * 2; }
  }
  return {.ports = static_cast<std::uint16_t>(std::min<std::size_t>(wanted, kMostPorts))};
}

/// Checksums that nobody reads need not be computed: the same run in half the time.
sim::LinkSpec Stage::spec_of(sim::LinkSpec spec) const {
  spec.keep_checksums = !checksums_;
  return spec;
}

sim::PortOptions Stage::port_options() const {
  sim::PortOptions out;
  out.v4 = !plan_.v6;
  out.v6 = plan_.v6;
  out.super_segment = plan_.offload ? kSuperSegment : 0;
  out.checksum_offload = plan_.offload || !checksums_;
  return out;
}

void Stage::build_paths() {
  for (const PipePlan& pipe : plan_.pipes) {
    pipes_.push_back(&world_.pipe(fmt::format("{}.{}", pipe.link, name(pipe.way)), spec_of(pipe.spec)));
  }
  const auto through = [this](const std::vector<std::size_t>& numbers) {
    std::vector<sim::Pipe*> out;
    for (const std::size_t number : numbers) { out.push_back(pipes_[number]); }
    return out;
  };
  for (const PathPlan& plan : plan_.paths) {
    std::array<sim::Port*, 2> ports{};
    for (std::size_t end = 0; end < 2; ++end) {
      sim::PortOptions options = port_options();
      options.mtu = plan.mtu;
      options.use = plan.use[end];
      ports[end] =
          &world_.port(world_.host(plan.hosts[end], options_of(plan.hosts[end])), plan.interfaces[end], options);
    }
    sim::Path& path = world_.path(*ports[0], *ports[1]);
    path.add(through(plan.forth), through(plan.back));
    path.set_spread(plan.dealt ? sim::Spread::dealt : sim::Spread::hash);
    ports_.push_back(ports);
    addresses_.push_back({ports[0]->addresses().front(), ports[1]->addresses().front()});
    paths_.push_back(&path);
    const Address a = addresses_.back()[0].address, b = addresses_.back()[1].address;
    for (const auto& ends : {std::pair{a, b}, std::pair{b, a}}) {
      std::string& name = path_names_[ends];
      name += (name.empty() ? "" : "|") + plan.name;
    }
  }
}

void Stage::build_topology() {
  sim::TopologySpec spec;
  spec.link = spec_of(plan_.topology->spec);
  if (plan_.topology->trunk) { spec.trunk = spec_of(*plan_.topology->trunk); }
  spec.spread = plan_.topology->dealt ? sim::Spread::dealt : sim::Spread::hash;
  spec.port = port_options();
  spec.port.mtu = spec.link.mtu;
  spec.host.ports = kTopologyPorts;
  topology_ = std::make_unique<TopologyNetwork>(world_, *plan_.topology, spec, dice_.fork());
  pipes_ = topology_->pipes();
}

std::string Stage::path_name(const Address& local, const Address& remote) const {
  const auto known = path_names_.find({local, remote});
  return known == path_names_.end() ? "" : known->second;
}

void Stage::build_traffic() {
  for (const TrafficPlan& plan : plan_.traffic) {
    sim::CrossTraffic traffic;
    traffic.rate = plan.rate;
    traffic.packet = plan.packet;
    if (plan.on) { traffic.on = period_of(*plan.on); }
    if (plan.off) { traffic.off = period_of(*plan.off); }
    traffic.start = plan.start - Instant{};
    traffic.stop = plan.stop.is_never() ? Duration{} : plan.stop - Instant{};
    world_.cross_traffic({pipes_[plan.pipe]}, traffic);
  }
}

void Stage::build_boxes() {
  for (std::size_t path = 0; path < paths_.size(); ++path) {
    std::vector<std::unique_ptr<sim::Middlebox>> boxes;
    for (const BoxPlan& plan : plan_.boxes) {
      if (plan.path != path) { continue; }
      const sim::BoxSettings settings{
          .pool = world_.pool(), .generator = dice_.fork(), .ways = plan.ways, .mtu = plan_.paths[path].mtu};
      boxes.push_back(make_box(plan, settings));
    }
    if (!boxes.empty()) { paths_[path]->set_middlebox(sim::in_series(std::move(boxes))); }
  }
}

std::uint16_t Stage::free_port(const sim::Host& host) {
  std::uint16_t& next = next_port_.try_emplace(host.name(), kFirstListening).first->second;
  if (next > kLastListening) { next = kFirstListening; }
  return next++;
}

Stage::Ends Stage::ends_over_paths(const FlowPlan& flow) {
  Ends out{.from = &world_.host(flow.from), .to = &world_.host(flow.to), .interfaces = {}, .remote = {}};
  for (const std::size_t path : flow.paths) {
    const std::size_t from = plan_.paths[path].hosts[0] == flow.from ? 0 : 1;
    if (path == flow.paths.front()) { out.remote = addresses_[path][1 - from].address; }
    const InterfaceId interface = ports_[path][from]->interface();
    if (std::ranges::find(out.interfaces, interface) == out.interfaces.end()) { out.interfaces.push_back(interface); }
  }
  if (!flow.client.multipath) { out.interfaces.resize(1); }
  return out;
}

std::vector<Stage::Ends> Stage::ends_over_topology(const FlowPlan& flow) {
  std::vector<Ends> out;
  for (const auto& [from, to] : topology_->pairs(flow, dice_)) {
    out.push_back({.from = &topology_->host(from),
                   .to = &topology_->host(to),
                   .interfaces = topology_->interfaces(from, flow.client.multipath ? flow.subflows : 1),
                   .remote = topology_->address(to, family())});
  }
  return out;
}

std::unique_ptr<sim::Conversation> Stage::converse(std::size_t number, const Ends& ends, Instant start,
                                                   Generator& dice) {
  const FlowPlan& flow = plan_.flows[number];
  sim::ConversationOptions options;
  options.from = ends.from;
  options.to = ends.to;
  options.remote = {ends.remote, free_port(*ends.to)};
  options.interfaces = ends.interfaces;
  options.client = flow.client;
  options.server = flow.server;
  options.announce = flow.announce;
  options.stateless = flow.stateless;
  options.start = start;
  options.stop = flow.arrivals ? Instant::never() : flow.stop.value_or(Instant::never());
  options.gap = plan_.gap;
  auto program = std::visit(
      Overloaded{[&](const sim::BulkWish&) {
                   const double bytes = flow.size ? std::max(1.0, std::round(flow.size->draw(dice))) : 0;
                   const std::uint64_t size = flow.size ? static_cast<std::uint64_t>(bytes) : sim::kUnlimited;
                   return sim::make_program(flow.down ? sim::BulkWish{flow.back_size, size}
                                                      : sim::BulkWish{size, flow.back_size});
                 },
                 [](const auto& wish) { return sim::make_program(wish); }},
      flow.application);
  return std::make_unique<sim::Conversation>(world_, std::move(options), std::move(program));
}

void Stage::build_flow(std::size_t number) {
  const FlowPlan& flow = plan_.flows[number];
  const auto all = plan_.topology ? ends_over_topology(flow) : std::vector{ends_over_paths(flow)};
  if (flow.arrivals) {
    auto make = [this, number, all, dice = dice_.fork()](std::uint64_t count, Instant now) mutable {
      return converse(number, all[count % all.size()], now, dice);
    };
    arrivals_.back() =
        &world_.add(std::make_unique<sim::Arrivals>(world_, *flow.arrivals, dice_.fork(), std::move(make)));
    return;
  }
  unsigned index = 0;
  for (const Ends& ends : all) {
    for (unsigned i = 0; i < flow.count; ++i) {
      Generator dice = dice_.fork();
      const Instant start = Instant{} + as_duration(flow.start.draw(dice));
      connections_.push_back({number, index++, &world_.add(converse(number, ends, start, dice))});
    }
  }
}

void Stage::build_flows() {
  for (std::size_t i = 0; i < plan_.flows.size(); ++i) {
    arrivals_.push_back(nullptr);
    build_flow(i);
  }
}

template <class Each>
void Stage::each_subflow(std::size_t flow, std::size_t path, std::size_t end, Each each) {
  sim::Port& port = *ports_[path][end];
  const auto side = plan_.flows[flow].from == plan_.paths[path].hosts[end] ? sim::Side::client : sim::Side::server;
  for (const Running& running : connections_) {
    if (running.flow != flow) { continue; }
    const auto id = running.conversation->id(side);
    const auto info = running.conversation->info(side, world_.now());
    if (!id || !info) { continue; }
    for (const mptcp::SubflowInfo& subflow : info->subflows) {
      if (subflow.interface == port.interface() && subflow.ended_by.empty()) { each(port.host(), *id, subflow.id); }
    }
  }
}

void Stage::carry_out(const Action& action) {
  const Instant now = world_.now();
  std::visit(
      Overloaded{[&](const SetPipe& a) { pipes_[a.pipe]->set(spec_of(a.spec), now); },
                 [&](const CutPipe& a) { pipes_[a.pipe]->cut(now, a.lose_in_flight); },
                 [&](const HealPipe& a) { pipes_[a.pipe]->heal(now); },
                 [&](const CarrierChange& a) { ports_[a.path][a.end]->set_up(a.up); },
                 [&](const AddressChange& a) {
                   const InterfaceAddress& address = addresses_[a.path][a.end];
                   if (a.add) {
                     ports_[a.path][a.end]->add_address(address);
                   } else {
                     ports_[a.path][a.end]->remove_address(address.address);
                   }
                 },
                 [&](const UseChange& a) { ports_[a.path][a.end]->set_use(addresses_[a.path][a.end].address, a.use); },
                 [&](const PriorityChange& a) {
                   each_subflow(a.flow, a.path, a.end, [&](sim::Host& host, auto id, auto subflow) {
                     (void)host.stack().set_backup(id, subflow, a.backup, now);
                   });
                 },
                 [&](const SubflowClose& a) {
                   each_subflow(a.flow, a.path, a.end, [&](sim::Host& host, auto id, auto subflow) {
                     (void)host.stack().close_subflow(id, subflow, now);
                   });
                 }},
      action);
}

void Stage::plan_changes() {
  for (const ChangePlan& change : plan_.changes) {
    world_.at(change.at - world_.now(), [this, &change] { carry_out(change.action); });
  }
}

bool Stage::finished() {
  const auto over = [this](const Running& r) { return !ends(plan_.flows[r.flow]) || r.conversation->finished(); };
  while (finished_ < connections_.size() && over(connections_[finished_])) { ++finished_; }
  if (finished_ < connections_.size()) { return false; }
  return std::ranges::all_of(arrivals_, [](sim::Arrivals* group) {
    if (group == nullptr) { return true; }
    if (!group->next().is_never()) { return false; }
    return std::ranges::all_of(group->alive(), [](const auto* c) { return c->finished(); });
  });
}
}  // namespace anabranch::apps::experiment
