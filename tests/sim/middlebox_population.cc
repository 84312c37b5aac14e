// Ten thousand connections over paths as a measurement study found them: how many fall back, and whether any fails.
#include "middlebox_cell.hh"

#include <fmt/format.h>

namespace anabranch::sim {
namespace {
constexpr unsigned kConnections = 10'000;
constexpr double kTolerance = 0.01;  // a percentage point; four standard deviations of the draw

/// What stands on the paths to a port, as shares (Honda et al., "Is it still possible to extend TCP?", IMC 2011, 142
/// networks in 24 countries): options stripped from the SYN on, initial sequence numbers rewritten, proxies.
struct OpenPort {
  double strips, shifts, proxies;
};
constexpr OpenPort kPorts[] = {{0.04, 0.10, 0}, {0.05, 0.09, 0}, {0.14, 0.18, 1.0 / 3}};  // a high one, 443, 80

struct DrawnPath {
  bool strips = false, shifts = false, holds = false;
};
DrawnPath draw_path(Generator& g) {
  const OpenPort& port = kPorts[g.below(std::size(kPorts))];
  DrawnPath path;
  path.strips = g.chance(port.strips);
  path.shifts = g.chance(port.shifts);
  path.holds = g.chance(port.proxies);
  return path;
}

struct Met {
  bool delivered = false, fell_back = false;
};
Met connect_over(const DrawnPath& path, std::uint64_t seed, bool multipath) {
  World world{seed, {.kept_segments = 0, .consistency_every = 0, .watched = false}};
  Host &client = world.host("client"), &server = world.host("server");
  Link& link = world.link(client, server, {.rate = 20_Mbps, .delay = 10_ms, .loss = 0.01});
  Generator dice{seed};
  std::vector<std::unique_ptr<Middlebox>> boxes;
  const auto add = [&](bool there, Meddling kind) {
    if (there) { boxes.push_back(make_middlebox(kind, {.pool = world.pool(), .generator = dice.fork()})); }
  };
  add(path.strips, Meddling::strip_all);
  add(path.shifts, Meddling::shift_isn);
  add(path.holds, Meddling::hold_above_holes);
  link.set_middlebox(in_series(std::move(boxes)));
  TransferOptions options;
  options.race = false;  // what boxes do to a path is the question, not how they are avoided
  options.back = {6'000};
  options.client.multipath = options.server.multipath = multipath;
  options.client_manners.linger = options.server_manners.linger = true;
  const Transfer& transfer = world.transfer(client, server, {300}, options);
  Met out;
  out.delivered = world.run_until([&] { return transfer.complete(); }, 120_s) &&
                  transfer.received_digest() == transfer.sent_digest();
  for (const Application* end : {&transfer.client(), &transfer.server()}) {
    out.fell_back |= end->last_info() && end->last_info()->protocol == mptcp::Protocol::tcp;
  }
  return out;
}
}  // namespace

bool run_population() {
  Generator g{2011};
  unsigned stripped = 0, fell_back = 0, failed = 0, failed_only_here = 0;
  std::uint64_t first = 0;
  for (std::uint64_t seed = 1; seed <= kConnections; ++seed) {
    const DrawnPath path = draw_path(g);
    const Met outcome = connect_over(path, seed, true);
    stripped += path.strips ? 1 : 0;
    fell_back += outcome.fell_back ? 1 : 0;
    if (outcome.delivered) { continue; }
    ++failed;
    if (!connect_over(path, seed, false).delivered) { continue; }
    ++failed_only_here;
    if (first == 0) { first = seed; }
  }
  double expected = 0;
  for (const OpenPort& port : kPorts) { expected += port.strips / std::size(kPorts); }
  const double share = static_cast<double>(fell_back) / kConnections;
  const bool good = failed_only_here == 0 && std::abs(share - expected) <= kTolerance;
  fmt::print(
      "{} population{}\n", good ? "ok" : "not ok",
      good ? ""
           : fmt::format(": {} failed that TCP would not have failed, the first of seed {}", failed_only_here, first));
  fmt::print("  {} connections, {} over paths that strip options; {:.2f} % fell back, {:.2f} % expected; {} failed\n",
             kConnections, stripped, share * 100, expected * 100, failed);
  return good;
}
}  // namespace anabranch::sim
