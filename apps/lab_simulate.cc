#include "apps/lab_simulate.hh"

#include "apps/get_report.hh"
#include "apps/http_file.hh"
#include "apps/lab_topology.hh"
#include "sim/world.hh"
#include "trace/pcapng.hh"

#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace anabranch::apps {
namespace {

using namespace anabranch::literals;
using Json = nlohmann::ordered_json;

class FileSink final : public trace::ByteSink {
 public:
  explicit FileSink(const std::filesystem::path& path) : file_{path.string()} {}
  void write(std::span<const std::uint8_t> bytes) override {
    file_.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void commit() { file_.commit(); }

 private:
  PartFile file_;
};

void save(const std::filesystem::path& path, const std::string& text) {
  PartFile file{path.string()};
  file.write(text);
  file.commit();
}

std::chrono::steady_clock::time_point as_clock(Instant t) {
  return std::chrono::steady_clock::time_point{std::chrono::nanoseconds{t.ns}};
}

/// The world of the built-in topology two-path, a download in it, and what is noted on the way.
class Demo {
 public:
  Demo(const Simulation& wanted, const std::filesystem::path& directory)
      : wanted_{wanted},
        directory_{directory},
        world_{wanted.seed, {.consistency_every = 1024}},
        client_{world_.host("client")},
        server_{world_.host("server")},
        packets_{directory / "packets.pcapng"},
        capture_{packets_} {
    const Topology topology = topology_from_toml(built_in_topology("two-path"), "two-path");
    for (const LinkPlan& plan : topology.links) { add(plan); }
    transfer_ = &world_.transfer(client_, server_, 100_B, {.back = wanted.size, .client = {}, .server = {}});
  }

  void run() {
    const std::uint64_t share = wanted_.size.n * 2 / 5;
    sample();
    let_pass([&] { return transfer_->client().read() >= share; });
    note("path1 is cut");
    links_[0]->take_down();
    const Instant healing = world_.now() + wanted_.cut_for;
    let_pass([&] { return world_.now() >= healing; });
    note("path1 is back");
    links_[0]->bring_up();
    let_pass([&] { return transfer_->client().read() >= wanted_.size.n; });
    state_.ended = as_clock(world_.now());
    sample();
    let_pass([&] { return transfer_->complete(); });
  }

  void write_files() {
    const auto& client = transfer_->client();
    const std::uint64_t sent = transfer_->server().written_digest(), got = client.read_digest();
    if (sent != got || client.read() != wanted_.size.n) {
      throw Failure(Exit::internal, "bytes differ: " + world_.replay());
    }
    packets_.commit();
    save(directory_ / "plot.json", timeline_.to_json(state_));
    save(directory_ / "events.json", events_.dump() + '\n');
    Json report = Json::parse(result_json({state_, fmt::format("{:016x}", got), "(simulated)"}));
    report["sha256_expected"] = fmt::format("{:016x}", sent);  // the simulator's own digest, of 64 bits
    report["seed"] = wanted_.seed;
    save(directory_ / "report.json", report.dump() + '\n');
  }

 private:
  void add(const LinkPlan& plan) {
    sim::Link& link = world_.link(client_, server_, link_spec(plan.settings, plan.mtu),
                                  {.mtu = plan.mtu, .super_segment = 65535, .checksum_offload = true});
    const std::uint32_t interface = capture_.add_interface(plan.name);
    link.set_tap([this, interface](const sim::Host& from, const Frame& frame) {
      const bool ours = &from == &client_;
      capture_.packet({.interface = interface,
                       .at = world_.now(),
                       .direction = ours ? trace::PacketDirection::outbound : trace::PacketDirection::inbound,
                       .comment = {}},
                      frame.bytes);
    });
    names_.emplace_back(link.interface_of(client_), plan.name);
    links_.push_back(&link);
  }

  /// Lets the world go on until `done`, with a sample every 100 ms and a line every second of its time.
  void let_pass(const std::function<bool()>& done) {
    constexpr Duration kSample{100'000'000};
    constexpr Duration kTooLong{600'000'000'000};  // ten times what it takes without a path
    while (!world_.run_until(done, kSample)) {
      if (world_.failure()) { throw Failure(Exit::internal, world_.replay()); }
      if (world_.now() > Instant{} + kTooLong) { throw Failure(Exit::internal, "no end: " + world_.replay()); }
      sample();
      if (++samples_ % 10 == 0) { tell(); }
    }
  }

  LinkReport look() const {
    LinkReport report;
    const auto id = transfer_->client().id();
    const auto info = id ? client_.stack().info(*id, world_.now()) : fail(Errc::closed, "not connected");
    if (!info) { return last_; }
    report.protocol = name(info->protocol);
    if (info->version) { report.version = static_cast<int>(*info->version); }
    if (info->protocol == mptcp::Protocol::tcp) { report.fallback_reason = name(info->fallback_reason); }
    for (const mptcp::SubflowInfo& subflow : info->subflows) {
      PathReport path;
      path.local = to_text(subflow.local);
      path.remote = to_text(subflow.remote);
      for (const auto& [interface, its_name] : names_) {
        if (interface == subflow.interface) { path.interface = its_name; }
      }
      path.state = subflow.state;
      path.bytes_received = subflow.bytes_received;
      path.bytes_sent = subflow.bytes_sent;
      path.retransmits = subflow.retransmits;
      path.srtt_ms = milliseconds(subflow.srtt);
      report.paths.push_back(std::move(path));
    }
    return report;
  }

  void sample() {
    last_ = look();
    state_.bytes = transfer_->client().read();
    state_.total = wanted_.size.n;
    state_.link = last_;
    timeline_.add(seconds(world_.now() - Instant{}), last_);
  }

  void tell() const {
    std::string line = fmt::format("{:5.1f} s ", seconds(world_.now() - Instant{}));
    for (const std::string& part : progress_lines(state_, last_, timeline_, 200)) { line += " |" + part; }
    fmt::print("{}\n", line);
    std::cout.flush();
  }

  void note(const char* what) {
    sample();
    const double at = seconds(world_.now() - Instant{});
    events_.push_back({{"seconds", at}, {"what", what}});
    fmt::print("{:5.1f} s  *** {}\n", at, what);
    std::cout.flush();
  }

  Simulation wanted_;
  std::filesystem::path directory_;
  sim::World world_;
  sim::Host& client_;
  sim::Host& server_;
  FileSink packets_;
  trace::Pcapng capture_;
  std::vector<sim::Link*> links_;
  std::vector<std::pair<InterfaceId, std::string>> names_;
  sim::Transfer* transfer_ = nullptr;
  Timeline timeline_;
  FetchState state_;
  LinkReport last_;
  Json events_ = Json::array();
  unsigned samples_ = 0;
};

}  // namespace

void simulate(const Simulation& wanted, const std::filesystem::path& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) { throw Failure(Exit::file, fmt::format("cannot make {}: {}", directory.string(), failed.message())); }
  Demo demo{wanted, directory};
  demo.run();
  demo.write_files();
}

}  // namespace anabranch::apps
