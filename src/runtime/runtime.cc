#include "runtime/runtime.hh"

#include "runtime/network_monitor.hh"
#include "runtime/offload.hh"
#include "runtime/os_random.hh"
#include "runtime/pcapng_file.hh"
#include "runtime/port_claim.hh"
#include "runtime/port_guard.hh"
#include "runtime/pump.hh"

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <unistd.h>

namespace anabranch::runtime {
namespace asio = boost::asio;
namespace {
Failure explain(const device::SystemError& error, const std::string& where) {
  if (error.number == EPERM || error.number == EACCES) {
    return {Errc::bad_argument,
            "not permitted to use " + where + ": run as root or with CAP_NET_ADMIN and CAP_NET_RAW"};
  }
  if (error.number == EAFNOSUPPORT) { return {Errc::no_such_path, where + " is of a kind that is not supported"}; }
  return {Errc::no_such_path, where + ": " + std::string{error.call} + ": " + std::strerror(error.number)};
}
}  // namespace

/// Members in the order of who needs whom: slabs first, because everything holds views of them.
struct Runtime::Parts : std::enable_shared_from_this<Runtime::Parts> {
  Parts(asio::io_context& i, RuntimeOptions o) : io{i}, options{std::move(o)}, netlink{i}, ticker{i} {}

  Outcome<void> claim_ports();
  Outcome<void> open_capture();
  Outcome<void> open_network();
  void make_stack();
  void start();
  void stop();

  bool wanted(const Link& link) const;
  Outcome<void> open_line(const Link& link);
  void sync_lines();
  Network visible_network();
  Outcome<void> let_in(std::uint16_t port);
  void on_netlink();
  void wait_netlink();
  void tick();
  void dispatch(const stack::Event& event);
  void note(std::string_view text, InterfaceId interface);

  asio::io_context& io;
  RuntimeOptions options;
  SlabPool pool;
  OsRandom os_random;
  Random& random() { return options.random != nullptr ? *options.random : os_random; }
  NoFaults faults;
  trace::Tee trace;
  std::unique_ptr<PcapngFile> capture;
  std::optional<RemarkTrace> remarks;
  std::optional<Env> env;
  PortClaims claims;
  std::optional<PortGuard> guard;
  std::unique_ptr<NetworkMonitor> monitor;
  Network network;                     ///< as told to the stack
  std::map<InterfaceId, Link> opened;  ///< the links behind the pump's lines, as they were then
  std::optional<stack::Stack> stack;
  std::optional<Pump> pump;
  asio::posix::stream_descriptor netlink;
  asio::steady_timer ticker;
  std::map<stack::ConnectionId, Watcher> connections;
  std::map<stack::ListenerId, Watcher> listeners;
  bool running = false;
};

Outcome<std::shared_ptr<Runtime>> Runtime::create(asio::io_context& io, RuntimeOptions options) {
  auto parts = std::make_shared<Parts>(io, std::move(options));
  for (const auto step : {&Parts::claim_ports, &Parts::open_capture}) {
    if (auto status = ((*parts).*step)(); !status) { return std::unexpected(status.error()); }
  }
  parts->make_stack();
  if (auto status = parts->open_network(); !status) { return std::unexpected(status.error()); }
  parts->start();
  return std::shared_ptr<Runtime>{new Runtime{std::move(parts)}};
}

Runtime::Runtime(std::shared_ptr<Parts> parts) : parts_{std::move(parts)} {}
Runtime::~Runtime() { stop(); }

// --- beginning

Outcome<void> Runtime::Parts::claim_ports() {
  for (const std::uint16_t port : options.listen_ports) {
    if (auto status = claims.claim(port); !status) { return status; }
  }
  const auto block = claims.claim_block(options.ephemeral_ports, random().visible());
  if (!block) { return std::unexpected(block.error()); }
  options.ephemeral_ports = static_cast<unsigned>(block->size());
  if (!options.port_guard) { return {}; }
  auto opened_guard = PortGuard::open(claims.ports());
  if (!opened_guard) { return std::unexpected(opened_guard.error()); }
  guard = std::move(*opened_guard);
  return {};
}

Outcome<void> Runtime::Parts::open_capture() {
  if (options.trace != nullptr) { trace.add(*options.trace); }
  if (options.pcapng.empty()) { return {}; }
  auto file = PcapngFile::create(options.pcapng);
  if (!file) { return std::unexpected(file.error()); }
  capture = std::move(*file);
  trace.add(remarks.emplace(*capture));
  return {};
}

void Runtime::Parts::make_stack() {
  env.emplace(Env{random(), trace, faults});
  const auto& ports = claims.ports();
  stack::Stack::Config config{.limits = options.limits,
                              .ports = {ports.end() - options.ephemeral_ports, ports.end()},
                              .respond_to_strays = options.respond_to_strays};
  stack.emplace(*env, pool, std::move(config));
  pump.emplace(io, *stack, [this](const stack::Event& event) { dispatch(event); });
}

Outcome<void> Runtime::Parts::open_network() {
  auto opened_monitor = NetworkMonitor::open();
  if (!opened_monitor) { return std::unexpected(explain(opened_monitor.error(), "netlink")); }
  monitor = std::move(*opened_monitor);
  for (const std::string& name : options.interfaces) {
    const auto it = std::ranges::find(monitor->links(), name, &Link::name);
    if (it == monitor->links().end()) { return failure(Errc::no_such_path, "there is no interface " + name); }
    if (it->loopback) {
      return failure(Errc::no_such_path, name + " is loopback: packets there never leave the kernel");
    }
  }
  std::optional<Failure> first_failure;
  for (const Link& link : monitor->links()) {
    if (!wanted(link)) { continue; }
    auto status = open_line(link);
    if (!status && !options.interfaces.empty()) { return status; }
    if (!status && !first_failure) { first_failure = status.error(); }
  }
  if (pump->lines().empty()) {
    return std::unexpected(first_failure.value_or(Failure{Errc::unreachable, "no usable interface: none is up"}));
  }
  network = visible_network();
  stack->update(network, monotonic_now());
  return {};
}

void Runtime::Parts::start() {
  running = true;
  netlink.assign(::dup(monitor->descriptor()));
  wait_netlink();
  tick();
  pump->start(weak_from_this(), options.busy_poll);
}

void Runtime::Parts::stop() {
  if (!std::exchange(running, false)) { return; }
  const auto everyone = std::pair{std::exchange(connections, {}), std::exchange(listeners, {})};
  for (const auto& [id, watcher] : everyone.first) {
    watcher({.what = stack::Happened::closed, .connection = id, .listener = {}, .error = Errc::closed});
  }
  for (const auto& [id, watcher] : everyone.second) {
    watcher({.what = stack::Happened::closed, .connection = {}, .listener = id, .error = Errc::closed});
  }
  pump->stop();
  ticker.cancel();
  netlink.close();
  if (capture) { capture->flush(); }
}

// --- the network changes

/// Whether the link shall carry traffic: named ones always, so that they come up by themselves.
bool Runtime::Parts::wanted(const Link& link) const {
  if (link.loopback) { return false; }
  return options.interfaces.empty() ? link.up
                                    : std::ranges::find(options.interfaces, link.name) != options.interfaces.end();
}

Outcome<void> Runtime::Parts::open_line(const Link& link) {
  const device::PacketSocket::Options device_options{
      .interface = link.name, .super_segment = options.super_segments ? super_segment_limit(link) : 0};
  auto socket = device::PacketSocket::open(device_options, pool, *monitor);
  if (!socket) { return std::unexpected(explain(socket.error(), "interface " + link.name)); }
  (*socket)->update(monitor->network());
  if (const auto status = (*socket)->allow(claims.ports()); !status) {
    return std::unexpected(explain(status.error(), "interface " + link.name));
  }
  pump->add(std::move(*socket), capture.get());
  opened.insert_or_assign(link.id, link);
  return {};
}

/// Devices for the links that are wanted now. One whose nature changed is opened anew: its addresses are in use.
void Runtime::Parts::sync_lines() {
  const auto& links = monitor->links();
  std::erase_if(opened, [&](const auto& entry) {
    const auto it = std::ranges::find(links, entry.first, &Link::id);
    const Link& then = entry.second;
    if (it != links.end() && it->name == then.name && it->mac == then.mac && it->type == then.type) { return false; }
    pump->remove(entry.first);
    note("interface_closed", entry.first);
    return true;
  });
  for (const Link& link : links) {
    if (!wanted(link) || opened.contains(link.id)) { continue; }
    note(open_line(link) ? "interface_opened" : "interface_refused", link.id);
  }
  for (const auto& line : pump->lines()) { line->socket().update(monitor->network()); }
  network = visible_network();
  stack->update(network, monotonic_now());
}

/// What the stack may know: the interfaces that have a device, with what their devices take.
Network Runtime::Parts::visible_network() {
  Network out;
  for (Interface interface : monitor->network().interfaces) {
    const Line* line = pump->find(interface.id);
    if (line == nullptr) { continue; }
    interface.super_segment = line->socket().traits().super_segment;
    interface.checksum_offload = line->socket().traits().checksum_offload;
    if (const auto use = options.uses.find(interface.name); use != options.uses.end()) {
      for (InterfaceAddress& address : interface.addresses) { address.use = use->second; }
    }
    out.interfaces.push_back(std::move(interface));
  }
  for (const Route& route : monitor->network().routes) {
    if (find_interface(out, route.interface) != nullptr) { out.routes.push_back(route); }
  }
  return out;
}

void Runtime::Parts::wait_netlink() {
  netlink.async_wait(asio::posix::stream_descriptor::wait_read,
                     [weak = weak_from_this()](const boost::system::error_code& error) {
                       const auto self = weak.lock();
                       if (!self || error || !self->running) { return; }
                       self->on_netlink();
                       if (self->running) { self->wait_netlink(); }
                     });
}

void Runtime::Parts::on_netlink() {
  const NetworkMonitor::Changes changes = monitor->receive();
  if (changes.network) { sync_lines(); }
  if (changes.neighbours) {
    for (const auto& line : pump->lines()) { line->socket().neighbours_changed(); }
  }
  if (changes.network || changes.neighbours) { pump->kick(); }
}

void Runtime::Parts::tick() {
  for (const auto& line : pump->lines()) { line->socket().age(); }
  monitor->tick();
  if (capture) { capture->flush(); }
  ticker.expires_after(std::chrono::seconds{1});
  ticker.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error && self->running) { self->tick(); }
  });
}

void Runtime::Parts::note(std::string_view text, InterfaceId interface) {
  trace::emit(trace, monotonic_now(), {}, [&] { return trace::Note{text, interface.raw}; });
}

Outcome<void> Runtime::Parts::let_in(std::uint16_t port) {
  if (guard) {
    if (auto status = guard->add({&port, 1}); !status) { return status; }
  }
  for (const auto& line : pump->lines()) {
    if (const auto status = line->socket().allow(claims.ports()); !status) {
      return std::unexpected(explain(status.error(), "interface " + std::string{line->socket().name()}));
    }
  }
  return {};
}

void Runtime::Parts::dispatch(const stack::Event& event) {
  // Copied: a watcher may forget itself. It holds a pointer or two, so the copy does not allocate.
  const auto call = [&](const auto& watchers, auto id) {
    const auto it = watchers.find(id);
    if (it == watchers.end()) { return; }
    const Watcher watcher = it->second;
    watcher(event);
  };
  if (event.what == stack::Happened::acceptable) {
    call(listeners, event.listener);
  } else {
    call(connections, event.connection);
  }
}

// --- what others see

asio::io_context& Runtime::io() { return parts_->io; }
stack::Stack& Runtime::stack() { return *parts_->stack; }
const RuntimeOptions& Runtime::options() const { return parts_->options; }
Instant Runtime::now() const { return monotonic_now(); }
bool Runtime::running() const { return parts_->running; }
void Runtime::kick() {
  if (parts_->running) { parts_->pump->kick(); }
}
void Runtime::stop() { parts_->stop(); }
const Network& Runtime::network() const { return parts_->network; }
const Totals& Runtime::totals() const { return parts_->pump->totals(); }

void Runtime::watch(stack::ConnectionId id, Watcher watcher) {
  parts_->connections.insert_or_assign(id, std::move(watcher));
}
void Runtime::watch(stack::ListenerId id, Watcher watcher) {
  parts_->listeners.insert_or_assign(id, std::move(watcher));
}
void Runtime::forget(stack::ConnectionId id) { parts_->connections.erase(id); }
void Runtime::forget(stack::ListenerId id) { parts_->listeners.erase(id); }

Outcome<void> Runtime::claim_port(std::uint16_t port) {
  if (parts_->claims.has(port)) { return {}; }
  if (auto status = parts_->claims.claim(port); !status) { return status; }
  return parts_->let_in(port);
}

Outcome<std::uint16_t> Runtime::claim_any_port() {
  const auto port = parts_->claims.claim_any();
  if (!port) { return port; }
  if (auto status = parts_->let_in(*port); !status) { return std::unexpected(status.error()); }
  return port;
}

Outcome<InterfaceId> Runtime::interface_by_name(std::string_view name) const {
  for (const Interface& interface : parts_->network.interfaces) {
    if (interface.name == name) { return interface.id; }
  }
  return failure(Errc::no_such_path, "interface " + std::string{name} + " does not exist or is not in use");
}

std::vector<DeviceStatus> Runtime::devices() const {
  std::vector<DeviceStatus> out;
  for (const auto& line : parts_->pump->lines()) {
    out.push_back({.interface = line->interface(),
                   .name = std::string{line->socket().name()},
                   .queued = line->queued(),
                   .counters = line->socket().counters(),
                   .kernel_drops = line->socket().kernel_drops()});
  }
  return out;
}
}  // namespace anabranch::runtime
