/// What the kernel knows of links, addresses, routes and neighbours, kept current from netlink notifications.
///
/// Network changes are rare: each makes everything be asked for anew, so that the picture is never patched together.
/// Neighbours are followed one by one; resolution is the kernel's (RTM_NEWNEIGH with NTF_USE), we never speak ARP. One
/// thread; `receive` when the descriptor is readable.
#pragma once
#include "base/network.hh"
#include "device/neighbours.hh"
#include "runtime/netlink.hh"
#include "runtime/options.hh"

#include <map>
#include <memory>

namespace anabranch::runtime {

struct Link {
  InterfaceId id;
  std::string name;
  bool up = false;  ///< administratively up, with carrier
  bool loopback = false;
  std::uint32_t mtu = 1500;
  std::uint32_t gso_max = 65536;  ///< IFLA_GSO_MAX_SIZE
  std::uint16_t type = 0;         ///< ARPHRD_*
  device::Mac mac{};
  bool operator==(const Link&) const = default;
};

class NetworkMonitor final : public device::Neighbours {
 public:
  static std::expected<std::unique_ptr<NetworkMonitor>, device::SystemError> open();

  int descriptor() const { return notifications_.descriptor(); }
  struct Changes {
    bool network = false, neighbours = false;
  };
  /// Takes in what was notified; never waits for notifications.
  Changes receive();

  const std::vector<Link>& links() const { return links_; }  ///< by index
  /// All interfaces but loopback, and their unicast routes from all tables but `local`.
  const Network& network() const { return network_; }

  Answer find(InterfaceId interface, const Address& next_hop) override;
  void resolve(InterfaceId interface, const Address& next_hop) override;
  /// To be called about once a second: tells the kernel which neighbours are in use, as sending through it would.
  void tick();

 private:
  struct Neighbour {
    std::uint16_t state = 0;  ///< NUD_*
    bool has_mac = false;
    device::Mac mac{};
    unsigned unused_for = 0;  ///< ticks; kForgotten: never used, or not for long
  };
  static constexpr unsigned kForgotten = 60;  // ticks without use after which we no longer keep it fresh
  using Key = std::pair<InterfaceId, Address>;

  NetworkMonitor(NetlinkSocket notifications, NetlinkSocket questions);
  std::expected<void, device::SystemError> ask_network();
  std::expected<void, device::SystemError> ask_network_once();
  std::expected<void, device::SystemError> ask_neighbours();
  bool take_neighbour(const nlmsghdr& message);

  NetlinkSocket notifications_, questions_;
  std::vector<Link> links_;
  Network network_;
  std::map<Key, Neighbour> neighbours_;
  unsigned ticks_ = 0;
};
}  // namespace anabranch::runtime
