/// What a host knows of its networks, as one value: interfaces with their addresses, and routes.
///
/// The runtime makes it from netlink, the simulator from its links. Stack and devices take the whole value whenever
/// something changed and work out the difference themselves; nobody edits it in place.
#pragma once
#include "base/address.hh"
#include "base/units.hh"

#include <string>
#include <vector>

namespace anabranch {

/// What an address is for, as Linux says it of its endpoints: path managers keep to it. The initial subflow of a
/// connection is not asked.
struct AddressUse {
  bool subflows = true;         ///< we may open subflows from it
  bool announced = true;        ///< the peer may be told of it by ADD_ADDR
  bool backup = false;          ///< subflows from it carry data only when no other can (RFC 8684 §3.2, flag B)
  bool metered = false;         ///< every byte costs: how far it is used is the connection's choice (mptcp::Metered)
  std::uint8_t preference = 0;  ///< lower is used first, as with metrics of routes
  std::uint16_t weight = 1;     ///< share of the data, where shares are given by weight; 0 counts as 1
  Rate cap;                     ///< at most so much in either direction; 0: no limit (docs/paths.md)
  constexpr auto operator<=>(const AddressUse&) const = default;
};

struct InterfaceAddress {
  Address address;
  unsigned prefix = 32;  ///< bits of the on-link network
  AddressUse use;
  bool operator==(const InterfaceAddress&) const = default;
};

struct Interface {
  InterfaceId id;
  std::string name;
  bool up = true;                   ///< administratively up and with carrier
  std::uint32_t mtu = 1500;         ///< largest IP packet
  std::uint32_t super_segment = 0;  ///< what its device takes in one frame (device::Traits); 0: single packets
  bool checksum_offload = false;
  std::vector<InterfaceAddress> addresses;  ///< usable ones: not tentative, not deprecated
  bool operator==(const Interface&) const = default;
};

struct Route {
  InterfaceId interface;
  Address destination;             ///< network address
  unsigned prefix = 0;             ///< 0: default route
  std::optional<Address> gateway;  ///< none: on-link
  std::uint32_t metric = 0;        ///< lower is better
  bool operator==(const Route&) const = default;
};

struct Network {
  std::vector<Interface> interfaces;
  std::vector<Route> routes;
  bool operator==(const Network&) const = default;
};

/// The best route to `to` over `interface`: longest prefix, then lowest metric; the interface's own prefixes count as
/// on-link routes. None when the interface is down or has no way there.
std::optional<Route> route_over(const Network&, InterfaceId interface, const Address& to);
/// Interfaces that are up, have an address of the family and route to `to`, best first (prefix, metric, then id).
std::vector<InterfaceId> interfaces_towards(const Network&, const Address& to);
/// The address to speak from on `interface` to reach `to`: same prefix first, then the first of the family that is
/// not link-local (unless `to` is).
std::optional<Address> source_address(const Network&, InterfaceId interface, const Address& to);
/// Whether `to` is the address of everybody on a network of ours (RFC 1122 §3.3.6), so that no single host answers there.
bool is_broadcast(const Network&, const Address& to);
const Interface* find_interface(const Network&, InterfaceId);
bool has_address(const Interface&, const Address&);
/// The interface that has this address, up or not; none.
const Interface* owner_of(const Network&, const Address&);
}  // namespace anabranch
