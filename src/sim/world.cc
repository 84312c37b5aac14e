#include "sim/world.hh"

#include "packet/dissect.hh"

#include <fmt/format.h>

namespace anabranch::sim {
namespace {
constexpr std::uint16_t kFirstServerPort = 1000;
}  // namespace

World::World(std::uint64_t seed, const WorldOptions& options)
    : seed_{seed},
      options_{options},
      generator_{seed},
      capture_{options.kept_segments},
      frames_(kBatch),
      digest_{digest({})} {}

Host& World::host(std::string_view name) {
  for (const auto& host : hosts_) {
    if (host->name() == name) { return *host; }
  }
  hosts_.push_back(std::make_unique<Host>(std::string{name}, generator_.fork(), pool_));
  return *hosts_.back();
}

Link& World::link(Host& first, Host& second, const LinkSpec& both, const LinkOptions& options) {
  return link(first, second, both, both, options);
}

Link& World::link(Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back, const LinkOptions& options) {
  const auto number = static_cast<unsigned>(links_.size() + 1);
  links_.push_back(std::make_unique<Link>(number, first, second, forth, back, options, generator_.fork(), pool_, now_));
  return *links_.back();
}

void World::at(Duration after, std::function<void()> action) { actions_.push(now_ + after, std::move(action)); }

Transfer& World::transfer(Host& from, Host& to, Bytes bytes, const TransferOptions& options) {
  const auto port = static_cast<std::uint16_t>(kFirstServerPort + transfers_.size());
  std::size_t skip = options.link;
  std::optional<Address> remote;
  for (const auto& link : links_) {
    if (!link->joins(from) || !link->joins(to) || skip-- != 0) { continue; }
    remote = link->address_of(to, options.family);
    if (!remote) { remote = link->address_of(to, options.family == Family::v4 ? Family::v6 : Family::v4); }
    break;
  }
  ANABRANCH_CHECK(remote.has_value());  // the two hosts have that link
  transfers_.push_back(
      std::make_unique<Transfer>(from, to, bytes, options, port, SocketAddress{*remote, port}, generator_.fork()));
  Transfer& transfer = *transfers_.back();
  oracle_.expect(port, transfer.up(), transfer.down());
  transfer.open(now_);
  return transfer;
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  settle();
  while (!failure_ && !done()) {
    const Instant at = next();
    if (at > end) {
      now_ = end;
      return false;
    }
    if (at > now_) {
      now_ = at;
      turns_ = 0;
    }
    step();
  }
  return !failure_;
}

bool World::run_for(Duration span) {
  (void)run_until([] { return false; }, span);
  return !failure_;
}

Instant World::next() const {
  Instant at = actions_.next();
  for (const auto& link : links_) { at = std::min(at, link->next()); }
  for (const auto& host : hosts_) { at = std::min(at, host->stack().deadline()); }
  for (const auto& transfer : transfers_) { at = std::min(at, transfer->next()); }
  return at;
}

void World::step() {
  ++steps_;
  run_actions();
  arrive();
  run_deadlines();
  settle();
}

/// Applications and stacks take turns until nobody has anything left to do in this instant.
void World::settle() {
  bool busy = true;
  while (busy && !failure_) {
    busy = run_applications();
    busy |= transmit();
    if (++turns_ > kTurnsAnInstant) { fail("time stands still: " + restless()); }
  }
  judge();
}

/// Who has something to do at this instant, again and again.
std::string World::restless() const {
  std::string who;
  for (const auto& host : hosts_) {
    if (host->stack().deadline() <= now_) { who += fmt::format("{}'s deadline does not move on; ", host->name()); }
  }
  for (const auto& link : links_) {
    if (link->next() <= now_) { who += fmt::format("link{} delivers; ", link->number()); }
  }
  for (const auto& transfer : transfers_) {
    if (transfer->next() <= now_) { who += fmt::format("the transfer to port {} is busy; ", transfer->port()); }
  }
  return who.empty() ? "stacks and applications keep each other busy" : who;
}

bool World::run_actions() {
  bool any = false;
  while (const auto action = actions_.pop_due(now_)) {
    (*action)();
    any = true;
  }
  return any;
}

bool World::arrive() {
  bool any = false;
  std::vector<Frame> arrived;
  for (const auto& link : links_) {
    link->on_time();
    for (std::size_t side = 0; side < 2; ++side) {
      arrived.clear();
      if (link->pipe(side).take_due(now_, arrived) == 0) { continue; }
      any = true;
      Host &from = link->end(side), &to = link->end(1 - side);
      for (Frame& frame : arrived) {
        frame.interface = link->interface_at(1 - side);
        ++arrivals_;
        const std::int64_t place[] = {now_.ns, static_cast<std::int64_t>(frame.interface.raw)};
        digest_ = digest({reinterpret_cast<const std::uint8_t*>(place), sizeof place}, digest_);
        for (const Slice& slice : frame.bytes.slices()) { digest_ = digest(slice.bytes(), digest_); }
        capture_.add(now_, from.name(), to.name(), link->number(), true, frame);
        if (options_.watched) { oracle_.delivered(frame); }
      }
      to.stack().receive(arrived, now_);
    }
  }
  return any;
}

bool World::run_deadlines() {
  bool any = false;
  for (const auto& host : hosts_) {
    if (host->stack().deadline() > now_) { continue; }
    host->stack().on_deadline(now_);
    any = true;
  }
  return any;
}

bool World::run_applications() {
  bool any = false;
  for (const auto& host : hosts_) {
    while (const auto event = host->stack().poll_event()) {
      any = true;
      for (const auto& transfer : transfers_) {
        if (transfer->take(*host, *event, now_)) { break; }
      }
    }
  }
  for (const auto& transfer : transfers_) {
    any |= transfer->step(now_);
    if (const auto violation = transfer->violation()) { fail(*violation); }
  }
  return any;
}

bool World::transmit() {
  bool any = false;
  for (const auto& host : hosts_) {
    while (const std::size_t made = host->stack().poll_transmit(frames_, now_)) {
      any = true;
      for (Frame& frame : std::span{frames_}.first(made)) {
        check(*host, frame);
        if (options_.watched) { oracle_.sent(frame); }
        const auto link = std::ranges::find_if(
            links_, [&](const auto& l) { return l->joins(*host) && l->interface_of(*host) == frame.interface; });
        if (link == links_.end()) {
          fail(fmt::format("{} sent to interface {}, which it does not have", host->name(), frame.interface.raw));
          return false;
        }
        const Host& to = (*link)->end((*link)->interface_at(0) == frame.interface ? 1 : 0);
        capture_.add(now_, host->name(), to.name(), (*link)->number(), false, frame);
        (*link)->offer(*host, std::move(frame));
        frame = {};
      }
      if (++turns_ > kTurnsAnInstant || oracle_.violation()) { break; }
    }
  }
  return any;
}

/// What the device of the interface would refuse.
void World::check(const Host& host, const Frame& frame) {
  const Interface* interface = find_interface(host.network(), frame.interface);
  if (interface == nullptr) { return; }
  const std::uint64_t size = frame.bytes.size().n;
  if (frame.checksum == ChecksumState::pending && !interface->checksum_offload) {
    fail("a pending checksum to an interface that does not complete it");
  }
  if (frame.cut == 0) {
    if (size > interface->mtu) { fail(fmt::format("a packet of {} bytes, MTU {}", size, interface->mtu)); }
    return;
  }
  if (size > interface->super_segment) {
    fail(fmt::format("a super-segment of {} bytes, the device takes {}", size, interface->super_segment));
  }
  const auto layout = tcp_layout(frame);
  if (layout && layout->payload_at + frame.cut > interface->mtu) {
    fail(fmt::format("a super-segment cut to packets of {} bytes, MTU {}", layout->payload_at + frame.cut,
                     interface->mtu));
  }
}

void World::judge() {
  if (oracle_.violation()) { fail(*oracle_.violation()); }
  if (options_.consistency_every == 0 || steps_ % options_.consistency_every != 0) { return; }
  for (const auto& host : hosts_) {
    if (!host->stack().is_consistent()) { fail(fmt::format("{}: the stack is not consistent", host->name())); }
  }
  for (const auto& transfer : transfers_) {
    for (const auto& [end, config] : {std::pair{&transfer->client(), &transfer->options().client},
                                      std::pair{&transfer->server(), &transfer->options().server}}) {
      if (!end->id() || end->done()) { continue; }
      const auto info = end->host().stack().info(*end->id(), now_);
      if (!info) { continue; }
      if (info->bytes_written - info->bytes_acknowledged > config->send_buffer.n) {
        fail(fmt::format("{} keeps {} bytes to send, {} allowed", end->host().name(),
                         info->bytes_written - info->bytes_acknowledged, config->send_buffer.n));
      }
      if (info->reordering + end->host().stack().readable(*end->id()) > config->receive_buffer) {
        fail(fmt::format("{} holds {} readable and {} reordered bytes, {} allowed", end->host().name(),
                         end->host().stack().readable(*end->id()).n, info->reordering.n, config->receive_buffer.n));
      }
    }
  }
}

void World::fail(std::string what) {
  if (!failure_) { failure_ = fmt::format("at {:.6f} s: {}", seconds(now_ - Instant{}), what); }
}

bool World::quiet() const {
  return std::ranges::all_of(hosts_, [](const auto& host) { return host->stack().connection_count() == 0; });
}

stack::Counters World::counters() const {
  stack::Counters sum;
  for (std::size_t i = 0; i < stack::Counters::size(); ++i) {
    const auto counter = static_cast<stack::Counter>(i);
    for (const auto& host : hosts_) { sum.add(counter, host->stack().counters()[counter]); }
  }
  return sum;
}

std::string World::replay() const {
  std::string text =
      fmt::format("{}\nseed {}, stopped at {:.6f} s, {} frames arrived\n",
                  failure_ ? "FAILED " + *failure_ : "not done in time", seed_, seconds(now_ - Instant{}), arrivals_);
  if (!command_.empty()) { text += "again: " + command_ + "\n"; }
  for (const auto& transfer : transfers_) {
    text += transfer->to_text() + "\n";
    for (const Application* end : {&transfer->client(), &transfer->server()}) {
      if (!end->id()) { continue; }
      const auto info = end->host().stack().info(*end->id(), now_);
      if (!info) { continue; }
      text += fmt::format("  {} {} {} acknowledged {} received {} reordering {} fallback {}\n", end->host().name(),
                          name(info->protocol), info->state, info->bytes_acknowledged, info->bytes_received,
                          info->reordering.n, name(info->fallback_reason));
      for (const auto& subflow : info->subflows) {
        text += fmt::format("    subflow {} {} > {} {}{} sent {} received {} window {} in flight {} queued {} {}\n",
                            subflow.id.raw, anabranch::to_text(subflow.local), anabranch::to_text(subflow.remote),
                            subflow.state, subflow.backup ? " backup" : "", subflow.bytes_sent, subflow.bytes_received,
                            subflow.window.n, subflow.in_flight.n, subflow.queued.n, subflow.ended_by);
      }
    }
  }
  for (const auto& host : hosts_) {
    text += fmt::format("{}: {} connections\n", host->name(), host->stack().connection_count());
  }
  return text + capture_.to_text(oracle_);
}
}  // namespace anabranch::sim
