/// A link between two hosts: a pipe each way, an interface at each end, and everything that can go wrong with both.
///
/// Link number n has the networks 10.n.0.0/24 and fd00:n::/64; its ends are .1 and .2 (::1, ::2) in the order of its
/// hosts. Silent faults (cut) are not seen by the hosts; taking an interface down is. Owned by the world.
#pragma once
#include "sim/host.hh"
#include "sim/middlebox.hh"

#include <array>
#include <functional>

namespace anabranch::sim {

struct LinkOptions {
  bool v4 = true, v6 = false;       ///< addresses at both ends; at least one
  std::uint32_t mtu = 1500;         ///< of both interfaces
  std::uint32_t wire_mtu = 0;       ///< what the pipes let through; 0: `mtu`
  std::uint32_t super_segment = 0;  ///< largest super-segment the interfaces take; 0: single packets
  bool checksum_offload = false;    ///< frames may leave with pending checksums
  bool default_route = false;       ///< at the first host, over the second: reaches all its addresses from here
};

class Link {
 public:
  /// `clock` is the world's; hosts, pool and clock outlive the link.
  Link(unsigned number, Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back,
       const LinkOptions& options, Generator generator, SlabPool& pool, const Instant& clock);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

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
  /// Puts a box in front of both pipes: packets meet it before they queue, and before any fault. None: takes it away.
  void set_middlebox(std::unique_ptr<Middlebox> middlebox) { middlebox_ = std::move(middlebox); }
  /// The same with a function: sees each packet, may change it; false: it vanishes.
  void set_sieve(std::function<bool(const Host& from, Frame& packet)> sieve);
  /// Shows each frame to `tap` as its host sends it, before the box.
  void set_tap(std::function<void(const Host& from, const Frame& frame)> tap) { tap_ = std::move(tap); }
  /// Lets the box do what its time has come for.
  void on_time();
  /// What `from` sends over this link.
  void offer(const Host& from, Frame frame);

  unsigned number() const { return number_; }
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
  Instant next() const;     ///< of both pipes and the box

 private:
  struct End {
    Host* host = nullptr;
    InterfaceId interface;
    std::unique_ptr<Pipe> out;
  };
  std::size_t side_of(const Host& host) const;
  std::uint32_t wire_mtu() const { return options_.wire_mtu != 0 ? options_.wire_mtu : options_.mtu; }
  void carry_on();
  Address address(std::size_t side, Family family) const;
  void attach(std::size_t side);

  unsigned number_;
  LinkOptions options_;
  const Instant* clock_;
  std::array<End, 2> ends_;
  std::function<void(const Host&, const Frame&)> tap_;
  std::unique_ptr<Middlebox> middlebox_;
  HeaderArena arena_;           ///< for packets cut in front of the box
  std::vector<Frame> packets_;  ///< on their way into the box
  std::vector<Sent> sent_;      ///< on their way out of it
};
}  // namespace anabranch::sim
