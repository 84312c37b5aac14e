#include "runtime/network_monitor.hh"

#include <algorithm>
#include <cerrno>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <optional>

namespace anabranch::runtime {
namespace {
constexpr std::uint32_t kLowerUp = 1 << 16;  // IFF_LOWER_UP; <linux/if.h> does not go with <net/if.h>
constexpr std::uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

/// The attributes of a message by number; the first of each.
class Attributes {
 public:
  Attributes(const nlmsghdr& message, std::size_t header)
      : Attributes{static_cast<const char*>(::mnl_nlmsg_get_payload(&message)) + MNL_ALIGN(header),
                   ::mnl_nlmsg_get_payload_len(&message) -
                       std::min(::mnl_nlmsg_get_payload_len(&message), std::size_t{MNL_ALIGN(header)})} {}
  Attributes(const char* at, std::size_t size) {
    const auto* a = reinterpret_cast<const nlattr*>(at);
    for (const char* end = at + size; ::mnl_attr_ok(a, static_cast<int>(end - reinterpret_cast<const char*>(a)));
         a = ::mnl_attr_next(a)) {
      add(a);
    }
  }
  const nlattr* find(std::uint16_t type) const { return type < kMost ? at_[type] : nullptr; }
  std::uint32_t number(std::uint16_t type, std::uint32_t otherwise) const {
    const nlattr* a = find(type);
    return a != nullptr && ::mnl_attr_get_payload_len(a) >= 4 ? ::mnl_attr_get_u32(a) : otherwise;
  }
  std::optional<Address> address(std::uint16_t type, Family family) const {
    const nlattr* a = find(type);
    const std::size_t size = family == Family::v4 ? 4 : 16;
    if (a == nullptr || ::mnl_attr_get_payload_len(a) != size) { return std::nullopt; }
    return Address::of(family, {static_cast<const std::uint8_t*>(::mnl_attr_get_payload(a)), size});
  }
  std::optional<device::Mac> mac(std::uint16_t type) const {
    const nlattr* a = find(type);
    device::Mac mac{};
    if (a == nullptr || ::mnl_attr_get_payload_len(a) != mac.size()) { return std::nullopt; }
    std::copy_n(static_cast<const std::uint8_t*>(::mnl_attr_get_payload(a)), mac.size(), mac.begin());
    return mac;
  }

 private:
  static constexpr std::uint16_t kMost = 96;
  void add(const nlattr* a) {
    const std::uint16_t type = ::mnl_attr_get_type(a);
    if (type < kMost && at_[type] == nullptr) { at_[type] = a; }
  }
  std::array<const nlattr*, kMost> at_{};
};

std::optional<Family> family_of(unsigned char family) {
  if (family == AF_INET) { return Family::v4; }
  if (family == AF_INET6) { return Family::v6; }
  return std::nullopt;
}
template <class Header>
const Header& header_of(const nlmsghdr& message) {
  return *static_cast<const Header*>(::mnl_nlmsg_get_payload(&message));
}

Link read_link(const nlmsghdr& message) {
  const auto& header = header_of<ifinfomsg>(message);
  const Attributes attributes{message, sizeof header};
  Link link;
  link.id = {static_cast<std::uint32_t>(header.ifi_index)};
  if (const nlattr* name = attributes.find(IFLA_IFNAME)) { link.name = ::mnl_attr_get_str(name); }
  link.up = (header.ifi_flags & IFF_UP) != 0 && (header.ifi_flags & kLowerUp) != 0;
  link.loopback = (header.ifi_flags & IFF_LOOPBACK) != 0;
  link.mtu = attributes.number(IFLA_MTU, link.mtu);
  link.gso_max = attributes.number(IFLA_GSO_MAX_SIZE, link.gso_max);
  link.type = header.ifi_type;
  link.mac = attributes.mac(IFLA_ADDRESS).value_or(device::Mac{});
  return link;
}

/// None for addresses one should not speak from.
std::optional<std::pair<InterfaceId, InterfaceAddress>> read_address(const nlmsghdr& message) {
  const auto& header = header_of<ifaddrmsg>(message);
  const Attributes attributes{message, sizeof header};
  const auto family = family_of(header.ifa_family);
  const std::uint32_t flags = attributes.number(IFA_FLAGS, header.ifa_flags);
  if (!family || (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)) != 0) { return std::nullopt; }
  auto address = attributes.address(IFA_LOCAL, *family);  // on point-to-point links IFA_ADDRESS is the peer's
  if (!address) { address = attributes.address(IFA_ADDRESS, *family); }
  if (!address) { return std::nullopt; }
  return std::pair{InterfaceId{header.ifa_index}, InterfaceAddress{*address, header.ifa_prefixlen}};
}

std::optional<Address> read_gateway(const Attributes& attributes, Family family) {
  if (const auto gateway = attributes.address(RTA_GATEWAY, family)) { return gateway; }
  const nlattr* via = attributes.find(RTA_VIA);  // an IPv4 route over an IPv6 next hop (RFC 5549)
  if (via == nullptr || ::mnl_attr_get_payload_len(via) != sizeof(rtvia) + 16) { return std::nullopt; }
  const auto* v = static_cast<const rtvia*>(::mnl_attr_get_payload(via));
  return v->rtvia_family == AF_INET6 ? std::optional{Address::of(Family::v6, {v->rtvia_addr, 16})} : std::nullopt;
}

void read_route(const nlmsghdr& message, std::vector<Route>& out) {
  const auto& header = header_of<rtmsg>(message);
  const Attributes attributes{message, sizeof header};
  const auto family = family_of(header.rtm_family);
  const std::uint32_t table = attributes.number(RTA_TABLE, header.rtm_table);
  constexpr unsigned kUseless = RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN;
  if (!family || header.rtm_type != RTN_UNICAST || table == RT_TABLE_LOCAL || (header.rtm_flags & kUseless) != 0) {
    return;
  }
  Route route;
  route.destination = attributes.address(RTA_DST, *family).value_or(Address{*family, {}});
  route.prefix = header.rtm_dst_len;
  route.metric = attributes.number(RTA_PRIORITY, 0);
  if (attributes.find(RTA_OIF) != nullptr) {
    route.interface = {attributes.number(RTA_OIF, 0)};
    route.gateway = read_gateway(attributes, *family);
    out.push_back(route);
    return;
  }
  const nlattr* hops = attributes.find(RTA_MULTIPATH);
  if (hops == nullptr) { return; }
  const auto* at = static_cast<const char*>(::mnl_attr_get_payload(hops));
  std::size_t left = ::mnl_attr_get_payload_len(hops);
  while (left >= sizeof(rtnexthop)) {
    const auto* hop = reinterpret_cast<const rtnexthop*>(at);
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > left) { break; }
    const Attributes inner{at + sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop)};
    if ((hop->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) == 0) {
      route.interface = {static_cast<std::uint32_t>(hop->rtnh_ifindex)};
      route.gateway = read_gateway(inner, *family);
      out.push_back(route);
    }
    const auto step = std::min(left, static_cast<std::size_t>(RTNH_ALIGN(hop->rtnh_len)));
    at += step;
    left -= step;
  }
}
}  // namespace

std::expected<std::unique_ptr<NetworkMonitor>, device::SystemError> NetworkMonitor::open() {
  auto notifications = NetlinkSocket::open(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
                                           RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE);
  if (!notifications) { return std::unexpected(notifications.error()); }
  auto questions = NetlinkSocket::open(0);
  if (!questions) { return std::unexpected(questions.error()); }
  std::unique_ptr<NetworkMonitor> monitor{new NetworkMonitor{std::move(*notifications), std::move(*questions)}};
  if (auto status = monitor->ask_network(); !status) { return std::unexpected(status.error()); }
  if (auto status = monitor->ask_neighbours(); !status) { return std::unexpected(status.error()); }
  return monitor;
}

NetworkMonitor::NetworkMonitor(NetlinkSocket notifications, NetlinkSocket questions)
    : notifications_{std::move(notifications)},
      questions_{std::move(questions)} {}

std::expected<void, device::SystemError> NetworkMonitor::ask_network() {
  constexpr int kTries = 5;  // EINTR: something changed while the kernel was telling
  auto status = ask_network_once();
  for (int i = 1; i < kTries && !status && status.error().number == EINTR; ++i) { status = ask_network_once(); }
  return status;
}

std::expected<void, device::SystemError> NetworkMonitor::ask_network_once() {
  std::vector<Link> links;
  auto status = questions_.dump(RTM_GETLINK, AF_UNSPEC, [&](const nlmsghdr& m) {
    if (m.nlmsg_type == RTM_NEWLINK) { links.push_back(read_link(m)); }
  });
  if (!status) { return status; }
  std::ranges::sort(links, {}, &Link::id);
  Network network;
  for (const Link& link : links) {
    if (link.loopback) { continue; }
    network.interfaces.push_back({.id = link.id,
                                  .name = link.name,
                                  .up = link.up,
                                  .mtu = link.mtu,
                                  .super_segment = 0,
                                  .checksum_offload = false,
                                  .addresses = {}});
  }
  status = questions_.dump(RTM_GETADDR, AF_UNSPEC, [&](const nlmsghdr& m) {
    const auto found = m.nlmsg_type == RTM_NEWADDR ? read_address(m) : std::nullopt;
    if (!found) { return; }
    const auto it = std::ranges::find(network.interfaces, found->first, &Interface::id);
    if (it != network.interfaces.end()) { it->addresses.push_back(found->second); }
  });
  if (!status) { return status; }
  for (const unsigned char family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    status = questions_.dump(RTM_GETROUTE, family, [&](const nlmsghdr& m) {
      if (m.nlmsg_type == RTM_NEWROUTE) { read_route(m, network.routes); }
    });
    if (!status) { return status; }
  }
  std::erase_if(network.routes, [&](const Route& r) { return find_interface(network, r.interface) == nullptr; });
  links_ = std::move(links);
  network_ = std::move(network);
  return {};
}

std::expected<void, device::SystemError> NetworkMonitor::ask_neighbours() {
  for (auto& [key, neighbour] : neighbours_) { neighbour.state = NUD_NONE; }
  return questions_.dump(RTM_GETNEIGH, AF_UNSPEC, [&](const nlmsghdr& m) { take_neighbour(m); });
}

bool NetworkMonitor::take_neighbour(const nlmsghdr& message) {
  const auto& header = header_of<ndmsg>(message);
  const auto family = family_of(header.ndm_family);
  const Attributes attributes{message, sizeof header};
  const auto address = family ? attributes.address(NDA_DST, *family) : std::nullopt;
  if (!address || (header.ndm_flags & NTF_PROXY) != 0) { return false; }
  const Key key{InterfaceId{static_cast<std::uint32_t>(header.ndm_ifindex)}, *address};
  if (message.nlmsg_type == RTM_DELNEIGH) {
    const auto it = neighbours_.find(key);
    if (it == neighbours_.end()) { return false; }
    // Its use is remembered: whoever still sends there will have it resolved anew.
    it->second.state = NUD_NONE;
    it->second.has_mac = false;
    if (it->second.unused_for >= kForgotten) { neighbours_.erase(it); }
    return true;
  }
  Neighbour& neighbour = neighbours_.try_emplace(key, Neighbour{.unused_for = kForgotten}).first->second;
  const Neighbour before = neighbour;
  neighbour.state = header.ndm_state;
  const auto mac = attributes.mac(NDA_LLADDR);
  neighbour.has_mac = mac.has_value();
  neighbour.mac = mac.value_or(device::Mac{});
  const bool was_usable = before.has_mac && (before.state & kUsable) != 0;
  const bool is_usable = neighbour.has_mac && (neighbour.state & kUsable) != 0;
  return was_usable != is_usable || before.mac != neighbour.mac || neighbour.state == NUD_FAILED;
}

NetworkMonitor::Changes NetworkMonitor::receive() {
  Changes changes;
  const bool complete = notifications_.receive([&](const nlmsghdr& m) {
    if (m.nlmsg_type == RTM_NEWNEIGH || m.nlmsg_type == RTM_DELNEIGH) {
      changes.neighbours |= take_neighbour(m);
    } else {
      changes.network = true;
    }
  });
  if (!complete) {
    changes = {.network = true, .neighbours = true};
    (void)ask_neighbours();  // should it fail, the next notification tries again
  }
  if (changes.network) {
    const Network before = network_;
    const std::vector<Link> links_before = links_;
    (void)ask_network();
    changes.network = before != network_ || links_before != links_;
  }
  return changes;
}

device::Neighbours::Answer NetworkMonitor::find(InterfaceId interface, const Address& next_hop) {
  const auto it = neighbours_.find({interface, next_hop});
  if (it == neighbours_.end()) { return {}; }
  Neighbour& n = it->second;
  n.unused_for = 0;
  if (n.has_mac && (n.state & kUsable) != 0) { return {State::known, n.mac}; }
  if ((n.state & NUD_FAILED) != 0) { return {State::failed, {}}; }
  return {(n.state & NUD_INCOMPLETE) != 0 ? State::resolving : State::unknown, {}};
}

void NetworkMonitor::resolve(InterfaceId interface, const Address& next_hop) {
  char space[256] = {};
  nlmsghdr* message = ::mnl_nlmsg_put_header(space);
  message->nlmsg_type = RTM_NEWNEIGH;
  message->nlmsg_flags = NLM_F_CREATE;
  auto* header = static_cast<ndmsg*>(::mnl_nlmsg_put_extra_header(message, sizeof(ndmsg)));
  header->ndm_family = next_hop.family == Family::v4 ? AF_INET : AF_INET6;
  header->ndm_ifindex = static_cast<int>(interface.raw);
  header->ndm_flags = NTF_USE;
  ::mnl_attr_put(message, NDA_DST, next_hop.size(), next_hop.raw.data());
  neighbours_.try_emplace({interface, next_hop}).first->second.unused_for = 0;
  (void)questions_.request(*message);  // a refusal (interface gone) leaves the neighbour unresolved: frames time out
}

void NetworkMonitor::tick() {
  constexpr unsigned kRefresh = 5;  // the kernel waits as long (delay_first_probe_time) before it probes a stale entry
  const bool refresh = ++ticks_ % kRefresh == 0;
  std::vector<Key> in_use;
  for (auto it = neighbours_.begin(); it != neighbours_.end();) {
    Neighbour& n = it->second;
    if (n.unused_for < kForgotten) { ++n.unused_for; }
    if (refresh && n.unused_for <= kRefresh && (n.state & (NUD_PERMANENT | NUD_NOARP)) == 0) {
      in_use.push_back(it->first);
    }
    it = n.state == NUD_NONE && n.unused_for >= kForgotten ? neighbours_.erase(it) : std::next(it);
  }
  for (const Key& key : in_use) {
    const unsigned unused_for = neighbours_[key].unused_for;
    resolve(key.first, key.second);
    neighbours_[key].unused_for = unused_for;
  }
}
}  // namespace anabranch::runtime
