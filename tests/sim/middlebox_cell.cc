#include "middlebox_cell.hh"

#include <fmt/format.h>
#include <set>

namespace anabranch::sim {
namespace {
constexpr Duration kTooLong{300'000'000'000};        // virtual; nothing here takes a tenth of it unless it hangs
constexpr Duration kLongestWithout{75'000'000'000};  // any subflow: close_timeout, and what went before
constexpr Duration kClosing{240'000'000'000};        // TIME-WAIT twice, and a life without subflows
constexpr double kLoss = 0.01;
constexpr std::uint64_t kCarried = 10'000;  // bytes over a link that count as its being used

/// A transfer in one of the variants that a judgement compares.
struct Variant {
  bool box = true;
  bool multipath = true;
};

struct Result {
  bool complete = false, quiet = false;
  std::string failure, replay;
  Duration took{};
  Ending ending;
  std::uint64_t written = 0, read = 0;    ///< digests over both directions
  std::uint64_t bytes = 0, promised = 0;  ///< read, and to be written
};

class CellWorld {
 public:
  CellWorld(const Cell& cell, std::uint64_t seed, Variant variant)
      : cell_{cell},
        variant_{variant},
        boxes_{seed},
        world_{seed, {.kept_segments = 60, .consistency_every = 16, .watched = !translates(cell.box)}} {
    add_link({.rate = 20_Mbps, .delay = 10_ms, .queue = 64_KiB}, cell.place != Place::joined);
    if (cell.place != Place::alone) {
      add_link({.rate = 10_Mbps, .delay = 25_ms, .queue = 64_KiB},
               cell.place == Place::joined || cell.place == Place::everywhere);
    }
  }

  Result run() {
    Transfer& transfer = start();
    Result result;
    result.complete = world_.run_until([&] { return transfer.complete(); }, kTooLong);
    result.took = world_.now() - Instant{};
    if (world_.failure()) { result.failure = *world_.failure(); }
    if (!result.complete) {
      result.replay = world_.replay();
      return result;
    }
    result.ending = ending_of(transfer);
    result.written = transfer.sent_digest();
    result.read = transfer.received_digest();
    result.bytes = transfer.received().n;
    result.promised = transfer.up().bytes + transfer.down().bytes;
    result.quiet = world_.run_until([&] { return world_.quiet(); }, kClosing);
    if (world_.failure()) { result.failure = *world_.failure(); }
    result.replay = world_.replay();
    return result;
  }

 private:
  void add_link(LinkSpec spec, bool has_box) {
    const bool meddles = has_box && variant_.box;
    LinkOptions options;
    options.default_route = cell_.happening != Happening::announces;
    options.wire_mtu = 9000;  // a box may join segments
    Link& link = world_.link(client_, server_, spec, options);
    std::vector<std::unique_ptr<Middlebox>> boxes;
    // Nobody sends an RST again: if those of an abort are lost, the server has nothing to notice it by.
    const double loss = cell_.happening == Happening::aborts ? 0 : kLoss / 2;
    boxes.push_back(lossy(loss, boxes_.fork()));
    if (meddles) {
      boxes.push_back(make_middlebox(
          cell_.box, {.pool = world_.pool(), .generator = boxes_.fork(), .ways = cell_.ways, .mtu = 3000}));
    }
    boxes.push_back(lossy(loss, boxes_.fork()));
    link.set_middlebox(in_series(std::move(boxes)));
    links_.push_back(&link);
  }

  Transfer& start() {
    constexpr Bytes kMuch{1'000'000}, kRequest{200};
    TransferOptions options;
    options.race = false;  // what the box does to this path is the question, not how it is avoided
    const Bytes up = cell_.ways == Ways::both ? kMuch / 2 : cell_.ways == Ways::forth ? kMuch : kRequest;
    options.back = cell_.ways == Ways::both ? kMuch / 2 : cell_.ways == Ways::back ? kMuch : kRequest;
    options.announce = cell_.happening == Happening::announces;
    for (mptcp::Config* config : {&options.client, &options.server}) {
      config->multipath = variant_.multipath;
      config->checksum = cell_.checksum;
      config->tcp.time_wait = 1_s;
    }
    options.may_fail = true;
    options.client_manners.takes_anything = options.server_manners.takes_anything = true;
    options.client_manners.linger = options.server_manners.linger = true;  // what an end says last is what counts
    if (cell_.happening == Happening::aborts) { options.abort_after = kMuch / 3; }
    Transfer& transfer = world_.transfer(client_, server_, up, options);
    if (cell_.happening == Happening::loses_interface && links_.size() > 1) {
      world_.at(150_ms, [this] { links_[1]->take_down_at(client_); });
    }
    if (cell_.happening == Happening::becomes_backup) {
      world_.at(150_ms, [this, &transfer] { make_backup(transfer.client()); });
    }
    return transfer;
  }

  void make_backup(const Application& end) {
    if (!end.id() || end.done()) { return; }
    const auto info = client_.stack().info(*end.id(), world_.now());
    if (!info || info->subflows.size() < 2 || info->subflows[1].state != "active") { return; }
    (void)client_.stack().set_backup(*end.id(), info->subflows[1].id, true, world_.now());
  }

  Ending ending_of(const Transfer& transfer) const {
    Ending ending;
    std::set<std::uint32_t> used;
    for (const Application* end : {&transfer.client(), &transfer.server()}) {
      ending.broken |= end->error().has_value() && !end->saw_end();
      if (!end->last_info()) { continue; }
      const mptcp::ConnectionInfo& info = *end->last_info();
      const bool tcp = info.protocol == mptcp::Protocol::tcp;
      (end == &transfer.client() ? ending.tcp_client : ending.tcp_server) = tcp;
      (end == &transfer.client() ? ending.client : ending.server) = info.fallback_reason;
      for (const auto& subflow : info.subflows) {
        if (subflow.bytes_sent + subflow.bytes_received > kCarried) { used.insert(subflow.interface.raw / 10); }
      }
    }
    ending.paths = static_cast<unsigned>(used.size());
    ending.mp_fail = world_.counters()[stack::Counter::mp_fail_sent] != 0;
    return ending;
  }

  const Cell& cell_;
  Variant variant_;
  Generator boxes_;
  World world_;
  Host &client_ = world_.host("client"), &server_ = world_.host("server");
  std::vector<Link*> links_;
};

bool edits(Meddling box) { return box == Meddling::edit_payload || box == Meddling::edit_length; }
}  // namespace

std::string to_text(const Ending& e) {
  const auto mode = [](bool tcp, mptcp::FallbackReason reason) {
    return tcp ? fmt::format("tcp ({})", name(reason)) : std::string{"mptcp"};
  };
  std::string text = mode(e.tcp_client, e.client);
  if (mode(e.tcp_server, e.server) != text) { text += " / " + mode(e.tcp_server, e.server); }
  text += fmt::format(", {} path{}", e.paths, e.paths == 1 ? "" : "s");
  if (e.mp_fail) { text += ", MP_FAIL"; }
  if (e.content == Content::as_tcp) { text += ", as edited"; }
  if (e.content == Content::undetected) { text += ", edited and undetected"; }
  if (e.broken) { text += ", broken"; }
  return text;
}

std::string Cell::name() const {
  return fmt::format("{}.{}.{}{}", anabranch::name(box), anabranch::name(place), anabranch::name(ways),
                     checksum ? ".checksum" : "");
}

double undisturbed_seconds(const Cell& cell, std::uint64_t seed) {
  const Result without = CellWorld{cell, seed, {.box = false}}.run();
  const bool aborts = cell.happening == Happening::aborts;
  const bool well = without.complete && without.quiet && (aborts || without.read == without.written);
  return well ? seconds(without.took) : 0;
}

CellRun run_cell(const Cell& cell, std::uint64_t seed, double without) {
  Result with = CellWorld{cell, seed, {}}.run();
  CellRun run{.wrong = {}, .ending = with.ending, .took = with.took, .replay = {}};
  if (edits(cell.box) && with.complete && with.read != with.written) {
    const Result tcp = CellWorld{cell, seed, {.multipath = false}}.run();
    run.ending.content = with.read == tcp.read        ? Content::as_tcp
                         : with.bytes == tcp.promised ? Content::undetected
                                                      : Content::original;
  }
  run.slower = std::max(0.0, seconds(with.took - cell.budget)) / without;
  const bool aborts = cell.happening == Happening::aborts;
  const auto judge = [&]() -> std::string {
    if (without == 0) { return "not complete without the box either"; }
    if (!with.complete) { return with.failure.empty() ? "hangs" : with.failure; }
    const bool must_match = !aborts && !run.ending.broken;
    if (must_match && with.read != with.written && run.ending.content == Content::original) { return "other bytes"; }
    if (!with.quiet) { return "a connection is never forgotten"; }
    if (!with.failure.empty()) { return with.failure; }
    if (run.ending.broken ? with.took > kLongestWithout : run.slower > 3) {
      return fmt::format("{:.1f} s, {:.1f} s without the box", seconds(with.took), without);
    }
    if (std::ranges::find(cell.allowed, run.ending) == cell.allowed.end()) { return "ends as " + to_text(run.ending); }
    return {};
  };
  run.wrong = judge();
  run.replay = std::move(with.replay);
  return run;
}
}  // namespace anabranch::sim
