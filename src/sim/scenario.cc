#include "sim/scenario.hh"

#include "cc/registry.hh"
#include "mptcp/scheduler.hh"

#include <bit>
#include <fmt/format.h>

namespace anabranch::sim {
namespace {

/// Which kinds of trouble a seed has.
struct Swarm {
  bool loss, burst, reorder, duplicate, jitter, asymmetric, small_queues, odd_mtu, super_segments, keeps, offload;
  bool silent_cuts, interface_downs, slow_downs, steering;
  bool one_side_plain, checksums, odd_tcp, small_buffers, slow_readers, chains, late_finish;
  bool odd_policies, routed, meddling, aborts;
};

Swarm draw_swarm(Generator& g) {
  const auto one_in = [&](unsigned n) { return g.below(n) == 0; };
  Swarm s{};
  s.loss = one_in(2);
  s.burst = one_in(6);
  s.reorder = one_in(4);
  s.duplicate = one_in(4);
  s.jitter = one_in(3);
  s.asymmetric = one_in(3);
  s.small_queues = one_in(4);
  s.odd_mtu = one_in(3);
  s.super_segments = one_in(2);
  s.keeps = one_in(3);
  s.offload = one_in(2);
  s.silent_cuts = one_in(3);
  s.interface_downs = one_in(4);
  s.slow_downs = one_in(6);
  s.one_side_plain = one_in(8);
  s.checksums = one_in(4);
  s.odd_tcp = one_in(4);
  s.small_buffers = one_in(4);
  s.slow_readers = one_in(4);
  s.chains = one_in(3);
  s.late_finish = one_in(4);
  s.odd_policies = one_in(3);
  s.routed = one_in(3);
  s.meddling = one_in(6);
  s.aborts = one_in(12);
  s.steering = one_in(6);
  return s;
}

/// Between the two, every order of magnitude as likely as another.
std::uint64_t log_between(Generator& g, std::uint64_t low, std::uint64_t high) {
  // Whole octaves by integers: floating point would tie a seed to a platform's mathematics.
  const unsigned octaves = static_cast<unsigned>(std::bit_width(high / low)) - 1;
  const std::uint64_t from = low << g.below(octaves + 1u);
  return std::min(high, g.between(from, from * 2 - 1));
}
Duration ms_between(Generator& g, std::uint64_t low, std::uint64_t high) {
  return Duration{static_cast<std::int64_t>(g.between(low * 1000, high * 1000)) * 1000};
}
double percent_up_to(Generator& g, std::uint64_t tenths) { return static_cast<double>(g.between(1, tenths)) / 1000; }

LinkSpec draw_spec(Generator& g, const Swarm& swarm) {
  LinkSpec spec;
  spec.rate = {log_between(g, 125'000, 12'500'000)};  // 1 to 100 Mb/s
  spec.delay = Duration{static_cast<std::int64_t>(log_between(g, 1000, 150'000)) * 1000};
  if (swarm.small_queues) { spec.queue = {g.between(10'000, 60'000)}; }
  if (swarm.loss && g.below(4) != 0) { spec.loss = percent_up_to(g, 30); }
  if (swarm.burst) { spec.burst = {percent_up_to(g, 5), static_cast<double>(g.between(2, 10)) / 10, 1}; }
  if (swarm.reorder) {
    spec.reorder = percent_up_to(g, 50);
    spec.reorder_by = ms_between(g, 1, 20);
  }
  if (swarm.duplicate) { spec.duplicate = percent_up_to(g, 30); }
  if (swarm.jitter) {
    spec.jitter = ms_between(g, 1, 20);
    spec.jitter_reorders = g.below(3) == 0;
  }
  return spec;
}

/// Boxes with which every transfer still ends with every byte, whatever else goes wrong.
constexpr Meddling kMeddlings[] = {
    Meddling::none,       Meddling::strip_all,      Meddling::strip_capable_syn_ack, Meddling::strip_after_syn,
    Meddling::strip_join, Meddling::strip_add_addr, Meddling::drop_capable_syn};

LinkPlan draw_link(Generator& g, const Swarm& swarm) {
  LinkPlan plan;
  plan.forth = plan.back = draw_spec(g, swarm);
  if (swarm.asymmetric) { plan.back = draw_spec(g, swarm); }
  LinkOptions& options = plan.options;
  const std::uint64_t families = g.below(4);
  options.v4 = families != 1;
  options.v6 = families == 1 || families == 2;
  constexpr std::uint32_t kMtus[] = {1280, 1400, 1492, 4000, 9000};
  if (swarm.odd_mtu) { options.mtu = kMtus[g.below(std::size(kMtus))]; }
  if (swarm.super_segments) {
    options.super_segment = 65535;
    plan.forth.keep_super_segments = plan.back.keep_super_segments = swarm.keeps && g.below(2) == 0;
  }
  options.checksum_offload = swarm.offload && g.below(2) == 0;
  options.default_route = swarm.routed;
  if (swarm.meddling && g.below(2) == 0) { plan.meddling = kMeddlings[g.below(std::size(kMeddlings))]; }
  // An ACK that loses its ADD_ADDR and overtakes the first DSS looks like plain TCP, and to one side only.
  if (plan.meddling == Meddling::strip_add_addr && (swarm.reorder || swarm.jitter)) { plan.meddling = Meddling::none; }
  return plan;
}

mptcp::Config draw_config(Generator& g, const Swarm& swarm) {
  mptcp::Config config;
  config.close_timeout = Duration{30'000'000'000};  // longer than the faults last
  config.checksum = swarm.checksums && g.below(2) == 0;
  if (swarm.odd_tcp) {
    config.tcp.timestamps = g.below(3) != 0;
    config.tcp.sack = g.below(3) != 0;
    config.tcp.window_scaling = g.below(4) != 0;
    config.tcp.window_scale = static_cast<std::uint8_t>(g.between(0, 10));
  }
  if (swarm.small_buffers) {
    config.send_buffer = {log_between(g, 16 << 10, 1 << 20)};
    config.receive_buffer = {log_between(g, 16 << 10, 1 << 20)};
    config.initial_receive_buffer = {g.between(8 << 10, config.receive_buffer.n)};
  }
  if (swarm.odd_policies) {
    const auto one_of = [&](std::span<const std::string_view> names) {
      return std::string{names[g.below(names.size())]};
    };
    config.tcp.congestion = one_of(cc::controller_names());
    config.scheduler = one_of(mptcp::scheduler_names());
    // Not both_sides: the oracle follows flows that open towards a listener only.
    static constexpr std::string_view kManagers[] = {"full_mesh", "passive"};
    config.path_manager = one_of(kManagers);
  }
  return config;
}

Manners draw_manners(Generator& g, const Swarm& swarm, Bytes reads) {
  Manners manners;
  manners.write_at_most = {log_between(g, 64, 256 << 10)};
  manners.write_at_least = {g.between(1, manners.write_at_most.n)};
  manners.read_at_most = {log_between(g, 1024, 256 << 10)};
  manners.read_chains = swarm.chains && g.below(2) == 0;
  manners.linger = g.below(4) == 0;
  if (swarm.slow_readers && g.below(2) == 0) {
    manners.read_every = ms_between(g, 1, 50);
    // At most two hundred pauses in all: what a slow reader tests shows in fewer.
    manners.read_at_most = {std::max(manners.read_at_most.n, reads.n / 200 + 1)};
  }
  return manners;
}

TransferPlan draw_transfer(Generator& g, const Swarm& swarm, const Scenario& scenario, std::uint64_t most) {
  TransferPlan plan;
  const auto size = [&] { return Bytes{g.below(2) == 0 ? g.between(most / 8, most) : log_between(g, 1, most)}; };
  const std::uint64_t directions = g.below(4);  // up, down, both, up
  if (directions != 1) { plan.up = size(); }
  if (directions == 1 || directions == 2) { plan.down = size(); }
  TransferOptions& options = plan.options;
  options.back = plan.down;
  options.client = draw_config(g, swarm);
  options.server = draw_config(g, swarm);
  if (swarm.one_side_plain) { (g.below(2) == 0 ? options.client : options.server).multipath = false; }
  options.client_manners = draw_manners(g, swarm, plan.down);
  options.server_manners = draw_manners(g, swarm, plan.up);
  if (swarm.late_finish) { (g.below(2) == 0 ? options.client_manners : options.server_manners).finish_late = true; }
  options.start = ms_between(g, 0, 300);
  options.link = g.below(scenario.links.size());
  options.family = g.below(2) == 0 ? Family::v4 : Family::v6;
  options.announce = g.below(4) != 0;
  options.close_listener = g.below(4) == 0;
  if (swarm.aborts && g.below(2) == 0) {
    options.abort_after = Bytes{g.between(0, (plan.up + plan.down).n)};
    // Nobody resends a reset that got lost: who only reads has to ask.
    options.server.tcp.keepalive_idle = Duration{3'000'000'000};
    options.server.tcp.keepalive_interval = Duration{1'000'000'000};
  }
  return plan;
}

/// Which versions of MPTCP the two ends speak: a quarter of the seeds version 0, some a mixture. With dice of its own:
/// what else a seed has does not depend on it.
void draw_versions(std::uint64_t seed, Scenario& scenario) {
  Generator g{seed ^ 0x6824};
  constexpr mptcp::Versions kAny[] = {mptcp::Versions::v0, mptcp::Versions::v1, mptcp::Versions::prefer_v1};
  const std::uint64_t kind = g.below(8);
  for (TransferPlan& transfer : scenario.transfers) {
    TransferOptions& options = transfer.options;
    if (kind < 2) { options.client.versions = options.server.versions = mptcp::Versions::v0; }
    if (kind == 2) {
      options.client.versions = kAny[g.below(std::size(kAny))];
      options.server.versions = kAny[g.below(std::size(kAny))];
    }
  }
}

/// About how long it all takes if nothing happens and every link is used.
Duration undisturbed(const Scenario& scenario) {
  Rate rate;
  Duration delay;
  for (const LinkPlan& link : scenario.links) {
    rate.bytes_per_second += std::min(link.forth.rate, link.back.rate).bytes_per_second;
    delay = std::max(delay, link.forth.delay + link.back.delay);
  }
  Bytes bytes;
  for (const TransferPlan& transfer : scenario.transfers) { bytes += transfer.up + transfer.down; }
  return time_for(bytes, rate) + delay * 8;
}

void draw_events(Generator& g, const Swarm& swarm, Scenario& scenario) {
  const auto somewhen = [&] { return ms_between(g, 0, static_cast<std::uint64_t>(scenario.heal_at.ns / 1'000'000)); };
  const auto add = [&](Trouble what, Trouble end, std::uint64_t most) {
    for (std::uint64_t n = g.between(1, most); n != 0; --n) {
      const Event event{somewhen(), what, g.below(scenario.links.size()), g.below(2)};
      scenario.events.push_back(event);
      if (end != what && g.below(3) != 0) {
        scenario.events.push_back({event.at + somewhen(), end, event.link, event.side});
      }
    }
  };
  if (swarm.silent_cuts) { add(g.below(3) == 0 ? Trouble::cut_one_way : Trouble::cut, Trouble::heal, 3); }
  if (swarm.slow_downs) { add(Trouble::slow_down, Trouble::slow_down, 2); }
  if (swarm.steering) {
    add(Trouble::switch_backup, Trouble::switch_backup, 4);
    add(Trouble::close_subflow, Trouble::close_subflow, 3);
  }
  if (swarm.interface_downs) { add(Trouble::interface_down, Trouble::interface_up, 3); }
  std::ranges::stable_sort(scenario.events, {}, &Event::at);
}

/// Kinds of trouble that came later draw from a generator of their own: the seeds before them mean what they meant.
void draw_paths(Generator g, Scenario& scenario) {
  const bool marks = g.below(6) == 0, swallows = g.below(8) == 0, paced = g.below(4) == 0;
  for (LinkPlan& link : scenario.links) {
    for (LinkSpec* spec : {&link.forth, &link.back}) {
      if (marks) { spec->mark = percent_up_to(g, 30); }
      if (marks && g.below(2) == 0) { spec->mark_above = {g.between(3'000, 30'000)}; }
      if (swallows && g.below(2) == 0 && link.options.mtu > 1280) {
        spec->mtu = static_cast<std::uint32_t>(g.between(1280, link.options.mtu));
      }
    }
  }
  for (TransferPlan& transfer : scenario.transfers) {
    for (mptcp::Config* config : {&transfer.options.client, &transfer.options.server}) {
      if (marks) { config->tcp.ecn = static_cast<tcp::EcnMode>(g.between(1, 2)); }
      config->tcp.pacing = paced && g.below(2) == 0;
    }
  }
}
}  // namespace

Scenario draw(std::uint64_t seed) {
  Generator g{seed};
  const Swarm swarm = draw_swarm(g);
  Scenario scenario;
  scenario.seed = seed;
  constexpr std::size_t kLinks[] = {1, 2, 2, 2, 3};
  for (std::size_t n = kLinks[g.below(std::size(kLinks))]; n != 0; --n) {
    scenario.links.push_back(draw_link(g, swarm));
  }
  constexpr std::size_t kTransfers[] = {1, 1, 1, 2, 4};
  const std::size_t transfers = kTransfers[g.below(std::size(kTransfers))];
  for (std::size_t i = 0; i < transfers; ++i) {
    scenario.transfers.push_back(draw_transfer(g, swarm, scenario, (3u << 20) / transfers));
  }
  draw_versions(seed, scenario);
  // Trouble is of use while there is something to disturb.
  const auto busy = static_cast<std::uint64_t>(undisturbed(scenario).ns / 1'000'000);
  scenario.heal_at = ms_between(g, 300 + busy / 4, 600 + std::min<std::uint64_t>(busy * 2, 8000 + busy / 4));
  draw_events(g, swarm, scenario);
  draw_paths(Generator{seed ^ 0x9a7b}, scenario);
  return scenario;
}
}  // namespace anabranch::sim
