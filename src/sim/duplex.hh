/// A link between two hosts: a pipe each way, an interface at each end, and everything that can go wrong with both.
///
/// Link number n has the networks 10.n.0.0/24 and fd00:n::/64; its ends are .1 and .2 (::1, ::2) in the order of its
/// hosts. Silent faults (cut) are not seen by the hosts; taking an interface down is. The special case of a path
/// (sim/path.hh) with one private pipe each way. Owned by the world.
#pragma once
#include "sim/host.hh"
#include "sim/link.hh"
#include "sim/passage.hh"

#include <array>

namespace anabranch::sim {

struct LinkOptions {
  bool v4 = true, v6 = false;       ///< addresses at both ends; at least one
  std::uint32_t mtu = 1500;         ///< of both interfaces
  std::uint32_t wire_mtu = 0;       ///< what the pipes let through; 0: `mtu`
  std::uint32_t super_segment = 0;  ///< largest super-segment the interfaces take; 0: single packets
  bool checksum_offload = false;    ///< frames may leave with pending checksums
  bool default_route = false;       ///< at the first host, over the second: reaches all its addresses from here
};

class Link final : public Passage, public Outlet {
 public:
  /// `clock` is the world's; all that is passed by reference outlives the link.
  struct Surroundings {
    SlabPool& pool;
    ParcelPool& packets;
    Agenda& agenda;
    const Instant& clock;
  };
  Link(unsigned number, Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back,
       const LinkOptions& options, Generator generator, const Surroundings& world);

  /// Nothing passes any more, silently; what is under way is lost if asked.
  void cut(bool lose_in_flight = false);
  void cut_from(const Host& host, bool lose_in_flight = false);  ///< only what this host sends
  void heal();
  /// The interface of `host` loses its carrier; nothing passes in either direction.
  void take_down_at(Host& host);
  void take_down();  ///< at both ends
  void bring_up();   ///< both interfaces up, both pipes healed
  void set(const LinkSpec& both);
  void set_from(const Host& host, const LinkSpec& spec);
  /// What `from` sends over this link.
  void offer(const Host& from, Frame frame) override;

  unsigned number() const override { return number_; }
  std::string_view towards(const Host& from) const override { return ends_[1 - side_of(from)].host->name(); }
  Host& end(std::size_t side) const { return *ends_[side].host; }
  Pipe& pipe(std::size_t from_side) { return *ends_[from_side].out; }
  Pipe& pipe_from(const Host& host) { return pipe(side_of(host)); }
  const Pipe& pipe_from(const Host& host) const { return *ends_[side_of(host)].out; }
  bool joins(const Host& host) const { return ends_[0].host == &host || ends_[1].host == &host; }
  InterfaceId interface_of(const Host& host) const { return ends_[side_of(host)].interface; }
  InterfaceId interface_at(std::size_t side) const { return ends_[side].interface; }
  /// An address of the host on this link; none if it has none of the family.
  std::optional<Address> address_of(const Host& host, Family family) const;
  const LinkOptions& options() const { return options_; }
  Bytes delivered() const;  ///< IP bytes, both directions
  bool delivers(Instant now) const { return ends_[0].out->next() <= now || ends_[1].out->next() <= now; }

 private:
  struct End {
    Host* host = nullptr;
    InterfaceId interface;
    std::unique_ptr<Pipe> out;
    Route route;  ///< out of here, into the other end
  };
  void carry(Way way, Frame frame) override;
  const Host& end_of(Way way) const override { return *ends_[way == Way::forth ? 0 : 1].host; }
  std::size_t side_of(const Host& host) const;
  std::uint32_t wire_mtu() const { return options_.wire_mtu != 0 ? options_.wire_mtu : options_.mtu; }
  Address address(std::size_t side, Family family) const;
  void attach(std::size_t side);

  unsigned number_;
  LinkOptions options_;
  std::array<End, 2> ends_;
};
}  // namespace anabranch::sim
