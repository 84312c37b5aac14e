#include "apps/emulator.hh"

#include "apps/command.hh"
#include "apps/http_failure.hh"
#include "apps/lab_build.hh"
#include "packet/offload.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <map>
#include <random>
#include <sstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <utility>

namespace anabranch::apps {
namespace {

Instant clock_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return {std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec};
}

volatile std::sig_atomic_t stop = 0;

constexpr int kBatchesAtOnce = 4;                   // of one port, before the others get their turn
constexpr Duration kClientPatience{1'000'000'000};  // as long as whoever asks may have to wait for a core

Descriptor listen_at(const std::string& path) {
  Descriptor fd{socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) { throw Failure(Exit::internal, "control socket: path too long"); }
  std::copy_n(path.c_str(), path.size() + 1, address.sun_path);
  if (!fd || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd.get(), 8) != 0) {
    throw Failure(Exit::internal, fmt::format("control socket {}: {}", path, system_error()));
  }
  return fd;
}

}  // namespace

struct Emulator::Direction {
  sim::Pipe pipe;
  Port* from;
  Port* to;
};

/// A cable's box: the simulator's, with what Ethernet adds. Packets that a box makes go in frames of the way they take.
class BoxOnCable {
 public:
  BoxOnCable(SlabPool& pool, HeaderBook& book, Generator generator, std::uint32_t mtu)
      : pool_{pool},
        book_{book},
        generator_{generator},
        mtu_{mtu},
        arena_{pool} {}

  void choose(const BoxChoice& choice) {
    box_ = sim::make_middlebox(
        choice.kind,
        {.pool = pool_, .generator = generator_.fork(), .ways = choice.ways, .mtu = mtu_, .changes_addresses = false});
  }
  bool there() const { return box_ != nullptr; }
  Instant next() const { return box_ ? box_->next() : Instant::never(); }

  /// What leaves the box because of this frame.
  std::vector<sim::Sent>& pass(sim::Way way, Frame& frame, Instant now) {
    sent_.clear();
    packets_.clear();
    ways_[frame.interface.raw] = way;
    if (!cut_frame(frame, arena_, packets_)) { packets_.push_back(std::move(frame)); }
    for (Frame& packet : packets_) { box_->pass(way, std::move(packet), now, sent_); }
    return addressed();
  }
  std::vector<sim::Sent>& on_time(Instant now) {
    sent_.clear();
    if (next() <= now) { box_->on_time(now, sent_); }
    return addressed();
  }

 private:
  std::vector<sim::Sent>& addressed() {
    for (sim::Sent& sent : sent_) {
      const auto came = ways_.find(sent.frame.interface.raw);
      if (came == ways_.end() || came->second == sent.way) { continue; }
      const EthernetHeader there = book_.header(sent.frame.interface);
      EthernetHeader back = there;
      std::copy_n(there.begin(), 6, back.begin() + 6);
      std::copy_n(there.begin() + 6, 6, back.begin());
      sent.frame.interface = book_.number(back);
    }
    return sent_;
  }

  SlabPool& pool_;
  HeaderBook& book_;
  Generator generator_;
  std::uint32_t mtu_;
  HeaderArena arena_;
  std::unique_ptr<sim::Middlebox> box_;
  std::map<std::uint32_t, sim::Way> ways_;  ///< of Ethernet headers, by number; bounded by the book
  std::vector<Frame> packets_;
  std::vector<sim::Sent> sent_;
};

struct Emulator::Cable {
  Cable(const LinkPlan& plan, Generator& seeds, SlabPool& pool, HeaderBook& book)
      : name{plan.name},
        mtu{plan.mtu},
        settings{plan.settings},
        a{plan.name + "-a", pool, book},
        b{plan.name + "-b", pool, book},
        forth{sim::Pipe{link_spec(settings, mtu), seeds.fork(), pool}, &a, &b},
        back{sim::Pipe{link_spec(settings, mtu), seeds.fork(), pool}, &b, &a},
        box{pool, book, seeds.fork(), mtu},
        label_forth{plan.a.host + ">" + plan.b.host},
        label_back{plan.b.host + ">" + plan.a.host} {
    box.choose(settings.middlebox);
  }
  void carry_on(std::vector<sim::Sent>& sent, Instant now) {
    for (const sim::Sent& one : sent) { (one.way == sim::Way::forth ? forth : back).pipe.offer(one.frame, now); }
    sent.clear();
  }
  std::string name;
  std::uint32_t mtu;
  LinkSettings settings;
  Port a, b;
  Direction forth, back;
  BoxOnCable box;
  std::string label_forth, label_back;
};

Emulator::Emulator(const Topology& topology, std::uint64_t seed) {
  Generator seeds{seed};
  for (const LinkPlan& link : topology.links) { cables_.push_back(std::make_unique<Cable>(link, seeds, pool_, book_)); }
}

Emulator::~Emulator() {
  frames_.clear();
  cables_.clear();  // before the pool: they hold slabs
}

void Emulator::forward(Cable& cable, Direction& direction, Instant now, bool readable) {
  const sim::Way way = &direction == &cable.forth ? sim::Way::forth : sim::Way::back;
  if (readable) {
    for (int i = 0; i < kBatchesAtOnce; ++i) {
      frames_.clear();
      const std::size_t got = direction.from->receive(frames_);
      for (Frame& frame : frames_) {
        if (cable.box.there()) {
          cable.carry_on(cable.box.pass(way, frame, now), now);
        } else {
          direction.pipe.offer(frame, now);
        }
      }
      if (got < Port::kBatch) { break; }
    }
  }
  frames_.clear();
  if (direction.pipe.next() <= now && direction.pipe.take_due(now, frames_) > 0) { direction.to->transmit(frames_); }
  frames_.clear();
}

void Emulator::run(int control) {
  std::vector<pollfd> waits;
  for (const auto& cable : cables_) {
    waits.push_back({.fd = cable->a.descriptor(), .events = POLLIN, .revents = 0});
    waits.push_back({.fd = cable->b.descriptor(), .events = POLLIN, .revents = 0});
  }
  waits.push_back({.fd = control, .events = POLLIN, .revents = 0});
  while (stop == 0) {
    waits.back().fd = client_ ? client_.get() : control;
    Instant next = client_patience_;
    for (const auto& cable : cables_) {
      next = std::min({next, cable->forth.pipe.next(), cable->back.pipe.next(), cable->box.next()});
    }
    const std::int64_t wait = std::max<std::int64_t>(0, next.is_never() ? 0 : (next - clock_now()).ns);
    const timespec timeout{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
    if (ppoll(waits.data(), waits.size(), next.is_never() ? nullptr : &timeout, nullptr) < 0) { continue; }
    const Instant now = clock_now();
    for (std::size_t i = 0; i < cables_.size(); ++i) {
      cables_[i]->carry_on(cables_[i]->box.on_time(now), now);
      forward(*cables_[i], cables_[i]->forth, now, waits[2 * i].revents != 0);
      forward(*cables_[i], cables_[i]->back, now, waits[2 * i + 1].revents != 0);
    }
    if (client_ && (waits.back().revents != 0 || now >= client_patience_)) {
      hear(now);
    } else if (!client_ && waits.back().revents != 0) {
      serve(control, now);
    }
  }
}

/// One client at a time. It asks at once, unless it is not scheduled: links do not wait for it.
void Emulator::serve(int control, Instant now) {
  client_ = Descriptor{accept4(control, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  client_patience_ = client_ ? now + kClientPatience : Instant::never();
}

void Emulator::hear(Instant now) {
  std::array<char, 4096> request;
  const ssize_t got = recv(client_.get(), request.data(), request.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR) && now < client_patience_) { return; }
  const Descriptor client = std::exchange(client_, Descriptor{});
  client_patience_ = Instant::never();
  if (got <= 0) { return; }
  std::string said;
  try {
    said = answer({request.data(), static_cast<std::size_t>(got)}, now);
  } catch (const Failure& failure) { said = std::string{"error: "} + failure.what(); }
  send(client.get(), said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string Emulator::answer(std::string_view request, Instant now) {
  if (request == "status") { return status(); }
  if (request.starts_with("set ")) { return set(request.substr(4), now); }
  return "error: unknown request";
}

std::string Emulator::set(std::string_view rest, Instant now) {
  std::istringstream words{std::string{rest}};
  std::string name, word;
  words >> name;
  const auto found = std::find_if(cables_.begin(), cables_.end(), [&](const auto& c) { return c->name == name; });
  if (found == cables_.end()) {
    std::string known;
    for (const auto& cable : cables_) { known += (known.empty() ? "" : ", ") + cable->name; }
    return fmt::format("error: unknown link '{}' (there is {})", name, known);
  }
  LinkSettings settings = (*found)->settings;  // all words or none
  while (words >> word) {
    if (const auto wrong = apply_setting(settings, word)) { return "error: " + *wrong; }
  }
  apply(**found, settings, now);
  return fmt::format("{} {}", name, to_text(settings));
}

void Emulator::apply(Cable& cable, const LinkSettings& settings, Instant now) {
  const Carrier carrier = settings.carrier;
  const bool change = carrier != cable.settings.carrier;
  if (settings.middlebox != cable.settings.middlebox) { cable.box.choose(settings.middlebox); }
  cable.settings = settings;
  for (Direction* direction : {&cable.forth, &cable.back}) {
    direction->pipe.set(link_spec(settings, cable.mtu), now);
    if (change && carrier == Carrier::both) { direction->pipe.heal(now); }
    if (change && carrier != Carrier::both) { direction->pipe.cut(now, true); }
  }
  if (change) {
    cable.a.set_up(carrier == Carrier::both || carrier == Carrier::none_at_b);
    cable.b.set_up(carrier == Carrier::both || carrier == Carrier::none_at_a);
  }
}

std::string Emulator::status() const {
  std::string out;
  for (const auto& cable : cables_) {
    out += fmt::format("{} {}\n", cable->name, to_text(cable->settings));
    for (const auto& [label, direction] :
         {std::pair{&cable->label_forth, &cable->forth}, std::pair{&cable->label_back, &cable->back}}) {
      const sim::LinkStats& s = direction->pipe.stats();
      out += fmt::format("  {} packets={} bytes={} queued={}", *label, s.delivered_packets, s.delivered_bytes,
                         direction->pipe.queued().n);
      for (std::size_t i = 0; i < std::size(Names<sim::LinkDrop>::list); ++i) {
        const auto reason = static_cast<sim::LinkDrop>(i);
        if (s.dropped[reason] != 0) { out += fmt::format(" {}={}", Names<sim::LinkDrop>::list[i], s.dropped[reason]); }
      }
      if (direction->from->stats().unreadable != 0) {
        out += fmt::format(" unreadable={}", direction->from->stats().unreadable);
      }
      if (direction->to->stats().refused != 0) { out += fmt::format(" refused={}", direction->to->stats().refused); }
      out += "\n";
    }
  }
  return out;
}

namespace {

void emulate(const std::string& lab, int ready_fd, std::uint64_t seed) {
  for (const int signal : {SIGTERM, SIGINT}) {
    struct sigaction action{};
    action.sa_handler = [](int) { stop = 1; };
    sigaction(signal, &action, nullptr);  // no SA_RESTART: ppoll shall end
  }
  const std::filesystem::path directory = lab_directory(lab);
  const Topology topology = topology_from_toml(read_file(directory / "topology.toml"), "topology.toml");
  const InsideNamespace inside{host_namespace(lab, "net")};
  setpriority(PRIO_PROCESS, 0, -15);  // the links of a busy machine should keep their delay; failing is no harm
  prctl(PR_SET_TIMERSLACK, 1UL);
  prctl(PR_SET_NAME, "anabranch-emul");  // it was started as /proc/self/exe, which says nothing in ps
  Emulator emulator{topology, seed};
  const Descriptor control = listen_at((directory / "control").string());
  write_file(directory / "emulator.pid", fmt::format("{}\n", getpid()));
  if (ready_fd >= 0) {
    const Descriptor tell{ready_fd};
    if (write(tell.get(), "+", 1) != 1) { throw Failure(Exit::internal, "nobody waits for the emulator"); }
  }
  emulator.run(control.get());
}

struct EmulateOptions {
  std::string lab;
  int ready_fd = -1;
  std::uint64_t seed = 0;
};

}  // namespace

void add_emulate(CLI::App& app) {
  auto options = std::make_shared<EmulateOptions>();
  CLI::App* command = app.add_subcommand("emulate", "The process behind a lab's links (`lab up` starts it)");
  command->add_option("lab", options->lab, "Name of the lab")->required();
  command->add_option("--ready-fd", options->ready_fd, "Write a byte here when packets flow");
  command->add_option("--seed", options->seed, "Of loss, jitter and the like; 0: a random one");
  command->callback([options] {
    emulate(options->lab, options->ready_fd, options->seed != 0 ? options->seed : std::random_device{}());
  });
}

}  // namespace anabranch::apps
