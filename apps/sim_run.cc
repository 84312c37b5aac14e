#include "apps/sim_run.hh"

#include "trace/pcapng.hh"

#include <algorithm>

namespace anabranch::apps::experiment {
namespace {

constexpr unsigned kSamples = 100;  // a run, where no series is wanted: for means

/// The instants at which something is looked at.
struct Looks {
  Duration every{};
  bool points = false;
};
Looks looks_of(const Plan& plan, const RunOptions& options) {
  if (plan.sample > Duration{}) { return {plan.sample, true}; }
  if (options.points > 0) { return {plan.duration / options.points, true}; }
  return {plan.duration / kSamples, false};
}

class Capture {
 public:
  Capture(Stage& stage, trace::ByteSink& sink) : file_{sink} {
    for (std::size_t i = 0; i < stage.paths().size(); ++i) {
      watch(*stage.paths()[i], stage.plan().paths[i].name, stage.world());
    }
    if (!stage.plan().topology) { return; }
    stage.world().on_path([this, &stage](sim::Path& path) {  // they are made when somebody first wants to go there
      watch(path, path.end(0).host().name() + "-" + path.end(1).host().name(), stage.world());
    });
  }

 private:
  void watch(sim::Path& path, std::string_view called, sim::World& world) {
    const std::uint32_t interface = file_.add_interface(called);
    const sim::Host* first = &path.end(0).host();
    path.set_tap([this, interface, first, &world](const sim::Host& from, const Frame& frame) {
      const auto way = &from == first ? trace::PacketDirection::outbound : trace::PacketDirection::inbound;
      file_.packet({interface, world.now(), way, {}}, frame.bytes);
    });
  }

  trace::Pcapng file_;
};

}  // namespace

Json run(const Plan& plan, std::uint64_t seed, const RunOptions& options) {
  Stage stage{plan, seed, options.pcap != nullptr};
  std::optional<Capture> capture;
  if (options.pcap != nullptr) { capture.emplace(stage, *options.pcap); }
  Meter meter{stage};
  const Looks looks = looks_of(plan, options);
  const Instant end = Instant{} + plan.duration, warm = Instant{} + plan.warmup;
  const auto finished = [&] { return plan.until_finished && stage.finished(); };
  Instant look = Instant{} + looks.every;
  bool begun = false;
  sim::World& world = stage.world();
  while (!world.failure()) {
    if (!begun && world.now() >= warm) {
      meter.begin();
      begun = true;
    }
    if (world.now() >= end || finished()) { break; }
    if (world.now() >= look) {
      meter.sample(looks.points);
      look = look + looks.every;
    }
    const Instant next = std::min({end, look, begun ? end : warm});
    (void)world.run_until(finished, next - world.now());
  }
  if (!begun) { meter.begin(); }  // all was over before: nothing was measured
  meter.sample(looks.points);
  Json out = meter.result();
  if (world.failure()) { out["failure"] = *world.failure(); }
  return out;
}
}  // namespace anabranch::apps::experiment
