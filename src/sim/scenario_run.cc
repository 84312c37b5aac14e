#include "sim/scenario.hh"
#include "trace/text.hh"

#include <fmt/format.h>

namespace anabranch::sim {
namespace {
const World* running = nullptr;  // NOLINT: the one thing a signal handler can look at

struct Running {
  explicit Running(const World& world) { running = &world; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { running = nullptr; }
};

/// Puts a name before each line.
class Named final : public trace::ByteSink {
 public:
  Named(std::string_view name, trace::ByteSink* to) : name_{name}, to_{to} {}
  void write(std::span<const std::uint8_t> bytes) override {
    to_->write_text(name_);
    to_->write(bytes);
  }

 private:
  std::string_view name_;
  trace::ByteSink* to_;
};

/// A quarter of the rate.
LinkSpec slowed(LinkSpec spec) {
  spec.rate.bytes_per_second /= 4;
  return spec;
}

bool all(const World& world, bool (Transfer::*is)() const) {
  return std::ranges::all_of(world.transfers(), [&](const auto& transfer) { return (*transfer.*is)(); });
}

/// Whether every connection can do without that interface, or come back with it: past its handshake on both sides, of
/// Multipath TCP, with a client that opens subflows and nobody in the way of MP_JOIN. A server cannot open any, and a
/// client that only reads does not notice that one is gone: a server needs one elsewhere. Others may end; no fault.
bool can_move(const World& world, const Scenario& scenario, const Event& event) {
  const Link& link = *world.links()[event.link];
  const InterfaceId lost = link.interface_at(event.side);
  const auto meddled = [](const LinkPlan& plan) { return plan.meddling != Meddling::none; };
  if (std::ranges::any_of(scenario.links, meddled)) { return false; }
  return std::ranges::all_of(world.transfers(), [&](const auto& transfer) {
    if (transfer->options().client.path_manager != "full_mesh") { return false; }
    return std::ranges::all_of(std::array{&transfer->client(), &transfer->server()}, [&](const Application* end) {
      if (!end->connected()) { return false; }
      const auto info = end->host().stack().info(*end->id(), world.now());
      if (!info) { return event.side == 0 || transfer->complete(); }
      const bool elsewhere = std::ranges::any_of(info->subflows, [&](const auto& s) {
        const Host& host = link.end(event.side);
        const bool over_it = s.interface == lost || s.local.address == link.address_of(host, Family::v4) ||
                             s.local.address == link.address_of(host, Family::v6);
        return s.state == "active" && !over_it;
      });
      const bool is_server = end == &transfer->server();
      const bool confirmed = is_server || info->bytes_acknowledged + info->bytes_received > 0;
      return info->protocol == mptcp::Protocol::mptcp && confirmed && (event.side == 0 || !is_server || elsewhere);
    });
  });
}

/// Switches or closes the subflow of each connection that `event.link` picks, as an application would.
void steer(World& world, const Event& event) {
  for (const auto& transfer : world.transfers()) {
    const Application& end = event.side == 0 ? transfer->client() : transfer->server();
    if (!end.id() || end.done()) { continue; }
    stack::Stack& stack = end.host().stack();
    const auto info = stack.info(*end.id(), world.now());
    if (!info) { continue; }
    std::vector<mptcp::SubflowInfo> active;
    std::ranges::copy_if(info->subflows, std::back_inserter(active), [](const auto& s) { return s.state == "active"; });
    if (active.size() < 2) { continue; }
    const mptcp::SubflowInfo& chosen = active[event.link % active.size()];
    const Status status = event.what == Trouble::switch_backup
                              ? stack.set_backup(*end.id(), chosen.id, !chosen.backup, world.now())
                              : stack.close_subflow(*end.id(), chosen.id, world.now());
    ANABRANCH_CHECK(status.has_value());  // both are possible for an active subflow
  }
}

void strike(World& world, const Scenario& scenario, const Event& event) {
  Link& link = *world.links()[event.link];
  Host& host = link.end(event.side);
  const LinkPlan& plan = scenario.links[event.link];
  switch (event.what) {
    case Trouble::cut: link.cut(event.side == 0); break;
    case Trouble::cut_one_way: link.cut_from(host); break;
    case Trouble::heal: link.heal(); break;
    case Trouble::interface_down:
      if (can_move(world, scenario, event)) { link.take_down_at(host); }
      break;
    case Trouble::interface_up: link.bring_up(); break;
    case Trouble::switch_backup:
    case Trouble::close_subflow: steer(world, event); break;
    case Trouble::slow_down: link.set_from(host, slowed(event.side == 0 ? plan.forth : plan.back)); break;
  }
}

void heal_all(World& world, const Scenario& scenario) {
  for (std::size_t i = 0; i < scenario.links.size(); ++i) {
    Link& link = *world.links()[i];
    link.set_from(link.end(0), healed(scenario.links[i].forth));
    link.set_from(link.end(1), healed(scenario.links[i].back));
    link.bring_up();
  }
}

Outcome outcome(const World& world, const Scenario& scenario, std::string_view why) {
  Outcome out;
  out.digest = world.trace_digest();
  out.arrivals = world.arrivals();
  out.took = world.now() - Instant{};
  out.counters = world.counters();
  out.passed = why.empty();
  if (!out.passed) { out.report = fmt::format("{}: {}{}", why, world.replay(), to_text(scenario)); }
  return out;
}
}  // namespace

LinkSpec healed(const LinkSpec& spec) {
  LinkSpec clean;
  clean.rate = spec.rate;
  clean.delay = spec.delay;
  clean.queue = spec.queue;
  clean.mtu = spec.mtu;
  clean.overhead = spec.overhead;
  clean.keep_super_segments = spec.keep_super_segments;
  return clean;
}

Duration completion_bound(const Scenario& scenario) {
  Rate slowest{std::numeric_limits<std::uint64_t>::max()};
  Duration round_trip{};
  for (const LinkPlan& link : scenario.links) {
    Duration both{};
    for (const LinkSpec* spec : {&link.forth, &link.back}) {
      if (spec->rate == Rate{}) { continue; }
      slowest = std::min(slowest, spec->rate);
      const Bytes queue = spec->queue ? spec->queue : default_queue(spec->rate);
      both = both + spec->delay + time_for(queue, spec->rate);
    }
    round_trip = std::max(round_trip, both);
  }
  Bytes bytes;
  Duration pauses{};
  for (const TransferPlan& transfer : scenario.transfers) {
    bytes += transfer.up + transfer.down;
    const auto paused = [](const Manners& manners, Bytes reads) {
      return manners.read_every * static_cast<std::int64_t>(reads.n / manners.read_at_most.n + 2);
    };
    pauses = pauses + paused(transfer.options.client_manners, transfer.down) +
             paused(transfer.options.server_manners, transfer.up);
  }
  constexpr std::int64_t kRoundTrips = 100;   // a window that grows by a packet each sends 5000 packets meanwhile
  constexpr std::uint64_t kOften = 4;         // each byte: on two paths, and room for headers and ACKs
  constexpr Duration kSlack{10'000'000'000};  // a few timeouts of the minimum, one after the other
  for (const TransferPlan& transfer : scenario.transfers) {
    const tcp::Config& tcp = transfer.options.server.tcp;
    if (tcp.keepalive_idle > Duration{}) {
      pauses = pauses + tcp.keepalive_idle + tcp.keepalive_interval * tcp.keepalive_probes;
    }
  }
  return time_for(bytes * kOften, slowest) + round_trip * kRoundTrips + pauses * 2 + scenario.heal_at * 3 + kSlack;
}

Outcome run(const Scenario& scenario, const RunOptions& options) {
  Named names[] = {{"client ", options.trace}, {"server ", options.trace}};  // outlive the stacks
  trace::TextTrace traces[] = {trace::TextTrace{names[0]}, trace::TextTrace{names[1]}};
  const bool translated =
      std::ranges::any_of(scenario.links, [](const LinkPlan& plan) { return translates(plan.meddling); });
  World world{scenario.seed, {options.kept_segments, scenario.consistency_every, !translated}};
  const Running guard{world};
  world.set_command(options.command);
  Host &client = world.host("client"), &server = world.host("server");
  if (options.trace != nullptr) {
    client.trace().add(traces[0]);
    server.trace().add(traces[1]);
  }
  for (const LinkPlan& plan : scenario.links) {
    Link& link = world.link(client, server, plan.forth, plan.back, plan.options);
    link.set_middlebox(make_middlebox(plan.meddling, {world.pool(), Generator{scenario.seed + link.number()}}));
  }
  for (const TransferPlan& plan : scenario.transfers) { world.transfer(client, server, plan.up, plan.options); }
  for (const Event& event : scenario.events) {
    if (event.at < scenario.heal_at) {
      world.at(event.at, [&world, &scenario, event] { strike(world, scenario, event); });
    }
  }
  world.at(scenario.heal_at, [&] { heal_all(world, scenario); });
  if (!world.run_for(scenario.heal_at)) { return outcome(world, scenario, "phase one"); }
  if (!world.run_until([&] { return all(world, &Transfer::complete); }, completion_bound(scenario))) {
    return outcome(world, scenario, "completion");
  }
  const Duration took = world.now() - Instant{};
  // Closing: timers that were backed off, one more round of them, TIME-WAIT, and a life without subflows at most.
  const mptcp::Config config;
  const Duration closing = scenario.heal_at * 3 + config.tcp.time_wait * 2 + config.close_timeout;
  if (!world.run_until([&] { return world.quiet(); }, closing)) { return outcome(world, scenario, "closing"); }
  if (!world.run_for(Duration{5'000'000'000})) { return outcome(world, scenario, "afterwards"); }  // links drain
  for (const auto& link : world.links()) { link->set_middlebox(nullptr); }  // some keep packets for later
  // What arenas and packers keep open for the next packet, two or three each: hosts, links.
  const std::size_t kept = 4 * (2 + 2 * scenario.links.size());
  if (world.slabs_in_use() > kept) {
    return outcome(world, scenario, fmt::format("leak: {} slabs still in use", world.slabs_in_use()));
  }
  Outcome passed = outcome(world, scenario, "");
  passed.took = took;
  return passed;
}

const World* current_world() { return running; }

namespace {
std::string spec_text(const LinkSpec& spec) {
  return fmt::format(
      "{:.2f} Mb/s {:.1f} ms queue {} loss {} burst {} jitter {:.1f} ms{} reorder {} duplicate {}{} mark {} above {} "
      "mtu {}",
      static_cast<double>(spec.rate.bytes_per_second) * 8 / 1e6, milliseconds(spec.delay), spec.queue.n, spec.loss,
      spec.burst.enter, milliseconds(spec.jitter), spec.jitter_reorders ? " reordering" : "", spec.reorder,
      spec.duplicate, spec.keep_super_segments ? " keeps super-segments" : "", spec.mark, spec.mark_above.n, spec.mtu);
}
std::string config_text(const mptcp::Config& config, const Manners& manners) {
  return fmt::format(
      "{} {}{}{}{}{} ecn {}{} scale {} {} {} {} buffers {}/{} writes {}-{} reads {} every {:.1f} ms{}{}{}",
      config.multipath ? "multipath" : "plain", name(config.versions), config.checksum ? " checksum" : "",
      config.tcp.timestamps ? "" : " no timestamps", config.tcp.sack ? "" : " no sack",
      config.tcp.window_scaling ? "" : " no scaling", name(config.tcp.ecn), config.tcp.pacing ? " paced" : "",
      config.tcp.window_scale, config.tcp.congestion, config.scheduler, config.path_manager, config.send_buffer.n,
      config.receive_buffer.n, manners.write_at_least.n, manners.write_at_most.n, manners.read_at_most.n,
      milliseconds(manners.read_every), manners.read_chains ? " chains" : "",
      manners.finish_late ? " finishes late" : "", manners.linger ? " lingers" : "");
}
}  // namespace

std::string to_text(const Scenario& scenario) {
  std::string text = fmt::format("scenario of seed {}, healed at {:.3f} s\n", scenario.seed, seconds(scenario.heal_at));
  for (std::size_t i = 0; i < scenario.links.size(); ++i) {
    const LinkPlan& link = scenario.links[i];
    text += fmt::format("  link{}{}{} mtu {} super_segment {}{}{} middlebox {}\n    forth {}\n", i + 1,
                        link.options.v4 ? " v4" : "", link.options.v6 ? " v6" : "", link.options.mtu,
                        link.options.super_segment, link.options.checksum_offload ? " offload" : "",
                        link.options.default_route ? " default route" : "", name(link.meddling), spec_text(link.forth));
    if (link.back != link.forth) { text += fmt::format("    back  {}\n", spec_text(link.back)); }
  }
  for (const TransferPlan& t : scenario.transfers) {
    text += fmt::format("  transfer up {} down {} start {:.3f} s link{}{}{}{}\n    client {}\n    server {}\n", t.up.n,
                        t.down.n, seconds(t.options.start), t.options.link + 1,
                        t.options.announce ? "" : " not announcing", t.options.close_listener ? " closes listener" : "",
                        t.options.abort_after ? fmt::format(" client aborts after {}", t.options.abort_after->n) : "",
                        config_text(t.options.client, t.options.client_manners),
                        config_text(t.options.server, t.options.server_manners));
  }
  for (const Event& event : scenario.events) {
    text += fmt::format("  {:.3f} s {} link{} side {}\n", seconds(event.at), name(event.what), event.link + 1,
                        event.side == 0 ? "client" : "server");
  }
  return text;
}
}  // namespace anabranch::sim
