/// A port: an interface of a host in the routed network, and the paths that lead away from it.
///
/// Which path a frame takes is decided by its destination: the port that has that address. Where nobody has it, a port
/// with a single path uses that one (translators change addresses). Flows are remembered, so that a path is looked for
/// once. Addresses and state may change while the world runs. Owned by the fabric.
#pragma once
#include "sim/host.hh"
#include "sim/path.hh"

#include <array>
#include <unordered_map>

namespace anabranch::sim {

class Fabric;

/// What the host is told that it can reach over the interface.
enum class Reach : std::uint8_t {
  joined,      ///< the addresses of ports to which there is a path
  everywhere,  ///< everybody: one route
};

struct PortOptions {
  /// None: one of each family wanted, from a counter: 172.16.0.0/12 and fd01::/64.
  std::vector<InterfaceAddress> addresses;
  bool v4 = true, v6 = false;
  AddressUse use;  ///< of addresses from the counter
  std::uint32_t mtu = 1500;
  std::uint32_t super_segment = 0;  ///< largest super-segment the interface takes; 0: single packets
  bool checksum_offload = false;    ///< frames leave with pending checksums
  Reach reach = Reach::joined;
};

class Port final : public Outlet {
 public:
  Port(unsigned number, std::string_view name, Host& host, const PortOptions& options, Fabric& fabric,
       const Instant& clock);
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  Host& host() const { return host_; }
  InterfaceId interface() const { return interface_; }
  const std::string& name() const { return name_; }
  std::optional<Address> address(Family family = Family::v4) const;
  const std::vector<InterfaceAddress>& addresses() const;
  bool has(const Address& address) const;

  void set_up(bool up) { host_.set_up(interface_, up, *clock_); }
  void add_address(const InterfaceAddress& address);
  void remove_address(const Address& address);
  void set_use(const Address& address, const AddressUse& use);

  void offer(const Host& from, Frame frame) override;
  unsigned number() const override { return number_; }
  std::string_view towards(const Host& from) const override;
  void forget_flows() { known_ = {}; }                    ///< paths are looked for again
  std::uint64_t lost_ways() const { return lost_ways_; }  ///< frames for which there was no path

 private:
  friend class Fabric;
  struct Known {
    FlowKey key;
    Path* path = nullptr;
    const Route* route = nullptr;  ///< none: the path wants to see each frame
  };
  static constexpr std::size_t kKnown = 256;  ///< flows remembered; more share places and are looked up again

  void edit(const std::function<void(Interface&)>& change);
  void joined(Path& path, const Port& other);
  Path* path_towards(const Address& to);

  unsigned number_;
  std::string name_;
  Host& host_;
  Fabric& fabric_;
  const Instant* clock_;
  InterfaceId interface_;
  Reach reach_;
  std::vector<Path*> paths_;
  std::array<Known, kKnown> known_;
  std::uint64_t lost_ways_ = 0;
};
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Reach> {
  static constexpr std::string_view list[] = {"joined", "everywhere"};
};
