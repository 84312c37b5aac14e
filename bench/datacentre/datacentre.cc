// How fast the simulator carries a data centre: a fat tree, each host sending to another over several subflows.
//
//   datacentre [--k N] [--subflows N] [--seconds S] [--seed N] [--controller NAME] [--rate-mbps N] [--profile]
//
// Prints what came of it (goodput of the hosts) and what it cost (packets and events for each second of this machine);
// with --profile also where the time went: a clock is read where one stage ends and another begins, which itself costs
// a few per cent. Figures: docs/sim.md.
#include "sim/topology/fat_tree.hh"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <limits>
#include <malloc.h>
#include <numeric>
#include <sys/mman.h>

namespace {
using namespace anabranch;
using namespace anabranch::sim;

struct Wanted {
  unsigned k = 8, subflows = 8;
  double seconds = 4;
  std::uint64_t seed = 1, rate_mbps = 100;
  std::string controller = "lia";
  bool profile = false;
};

/// How long the world was busy with what.
class Clocks final : public Watch {
 public:
  void enter(Stage stage) override {
    const auto now = Clock::now();
    spent_[static_cast<std::size_t>(stage_)] += now - since_;
    stage_ = stage;
    since_ = now;
  }
  void print(std::uint64_t packets) {
    enter(stage_);
    Clock::duration all{};
    for (const auto spent : spent_) { all += spent; }
    for (std::size_t i = 0; i < spent_.size(); ++i) {
      const auto ns = static_cast<double>(std::chrono::nanoseconds{spent_[i]}.count());
      fmt::print("{:>13}: {:4.1f} %, {:.3f} us a packet\n", name(static_cast<Stage>(i)),
                 ns / static_cast<double>(std::chrono::nanoseconds{all}.count()) * 100,
                 ns / 1e3 / static_cast<double>(packets));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::array<Clock::duration, static_cast<std::size_t>(Stage::count_)> spent_{};
  Stage stage_ = Stage::pipes;
  Clock::time_point since_ = Clock::now();
};

/// Writes as much as is taken at one end and throws away what arrives at the other.
class Bulk final : public Actor {
 public:
  Bulk(World& world, Host& from, Host& to, const SocketAddress& remote, const mptcp::Config& config, const Chain& block)
      : world_{world},
        from_{from},
        to_{to},
        remote_{remote},
        config_{config},
        block_{block} {}

  void on(Host&, const stack::Event& event, Instant) override {
    switch (event.what) {
      case stack::Happened::acceptable:
        while (const auto id = to_.stack().accept(event.listener)) {
          server_ = *id;
          world_.claim(to_, *id, *this);
        }
        break;
      case stack::Happened::connected:
      case stack::Happened::writable:
        if (event.connection == client_) { writable_ = true; }
        break;
      case stack::Happened::readable: readable_ = true; break;
      default: break;
    }
  }
  bool step(Instant now) override {
    if (!opened_) { open(now); }
    while (writable_) {
      const auto took = from_.stack().write_chain(*client_, block_, now);
      writable_ = took && *took == block_.size().n;
    }
    while (readable_ && server_) {
      const auto got = to_.stack().read_chain(*server_, Bytes{1 << 20}, now);
      if (!got) { break; }
      received_ += got->size();
    }
    readable_ = false;
    return false;
  }
  Instant next() const override { return Instant::never(); }
  Bytes received() const { return received_; }
  std::size_t subflows() const {
    const auto info = std::as_const(from_).stack().info(*client_, world_.now());
    return info ? info->subflows.size() : 0;
  }

 private:
  void open(Instant now) {
    opened_ = true;
    stack::ListenOptions listen;
    listen.port = remote_.port;
    listen.config = config_;
    world_.claim(to_, to_.stack().listen(listen).value(), *this);
    stack::ConnectOptions connect;
    connect.remote = remote_;
    connect.config = config_;
    client_ = from_.stack().connect(connect, now).value();
    world_.claim(from_, *client_, *this);
  }

  World& world_;
  Host &from_, &to_;
  SocketAddress remote_;
  mptcp::Config config_;
  Chain block_;  ///< written again and again: nobody looks at payload here
  std::optional<stack::ConnectionId> client_, server_;
  bool opened_ = false, writable_ = false, readable_ = false;
  Bytes received_;
};

/// To whom each host sends: a permutation in which nobody sends to himself.
std::vector<std::size_t> permutation(std::size_t n, Generator generator) {
  std::vector<std::size_t> out(n);
  std::iota(out.begin(), out.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) { std::swap(out[i - 1], out[generator.below(i - 1)]); }  // Sattolo
  return out;
}

mptcp::Config config_of(const Wanted& wanted) {
  mptcp::Config config;
  config.tcp.congestion = wanted.controller;
  config.path_manager = "ndiffports";
  config.paths.ndiffports = wanted.subflows;
  config.max_subflows = std::max(wanted.subflows, config.max_subflows);
  return config;
}

void report(const Wanted& wanted, const World& world, const std::vector<double>& shares, double wall) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  const double squares = std::inner_product(shares.begin(), shares.end(), shares.begin(), 0.0);
  const auto n = static_cast<double>(shares.size());
  fmt::print("k {} subflows {} {} seed {}: goodput mean {:.1f} % min {:.1f} % p10 {:.1f} % Jain {:.3f}\n", wanted.k,
             wanted.subflows, wanted.controller, wanted.seed, sum / n * 100, shares.front() * 100,
             shares[shares.size() / 10] * 100, sum * sum / (n * squares));
  fmt::print("{} packets at hosts, {} events in {:.2f} s: {:.3f} million packets, {:.3f} million events a second\n",
             world.arrivals(), world.events(), wall, static_cast<double>(world.arrivals()) / wall / 1e6,
             static_cast<double>(world.events()) / wall / 1e6);
  fmt::print("digest {:016x}\n", world.trace_digest());
}

/// What a run allocates shall lie in large pages: it is visited in no order, and looking up small ones takes a tenth of
/// the time. The heap is told once to have room for all, and the kernel what to make of it; nothing breaks if not.
void prefer_large_pages(std::size_t bytes) {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  void* heap = std::malloc(bytes);
  if (heap == nullptr) { return; }
  constexpr std::uintptr_t kLarge = 2u << 20;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(heap) + kLarge - 1) / kLarge * kLarge;
  madvise(reinterpret_cast<void*>(begin), bytes - kLarge, MADV_HUGEPAGE);
  std::free(heap);
#else
  (void)bytes;
#endif
}

int run(const Wanted& wanted) {
  World world{wanted.seed, WorldOptions::figures()};
  TopologySpec spec;
  spec.link = {.rate = Rate{wanted.rate_mbps * 125'000},
               .delay = Duration{100'000},
               .overhead = 0,
               .discipline = {.packets = 100},
               .keep_checksums = true};
  spec.port.checksum_offload = true;
  FatTree tree{world, wanted.k, spec};
  const auto to = permutation(tree.size(), Generator{wanted.seed});
  const Chain block = Packer{world.pool()}.copy(std::vector<std::uint8_t>(65536, 0x5a));
  std::vector<Bulk*> flows;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const SocketAddress remote{*tree.port(to[i]).address(), 80};
    flows.push_back(
        &world.add(std::make_unique<Bulk>(world, tree.host(i), tree.host(to[i]), remote, config_of(wanted), block)));
  }
  const Duration half{static_cast<std::int64_t>(wanted.seconds * 0.5e9)};
  Clocks clocks;
  if (wanted.profile) { world.set_watch(&clocks); }
  const auto begun = std::chrono::steady_clock::now();
  bool good = world.run_for(half);
  std::vector<Bytes> before;
  for (const Bulk* flow : flows) { before.push_back(flow->received()); }
  good = good && world.run_for(half);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (!good) {
    fmt::print("{}\n", world.replay());
    return 1;
  }
  std::vector<double> shares;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const Bytes got = flows[i]->received() - before[i];
    shares.push_back(static_cast<double>(got.n) / static_cast<double>(amount_in(half, spec.link.rate).n));
  }
  std::ranges::sort(shares);
  report(wanted, world, shares, wall);
  if (wanted.profile) { clocks.print(world.arrivals()); }
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  Wanted wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view key = argv[i];
    if (key == "--profile") { wanted.profile = true; }
    if (key == "--profile" || i + 1 == argc) { continue; }
    const char* value = argv[++i];
    if (key == "--k") { wanted.k = static_cast<unsigned>(std::atoi(value)); }
    if (key == "--subflows") { wanted.subflows = static_cast<unsigned>(std::atoi(value)); }
    if (key == "--seconds") { wanted.seconds = std::atof(value); }
    if (key == "--seed") { wanted.seed = static_cast<std::uint64_t>(std::atoll(value)); }
    if (key == "--controller") { wanted.controller = value; }
    if (key == "--rate-mbps") { wanted.rate_mbps = static_cast<std::uint64_t>(std::atoll(value)); }
  }
  prefer_large_pages(std::size_t{1} << 30);
  return run(wanted);
}
