#include "sim/duplex.hh"

#include <fmt/format.h>

namespace anabranch::sim {

Link::Link(unsigned number, Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back,
           const LinkOptions& options, Generator generator, const Surroundings& world)
    : Passage{world.pool, world.agenda, world.clock},
      number_{number},
      options_{options} {
  ANABRANCH_CHECK(number_ > 0 && number_ < 256 && (options.v4 || options.v6));
  for (std::size_t side = 0; side < 2; ++side) {
    LinkSpec spec = side == 0 ? forth : back;
    spec.mtu = wire_mtu();
    End& end = ends_[side];
    end.host = side == 0 ? &first : &second;
    end.interface = InterfaceId{number * 10 + static_cast<std::uint32_t>(side) + 1};  // a mixed-up end is noticed
    end.out = std::make_unique<Pipe>(fmt::format("link{}.{}", number, name(side == 0 ? Way::forth : Way::back)), spec,
                                     generator.fork(), world.pool, world.packets, world.agenda);
  }
  for (std::size_t side = 0; side < 2; ++side) {
    const End &from = ends_[side], &to = ends_[1 - side];
    ends_[side].route = {{from.out.get()}, to.host, to.interface, from.host, number};
  }
  attach(0);
  attach(1);
}

Address Link::address(std::size_t side, Family family) const {
  const auto last = static_cast<std::uint8_t>(side + 1), mine = static_cast<std::uint8_t>(number_);
  if (family == Family::v4) { return Address::v4(10, mine, 0, last); }
  Address a{Family::v6, {}};
  a.raw[0] = 0xfd;
  a.raw[3] = mine;
  a.raw[15] = last;
  return a;
}

void Link::attach(std::size_t side) {
  Interface interface;
  interface.id = ends_[side].interface;
  interface.name = fmt::format("link{}", number_);
  interface.mtu = options_.mtu;
  interface.super_segment = options_.super_segment;
  interface.checksum_offload = options_.checksum_offload;
  std::vector<anabranch::Route> routes;
  for (const Family family : {Family::v4, Family::v6}) {
    if (family == Family::v4 ? !options_.v4 : !options_.v6) { continue; }
    interface.addresses.push_back({address(side, family), family == Family::v4 ? 24u : 64u});
    if (options_.default_route && side == 0) {
      routes.push_back({interface.id, Address{family, {}}, 0, address(1, family), 100 + number_});
    }
  }
  ends_[side].host->attach(std::move(interface), routes, *this, clock());
}

std::size_t Link::side_of(const Host& host) const {
  ANABRANCH_CHECK(joins(host));
  return ends_[0].host == &host ? 0 : 1;
}

std::optional<Address> Link::address_of(const Host& host, Family family) const {
  if (family == Family::v4 ? !options_.v4 : !options_.v6) { return std::nullopt; }
  return address(side_of(host), family);
}

void Link::cut(bool lose_in_flight) {
  for (End& end : ends_) { end.out->cut(clock(), lose_in_flight); }
}

void Link::cut_from(const Host& host, bool lose_in_flight) { pipe_from(host).cut(clock(), lose_in_flight); }

void Link::heal() {
  for (End& end : ends_) { end.out->heal(clock()); }
}

void Link::take_down_at(Host& host) {
  cut(true);
  host.set_up(interface_of(host), false, clock());
}

void Link::take_down() {
  for (End& end : ends_) { take_down_at(*end.host); }
}

void Link::bring_up() {
  heal();
  for (End& end : ends_) { end.host->set_up(end.interface, true, clock()); }
}

void Link::set(const LinkSpec& both) {
  for (End& end : ends_) { set_from(*end.host, both); }
}

void Link::set_from(const Host& host, const LinkSpec& given) {
  LinkSpec spec = given;
  spec.mtu = wire_mtu();
  pipe_from(host).set(spec, clock());
}

void Link::offer(const Host& from, Frame frame) {
  pass(side_of(from) == 0 ? Way::forth : Way::back, from, std::move(frame));
}

void Link::carry(Way way, Frame frame) {
  End& end = ends_[way == Way::forth ? 0 : 1];
  end.out->offer(std::move(frame), clock(), &end.route);
}

Bytes Link::delivered() const {
  return {ends_[0].out->stats().delivered_bytes + ends_[1].out->stats().delivered_bytes};
}
}  // namespace anabranch::sim
