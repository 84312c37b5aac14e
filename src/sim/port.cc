#include "sim/port.hh"

#include "sim/fabric.hh"

#include <algorithm>

namespace anabranch::sim {
namespace {
/// Above those of links, which are below 10 x 256.
constexpr std::uint32_t kFirstInterface = 10'000;
}  // namespace

Port::Port(unsigned number, std::string_view name, Host& host, const PortOptions& options, Fabric& fabric,
           const Instant& clock)
    : number_{number},
      name_{name},
      host_{host},
      fabric_{fabric},
      clock_{&clock},
      interface_{kFirstInterface + number},
      reach_{options.reach} {
  Interface interface{.id = interface_,
                      .name = name_,
                      .mtu = options.mtu,
                      .super_segment = options.super_segment,
                      .checksum_offload = options.checksum_offload,
                      .addresses = options.addresses};
  std::vector<anabranch::Route> routes;
  if (reach_ == Reach::everywhere) {
    for (const Family family : {Family::v4, Family::v6}) {
      const bool has = std::ranges::any_of(interface.addresses,
                                           [&](const InterfaceAddress& a) { return a.address.family == family; });
      if (has) { routes.push_back({interface_, Address{family, {}}, 0, std::nullopt, number_}); }
    }
  }
  host_.attach(std::move(interface), routes, *this, *clock_);
}

const std::vector<InterfaceAddress>& Port::addresses() const {
  return find_interface(host_.network(), interface_)->addresses;
}

std::optional<Address> Port::address(Family family) const {
  for (const InterfaceAddress& a : addresses()) {
    if (a.address.family == family) { return a.address; }
  }
  return std::nullopt;
}

bool Port::has(const Address& address) const {
  return std::ranges::find(addresses(), address, &InterfaceAddress::address) != addresses().end();
}

void Port::edit(const std::function<void(Interface&)>& change) {
  host_.change(*clock_,
               [&](Network& network) { change(*std::ranges::find(network.interfaces, interface_, &Interface::id)); });
}

void Port::add_address(const InterfaceAddress& address) {
  edit([&](Interface& interface) { interface.addresses.push_back(address); });
  fabric_.address_changed(address.address, this);
}

void Port::remove_address(const Address& address) {
  edit([&](Interface& interface) {
    std::erase_if(interface.addresses, [&](const InterfaceAddress& a) { return a.address == address; });
  });
  fabric_.address_changed(address, nullptr);
}

void Port::set_use(const Address& address, const AddressUse& use) {
  edit([&](Interface& interface) {
    for (InterfaceAddress& a : interface.addresses) {
      if (a.address == address) { a.use = use; }
    }
  });
}

/// There is a path to the other port now: the host is told a route to each of its addresses.
void Port::joined(Path& path, const Port& other) {
  paths_.push_back(&path);
  forget_flows();
  if (reach_ != Reach::joined) { return; }
  host_.change(*clock_, [&](Network& network) {
    for (const InterfaceAddress& a : other.addresses()) {
      network.routes.push_back({interface_, a.address, a.address.family == Family::v4 ? 32u : 128u, std::nullopt, 0});
    }
  });
}

Path* Port::path_towards(const Address& to) {
  if (Port* owner = fabric_.find_port(to)) {
    if (Path* path = fabric_.look_for(*this, *owner)) { return path; }
  }
  return paths_.size() == 1 ? paths_.front() : nullptr;
}

std::string_view Port::towards(const Host&) const {
  return paths_.size() == 1 ? std::string_view{paths_.front()->other_end(*this).host().name()} : name_;
}

void Port::offer(const Host&, Frame frame) {
  const auto key = flow_of(frame);
  if (!key) {
    ++lost_ways_;
    return;
  }
  Known& known = known_[flow_hash(*key, 0) % kKnown];
  if (known.path == nullptr || known.key != *key) {
    Path* path = path_towards(key->destination);
    if (path == nullptr) {
      ++lost_ways_;
      return;
    }
    known = {*key, path, path->watched() ? nullptr : path->route_of(*this, *key)};
  }
  if (known.route == nullptr) { return known.path->offer(*this, std::move(frame)); }
  known.route->pipes.front()->offer(std::move(frame), *clock_, known.route);
}
}  // namespace anabranch::sim
