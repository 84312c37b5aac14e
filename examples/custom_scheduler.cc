// A scheduler of one's own: two hosts in virtual time, two links, and bytes that go where the least is in flight.
//
// A scheduler is one class with one function: values in, a value out. `mptcp::Config::make_scheduler` hands one to each
// connection. Here over the simulator; with `anabranch::Context` the same Config opens real connections.
#include "mptcp/scheduler.hh"
#include "sim/world.hh"

#include <algorithm>
#include <cstdio>
#include <memory>

using namespace anabranch;

namespace {
class LeastLoaded final : public mptcp::Scheduler {
 public:
  mptcp::Choice choose(const mptcp::Demand& demand, std::span<const mptcp::Path> paths) override {
    const mptcp::Path* best = nullptr;
    for (const mptcp::Path& p : paths) {
      if (p.room && !p.stale && (!best || p.in_flight < best->in_flight)) { best = &p; }
    }
    if (!best) { return mptcp::Wait{}; }
    return mptcp::Send{best->id, std::min(best->room, demand.waiting)};
  }
  std::string_view name() const override { return "least_loaded"; }
};
}  // namespace

int main() {
  sim::World world{1};
  sim::Host &phone = world.host("phone"), &server = world.host("server");
  const sim::Link& wifi = world.link(phone, server, {.rate = 20_Mbps, .delay = 10_ms});
  const sim::Link& lte = world.link(phone, server, {.rate = 10_Mbps, .delay = 30_ms});

  sim::TransferOptions options;
  options.client.make_scheduler = [] { return std::make_unique<LeastLoaded>(); };
  const sim::Transfer& transfer = world.transfer(phone, server, 8_MiB, options);
  if (!world.run_until([&] { return transfer.complete(); }, 60_s)) {
    std::fputs(world.replay().c_str(), stderr);
    return 1;
  }
  std::printf("8 MiB in %.2f s: %.1f MB over Wi-Fi, %.1f MB over LTE\n", seconds(world.now() - Instant{}),
              static_cast<double>(wifi.delivered().n) / 1e6, static_cast<double>(lte.delivered().n) / 1e6);
  return wifi.delivered() > 1_MiB && lte.delivered() > 1_MiB ? 0 : 1;
}
