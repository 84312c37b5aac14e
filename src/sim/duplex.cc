#include "sim/duplex.hh"

#include <fmt/format.h>

namespace anabranch::sim {

Link::Link(unsigned number, Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back,
           const LinkOptions& options, Generator generator, SlabPool& pool, const Instant& clock)
    : number_{number},
      options_{options},
      clock_{&clock},
      arena_{pool} {
  ANABRANCH_CHECK(number_ > 0 && number_ < 256 && (options.v4 || options.v6));
  for (std::size_t side = 0; side < 2; ++side) {
    LinkSpec spec = side == 0 ? forth : back;
    spec.mtu = wire_mtu();
    End& end = ends_[side];
    end.host = side == 0 ? &first : &second;
    end.interface = InterfaceId{number * 10 + static_cast<std::uint32_t>(side) + 1};  // a mixed-up end is noticed
    end.out = std::make_unique<Pipe>(spec, generator.fork(), pool);
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
  std::vector<Route> routes;
  for (const Family family : {Family::v4, Family::v6}) {
    if (family == Family::v4 ? !options_.v4 : !options_.v6) { continue; }
    interface.addresses.push_back({address(side, family), family == Family::v4 ? 24u : 64u});
    if (options_.default_route && side == 0) {
      routes.push_back({interface.id, Address{family, {}}, 0, address(1, family), 100 + number_});
    }
  }
  ends_[side].host->attach(std::move(interface), routes, *ends_[side].out, *clock_);
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
  for (End& end : ends_) { end.out->cut(*clock_, lose_in_flight); }
}

void Link::cut_from(const Host& host, bool lose_in_flight) { pipe_from(host).cut(*clock_, lose_in_flight); }

void Link::heal() {
  for (End& end : ends_) { end.out->heal(*clock_); }
}

void Link::take_down_at(Host& host) {
  cut(true);
  host.set_up(interface_of(host), false, *clock_);
}

void Link::take_down() {
  for (End& end : ends_) { take_down_at(*end.host); }
}

void Link::bring_up() {
  heal();
  for (End& end : ends_) { end.host->set_up(end.interface, true, *clock_); }
}

void Link::set(const LinkSpec& both) {
  for (End& end : ends_) { set_from(*end.host, both); }
}

void Link::set_from(const Host& host, const LinkSpec& given) {
  LinkSpec spec = given;
  spec.mtu = wire_mtu();
  pipe_from(host).set(spec, *clock_);
}

void Link::offer(const Host& from, Frame frame) {
  if (tap_) { tap_(from, frame); }
  if (!middlebox_) {
    pipe_from(from).offer(frame, *clock_);
    return;
  }
  packets_.clear();
  if (!cut_frame(frame, arena_, packets_)) { packets_.push_back(std::move(frame)); }
  const Way way = side_of(from) == 0 ? Way::forth : Way::back;
  for (Frame& packet : packets_) { middlebox_->pass(way, std::move(packet), *clock_, sent_); }
  carry_on();
}

void Link::set_sieve(std::function<bool(const Host&, Frame&)> sieve) {
  set_middlebox(filter([this, sieve = std::move(sieve)](Way way, Frame& packet) {
    return sieve(end(way == Way::forth ? 0 : 1), packet);
  }));
}

void Link::on_time() {
  if (!middlebox_ || middlebox_->next() > *clock_) { return; }
  middlebox_->on_time(*clock_, sent_);
  carry_on();
}

void Link::carry_on() {
  for (const Sent& sent : sent_) { pipe(sent.way == Way::forth ? 0 : 1).offer(sent.frame, *clock_); }
  sent_.clear();
  packets_.clear();
}

Bytes Link::delivered() const {
  return {ends_[0].out->stats().delivered_bytes + ends_[1].out->stats().delivered_bytes};
}

Instant Link::next() const {
  const Instant pipes = std::min(ends_[0].out->next(), ends_[1].out->next());
  return middlebox_ ? std::min(pipes, middlebox_->next()) : pipes;
}
}  // namespace anabranch::sim
