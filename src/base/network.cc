#include "base/network.hh"

#include <algorithm>
#include <tuple>

namespace anabranch {
namespace {
/// Orders routes: longest prefix first, then lowest metric, then lowest interface number.
auto rank(const Route& r) { return std::tuple{256 - r.prefix, r.metric, r.interface.raw}; }

bool leads_to(const Route& r, const Address& to) {
  return r.destination.family == to.family && same_prefix(r.destination, to, r.prefix);
}
}  // namespace

const Interface* find_interface(const Network& network, InterfaceId id) {
  const auto it = std::ranges::find(network.interfaces, id, &Interface::id);
  return it == network.interfaces.end() ? nullptr : &*it;
}

bool has_address(const Interface& interface, const Address& address) {
  return std::ranges::find(interface.addresses, address, &InterfaceAddress::address) != interface.addresses.end();
}

const Interface* owner_of(const Network& network, const Address& address) {
  const auto has = [&](const Interface& i) { return has_address(i, address); };
  const auto it = std::ranges::find_if(network.interfaces, has);
  return it == network.interfaces.end() ? nullptr : &*it;
}

std::optional<Route> route_over(const Network& network, InterfaceId id, const Address& to) {
  const Interface* interface = find_interface(network, id);
  if (!interface || !interface->up) { return std::nullopt; }
  std::optional<Route> best;
  const auto consider = [&](const Route& r) {
    if (leads_to(r, to) && (!best || rank(r) < rank(*best))) { best = r; }
  };
  for (const InterfaceAddress& a : interface->addresses) {
    consider({.interface = id, .destination = a.address, .prefix = a.prefix, .gateway = {}, .metric = 0});
  }
  for (const Route& r : network.routes) {
    if (r.interface == id) { consider(r); }
  }
  return best;
}

std::vector<InterfaceId> interfaces_towards(const Network& network, const Address& to) {
  std::vector<Route> ways;
  for (const Interface& interface : network.interfaces) {
    const auto route = route_over(network, interface.id, to);
    if (route && source_address(network, interface.id, to)) { ways.push_back(*route); }
  }
  std::ranges::sort(ways, {}, rank);
  std::vector<InterfaceId> out;
  for (const Route& r : ways) { out.push_back(r.interface); }
  return out;
}

std::optional<Address> source_address(const Network& network, InterfaceId id, const Address& to) {
  const Interface* interface = find_interface(network, id);
  if (!interface) { return std::nullopt; }
  const InterfaceAddress* best = nullptr;
  const auto rank_of = [&](const InterfaceAddress& a) {
    const bool near = same_prefix(a.address, to, a.prefix);
    const bool scope_fits = a.address.is_link_local() == to.is_link_local();
    return std::tuple{!near, !scope_fits};
  };
  for (const InterfaceAddress& a : interface->addresses) {
    if (a.address.family != to.family) { continue; }
    if (a.address.is_link_local() && !to.is_link_local()) { continue; }
    if (!best || rank_of(a) < rank_of(*best)) { best = &a; }
  }
  return best ? std::optional{best->address} : std::nullopt;
}

bool is_broadcast(const Network& network, const Address& to) {
  if (to.family != Family::v4) { return false; }
  const auto is_of = [&to](const InterfaceAddress& a) {
    if (a.prefix >= 31 || !same_prefix(a.address, to, a.prefix)) { return false; }  // RFC 3021: two hosts, nobody else
    for (unsigned bit = a.prefix; bit < 32; ++bit) {
      if ((to.raw[bit / 8] >> (7 - bit % 8) & 1) == 0) { return false; }
    }
    return true;
  };
  return std::ranges::any_of(network.interfaces,
                             [&](const Interface& i) { return std::ranges::any_of(i.addresses, is_of); });
}
}  // namespace anabranch
