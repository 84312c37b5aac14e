#include "sim/fabric.hh"

#include <algorithm>

namespace anabranch::sim {

Fabric::Fabric(const Surroundings& world, Generator generator) : world_{world}, generator_{generator} {}

Pipe& Fabric::pipe(std::string name, const LinkSpec& spec) {
  ANABRANCH_CHECK(!by_name_.contains(name));
  pipes_.push_back(
      std::make_unique<Pipe>(std::move(name), spec, generator_.fork(), world_.pool, world_.packets, world_.agenda));
  Pipe& pipe = *pipes_.back();
  by_name_.emplace(pipe.name(), &pipe);
  return pipe;
}

Pipe* Fabric::find_pipe(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

std::vector<InterfaceAddress> Fabric::addresses_for(unsigned number, const PortOptions& options) const {
  if (!options.addresses.empty()) { return options.addresses; }
  std::vector<InterfaceAddress> out;
  const auto low = static_cast<std::uint8_t>(number), middle = static_cast<std::uint8_t>(number >> 8),
             high = static_cast<std::uint8_t>(number >> 16);
  ANABRANCH_CHECK(high < 16);  // 172.16.0.0/12 (RFC 1918 §3) has no more
  if (options.v4) {
    out.push_back({Address::v4(172, static_cast<std::uint8_t>(16 + high), middle, low), 32, options.use});
  }
  if (options.v6) {
    Address a{Family::v6, {}};
    a.raw[0] = 0xfd;
    a.raw[1] = 0x01;
    a.raw[13] = high;
    a.raw[14] = middle;
    a.raw[15] = low;
    out.push_back({a, 128, options.use});
  }
  return out;
}

Port& Fabric::port(Host& host, std::string_view name, const PortOptions& options) {
  for (const auto& port : ports_) {
    if (&port->host() == &host && port->name() == name) { return *port; }
  }
  const auto number = static_cast<unsigned>(ports_.size() + 1);
  PortOptions complete = options;
  complete.addresses = addresses_for(number, options);
  ports_.push_back(std::make_unique<Port>(number, name, host, complete, *this, world_.clock));
  for (const InterfaceAddress& a : complete.addresses) { by_address_.emplace(a.address, ports_.back().get()); }
  return *ports_.back();
}

Port* Fabric::find_port(const Address& address) const {
  const auto it = by_address_.find(address);
  return it == by_address_.end() ? nullptr : it->second;
}

void Fabric::address_changed(const Address& address, Port* owner) {
  for (const auto& port : ports_) { port->forget_flows(); }
  if (owner == nullptr) {
    by_address_.erase(address);
    return;
  }
  by_address_[address] = owner;
  for (Path* path : owner->paths_) {
    Port& other = path->other_end(*owner);
    if (other.reach_ != Reach::joined) { continue; }
    other.host_.change(world_.clock, [&](Network& network) {
      network.routes.push_back({other.interface_, address, address.family == Family::v4 ? 32u : 128u, std::nullopt, 0});
    });
  }
}

Path* Fabric::path_between(const Port& from, const Port& to) {
  const auto it = between_.find(std::minmax(from.number(), to.number()));
  return it == between_.end() ? nullptr : it->second;
}

Path& Fabric::path(Port& first, Port& second) {
  if (Path* known = path_between(first, second)) { return *known; }
  const auto number = static_cast<unsigned>(paths_.size() + 1);
  paths_.push_back(
      std::make_unique<Path>(number, first, second, generator_.fork(), world_.pool, world_.agenda, world_.clock));
  Path& path = *paths_.back();
  between_.emplace(std::minmax(first.number(), second.number()), &path);
  first.joined(path, second);
  second.joined(path, first);
  if (on_path_) { on_path_(path); }
  return path;
}

/// The path between the two, made by the routing if nobody has made it; nullptr: there is none.
Path* Fabric::look_for(Port& from, Port& to) {
  if (Path* known = path_between(from, to)) { return known; }
  if (!routing_) { return nullptr; }
  std::vector<Alternative> alternatives;
  routing_->alternatives(from, to, alternatives);
  if (alternatives.empty()) { return nullptr; }
  Path& made = path(from, to);
  made.set_spread(routing_->spread());
  for (Alternative& a : alternatives) { made.add(std::move(a.forth), std::move(a.back)); }
  return &made;
}

CrossSource& Fabric::cross_traffic(std::vector<Pipe*> route, const CrossTraffic& traffic) {
  sources_.push_back(std::make_unique<CrossSource>(std::move(route), traffic, generator_.fork(), world_.packets,
                                                   world_.agenda, world_.clock));
  return *sources_.back();
}
}  // namespace anabranch::sim
