// Interfaces and addresses: what the owner says becomes the one Network value that a stack is told.
#include "embed/socket_address.hh"
#include "embed/stack.hh"

#include <algorithm>
#include <cerrno>

using namespace anabranch;
using namespace anabranch::embed;

anb_stack::Port* anb_stack::port(std::uint32_t interface) {
  const auto it = std::ranges::find(ports, InterfaceId{interface}, [](const Port& p) { return p.interface.id; });
  return it == ports.end() ? nullptr : &*it;
}

const anb_stack::Port* anb_stack::owner_of(const Address& address) const {
  const auto it = std::ranges::find_if(ports, [&](const Port& p) { return has_address(p.interface, address); });
  return it == ports.end() ? nullptr : &*it;
}
anb_stack::Port* anb_stack::owner_of(const Address& address) {
  return const_cast<Port*>(static_cast<const anb_stack&>(*this).owner_of(address));
}

namespace {
constexpr unsigned kAllFlags =
    ANB_ADDRESS_BACKUP | ANB_ADDRESS_NO_SUBFLOWS | ANB_ADDRESS_NO_ANNOUNCE | ANB_ADDRESS_METERED;

AddressUse use_of(unsigned flags) {
  return {.subflows = (flags & ANB_ADDRESS_NO_SUBFLOWS) == 0,
          .announced = (flags & ANB_ADDRESS_NO_ANNOUNCE) == 0,
          .backup = (flags & ANB_ADDRESS_BACKUP) != 0,
          .metered = (flags & ANB_ADDRESS_METERED) != 0};
}
}  // namespace

void anb_stack::tell_network(anb_time now) {
  Network network;
  for (const Port& p : ports) {
    network.interfaces.push_back(p.interface);
    for (const Family family : {Family::v4, Family::v6}) {
      const bool has = std::ranges::any_of(p.interface.addresses,
                                           [&](const InterfaceAddress& a) { return a.address.family == family; });
      if (has) { network.routes.push_back({p.interface.id, {family, {}}, 0, std::nullopt, p.metric}); }
    }
  }
  stack.update(network, at(now));
  take_events(now);
}

extern "C" {

int anb_interface_add(anb_stack* s, uint32_t interface, uint32_t mtu, uint32_t metric, anb_time now) {
  if (interface == 0 || mtu < 576 || mtu > 65535) { return -EINVAL; }  // 576: RFC 791's least that every host takes
  if (s->port(interface) != nullptr) { return -EEXIST; }
  Interface value{.id = {interface}, .name = "if" + std::to_string(interface), .mtu = mtu, .addresses = {}};
  s->ports.push_back({std::move(value), metric});
  s->tell_network(now);
  return 0;
}

int anb_interface_set_up(anb_stack* s, uint32_t interface, int up, anb_time now) {
  anb_stack::Port* p = s->port(interface);
  if (p == nullptr) { return -ENODEV; }
  p->interface.up = up != 0;
  s->tell_network(now);
  return 0;
}

int anb_interface_remove(anb_stack* s, uint32_t interface, anb_time now) {
  if (s->port(interface) == nullptr) { return -ENODEV; }
  std::erase_if(s->ports, [&](const anb_stack::Port& p) { return p.interface.id.raw == interface; });
  s->tell_network(now);
  return 0;
}

int anb_address_add(anb_stack* s, uint32_t interface, const sockaddr* address, socklen_t length, unsigned prefix,
                    unsigned flags, anb_time now) {
  anb_stack::Port* p = s->port(interface);
  if (p == nullptr) { return -ENODEV; }
  const auto a = read_address(address, length);
  if (!a) { return -EAFNOSUPPORT; }
  if ((flags & ~kAllFlags) != 0) { return -EINVAL; }
  if (prefix > a->address.size() * 8 || a->address.is_unspecified() || a->address.is_multicast()) { return -EINVAL; }
  if (s->owner_of(a->address) != nullptr) { return -EEXIST; }
  p->interface.addresses.push_back({a->address, prefix, use_of(flags)});
  s->tell_network(now);
  return 0;
}

int anb_address_set_use(anb_stack* s, const sockaddr* address, socklen_t length, const anb_address_use* use,
                        anb_time now) {
  const auto a = read_address(address, length);
  if (!a) { return -EAFNOSUPPORT; }
  if (use == nullptr || use->size != sizeof *use || (use->flags & ~kAllFlags) != 0) { return -EINVAL; }
  if (use->weight == 0 || use->weight > 65535 || use->preference > 255) { return -EINVAL; }
  anb_stack::Port* p = s->owner_of(a->address);
  if (p == nullptr) { return -EADDRNOTAVAIL; }
  AddressUse& is = std::ranges::find(p->interface.addresses, a->address, &InterfaceAddress::address)->use;
  is = use_of(use->flags);
  is.weight = static_cast<std::uint16_t>(use->weight);
  is.preference = static_cast<std::uint8_t>(use->preference);
  is.cap = Rate{use->cap};
  s->tell_network(now);
  return 0;
}

int anb_address_remove(anb_stack* s, const sockaddr* address, socklen_t length, anb_time now) {
  const auto a = read_address(address, length);
  if (!a) { return -EAFNOSUPPORT; }
  std::size_t gone = 0;
  for (anb_stack::Port& p : s->ports) {
    gone += std::erase_if(p.interface.addresses, [&](const InterfaceAddress& x) { return x.address == a->address; });
  }
  if (gone == 0) { return -EADDRNOTAVAIL; }
  s->tell_network(now);
  return 0;
}
}  // extern "C"
