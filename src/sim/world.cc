#include "sim/world.hh"

#include "packet/dissect.hh"

#include <fmt/format.h>

namespace anabranch::sim {
namespace {
constexpr std::uint16_t kFirstServerPort = 1000;
constexpr std::uint64_t kFabric = 0x6661'6272'6963;  ///< a stream of its own: "fabric"

/// FNV-1a by words: a run digests gigabytes.
std::uint64_t digest_words(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  constexpr std::uint64_t kPrime = 0x100000001b3u;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    seed = (seed ^ word) * kPrime;
    seed ^= seed >> 32;
  }
  return digest(bytes.subspan(i), seed);
}
}  // namespace

World::World(std::uint64_t seed, const WorldOptions& options)
    : seed_{seed},
      options_{options},
      generator_{seed},
      fabric_{{pool_, packets_, agenda_, now_}, Generator{seed ^ kFabric}},
      cast_{agenda_},
      capture_{options.kept_segments},
      frames_(kBatch),
      digest_{digest({})} {}

Host& World::host(std::string_view name, const HostOptions& options) {
  for (const auto& host : hosts_) {
    if (host->name() == name) { return *host; }
  }
  const auto number = static_cast<std::uint32_t>(hosts_.size());
  hosts_.push_back(std::make_unique<Host>(std::string{name}, number, options, generator_.fork(), pool_, touched_));
  turns_of_hosts_.push_back(agenda_.enroll(hosts_.back().get()));
  return *hosts_.back();
}

Link& World::link(Host& first, Host& second, const LinkSpec& both, const LinkOptions& options) {
  return link(first, second, both, both, options);
}

Link& World::link(Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back, const LinkOptions& options) {
  const auto number = static_cast<unsigned>(links_.size() + 1);
  const Link::Surroundings here{pool_, packets_, agenda_, now_};
  links_.push_back(std::make_unique<Link>(number, first, second, forth, back, options, generator_.fork(), here));
  return *links_.back();
}

void World::at(Duration after, std::function<void()> action) { actions_.push(now_ + after, std::move(action)); }

Transfer& World::transfer(Host& from, Host& to, Bytes bytes, const TransferOptions& options) {
  const auto port = static_cast<std::uint16_t>(kFirstServerPort + transfers_.size());
  std::size_t skip = options.link;
  std::optional<Address> remote = options.to;
  for (const auto& link : links_) {
    if (remote || !link->joins(from) || !link->joins(to) || skip-- != 0) { continue; }
    remote = link->address_of(to, options.family);
    if (!remote) { remote = link->address_of(to, options.family == Family::v4 ? Family::v6 : Family::v4); }
    break;
  }
  ANABRANCH_CHECK(remote.has_value());  // the two hosts have that link, or an address is given
  transfers_.push_back(std::make_unique<Transfer>(cast_, from, to, bytes, options, port, SocketAddress{*remote, port},
                                                  generator_.fork()));
  Transfer& transfer = *transfers_.back();
  oracle_.expect(port, transfer.up(), transfer.down());
  cast_.add(transfer, nullptr);
  transfer.open(now_);
  return transfer;
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = now_ + limit;
  touch_all();
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
      events_now_ = 0;
    }
    step();
  }
  return !failure_;
}

bool World::run_for(Duration span) {
  (void)run_until([] { return false; }, span);
  return !failure_;
}

/// Whoever called or acted from outside may have used any stack and any actor.
void World::touch_all() {
  for (const auto& host : hosts_) { host->touch(); }
  cast_.wake_all();
}

void World::step() {
  ++steps_;
  run_actions();
  take_turns();
  settle();
}

void World::run_actions() {
  bool any = false;
  while (const auto action = actions_.pop_due(now_)) {
    (*action)();
    any = true;
  }
  if (any) { touch_all(); }
}

void World::take_turns() {
  while (agenda_.next() <= now_ && !failure_) {
    ++events_;
    const Component component = agenda_.first();
    agenda_.look_ahead([](const Component& next) {
      if (Pipe* const* pipe = std::get_if<Pipe*>(&next)) { (*pipe)->prefetch(); }
    });
    if (Pipe* const* pipe = std::get_if<Pipe*>(&component)) {
      drain(**pipe);
    } else {
      take_turn(component);
    }
    if (++events_now_ > kEventsAnInstant) { fail("time stands still: " + restless()); }
  }
  // What arrives in the same instant was in time.
  for (Host* host : due_) {
    host->touch();
    if (host->own_stack().deadline() <= now_) { host->own_stack().on_deadline(now_); }
  }
  due_.clear();
}

void World::take_turn(const Component& component) {
  const std::uint32_t number = agenda_.first_number();
  std::visit(Overloaded{[&](Host* host) {
                          agenda_.set(number, Instant::never());  // asked anew when it has been looked after
                          due_.push_back(host);
                        },
                        [&](Actor* actor) {
                          agenda_.set(number, Instant::never());
                          cast_.wake(*actor);
                        },
                        [&](Passage* passage) { passage->on_time(); },
                        [&](CrossSource* source) { source->on_time(now_); }, [](auto) {}},
             component);
}

void World::drain(Pipe& pipe) {
  Transit transit;
  while (pipe.take_one(now_, transit)) {
    if (transit.left != 0) {
      --transit.left;
      Pipe* const next = *transit.via++;
      next->enter(transit, now_);
      continue;
    }
    if (transit.packet->route->to != nullptr) { arrive(*transit.packet); }
    packets_.give_back(transit.packet);
  }
  pipe.rescheduled();
}

void World::arrive(Parcel& packet) {
  const Route& route = *packet.route;
  if (route.to->is_down(route.interface)) { return; }
  Frame& frame = packet.frame;
  frame.interface = route.interface;
  ++arrivals_;
  if (options_.digest != DigestOf::none) {
    const std::int64_t place[] = {now_.ns, static_cast<std::int64_t>(frame.interface.raw)};
    digest_ = digest_words({reinterpret_cast<const std::uint8_t*>(place), sizeof place}, digest_);
    for (const Slice& slice : frame.bytes.slices()) {
      digest_ = digest_words(slice.bytes(), digest_);
      if (options_.digest == DigestOf::headers) { break; }
    }
  }
  if (options_.kept_segments != 0) {
    capture_.add(now_, route.from->name(), route.to->name(), route.label, true, frame);
  }
  if (options_.watched) { oracle_.delivered(frame); }
  const InStage taking{watch_, stage_, Stage::arrivals};
  route.to->stack().receive({&frame, 1}, now_);
}

/// Applications and stacks take turns until nobody has anything left to do in this instant.
void World::settle() {
  while ((!touched_.empty() || cast_.anybody_awake()) && !failure_) {
    for (std::size_t i = 0; i < touched_.size(); ++i) { hear(*touched_[i]); }
    let_act();
    looking_.swap(touched_);
    for (Host* host : looking_) { host->looked_at(); }
    for (Host* host : looking_) { transmit(*host); }
    looking_.clear();
    if (++turns_ > kTurnsAnInstant) { fail("time stands still: " + restless()); }
  }
  judge();
}

void World::let_act() {
  const InStage acting{watch_, stage_, Stage::applications};
  cast_.take_turns(now_, [this](const std::string& what) { fail(what); });
}

/// Who has something to do at this instant, again and again.
std::string World::restless() const {
  std::string who;
  for (const auto& host : hosts_) {
    const stack::Stack& stack = host->own_stack();
    if (stack.deadline() <= now_) { who += fmt::format("{}'s deadline does not move on; ", host->name()); }
  }
  for (const auto& link : links_) {
    if (link->delivers(now_)) { who += fmt::format("link{} delivers; ", link->number()); }
  }
  for (const auto& pipe : fabric_.pipes()) {
    if (pipe->next() <= now_) { who += fmt::format("{} delivers; ", pipe->name()); }
  }
  if (const std::size_t busy = cast_.busy(now_)) { who += fmt::format("{} actors are busy; ", busy); }
  return who.empty() ? "stacks and applications keep each other busy" : who;
}

void World::hear(Host& host) {
  while (const auto event = host.own_stack().poll_event()) { cast_.tell(host, host.number(), *event, now_); }
}

void World::transmit(Host& host) {
  const InStage giving{watch_, stage_, Stage::departures};
  unsigned batches = 0;
  while (const std::size_t made = host.own_stack().poll_transmit(frames_, now_)) {
    for (Frame& frame : std::span{frames_}.first(made)) {
      send(host, frame);
      frame = {};
    }
    if (++batches > kTurnsAnInstant) { fail(fmt::format("time stands still: {} sends without end", host.name())); }
    if (oracle_.violation() || failure_) { break; }
  }
  hear(host);
  agenda_.set(turns_of_hosts_[host.number()], host.own_stack().deadline());
}

void World::send(Host& host, Frame& frame) {
  if (options_.consistency_every != 0) { check(host, frame); }
  if (options_.watched) { oracle_.sent(frame); }
  Outlet* outlet = host.outlet(frame.interface);
  if (outlet == nullptr) {
    return fail(fmt::format("{} sent to interface {}, which it does not have", host.name(), frame.interface.raw));
  }
  if (host.is_down(frame.interface)) { return; }
  if (options_.kept_segments != 0) {
    capture_.add(now_, host.name(), outlet->towards(host), outlet->number(), false, frame);
  }
  outlet->offer(host, std::move(frame));
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
    if (!host->own_stack().is_consistent()) { fail(fmt::format("{}: the stack is not consistent", host->name())); }
  }
  for (const auto& transfer : transfers_) {
    for (const auto& [end, config] : {std::pair{&transfer->client(), &transfer->options().client},
                                      std::pair{&transfer->server(), &transfer->options().server}}) {
      if (!end->id() || end->done()) { continue; }
      const auto info = end->host().own_stack().info(*end->id(), now_);
      if (!info) { continue; }
      if (info->bytes_written - info->bytes_acknowledged > config->send_buffer.n) {
        fail(fmt::format("{} keeps {} bytes to send, {} allowed", end->host().name(),
                         info->bytes_written - info->bytes_acknowledged, config->send_buffer.n));
      }
      if (info->reordering + end->host().own_stack().readable(*end->id()) > config->receive_buffer) {
        fail(fmt::format("{} holds {} readable and {} reordered bytes, {} allowed", end->host().name(),
                         end->host().own_stack().readable(*end->id()).n, info->reordering.n, config->receive_buffer.n));
      }
    }
  }
}

void World::fail(std::string what) {
  if (!failure_) { failure_ = fmt::format("at {:.6f} s: {}", seconds(now_ - Instant{}), what); }
}

bool World::quiet() const {
  return std::ranges::all_of(hosts_, [](const auto& host) { return host->own_stack().connection_count() == 0; });
}

stack::Counters World::counters() const {
  stack::Counters sum;
  for (std::size_t i = 0; i < stack::Counters::size(); ++i) {
    const auto counter = static_cast<stack::Counter>(i);
    for (const auto& host : hosts_) { sum.add(counter, host->own_stack().counters()[counter]); }
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
      const auto info = end->host().own_stack().info(*end->id(), now_);
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
    text += fmt::format("{}: {} connections\n", host->name(), host->own_stack().connection_count());
  }
  return text + capture_.to_text(oracle_);
}
}  // namespace anabranch::sim
