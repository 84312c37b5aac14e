#include "mptcp/addresses.hh"

#include <algorithm>

namespace anabranch::mptcp {

// [8684-3.2-02 8684-3.2-04 8684-3.4.1-02 8684-3.4.1-19]
std::optional<wire::AddressId> Addresses::id_of(const LocalAddress& where) {
  std::optional<wire::AddressId> door;
  for (const auto& [id, local] : locals_) {
    if (local.where.address != where.address || local.retired) { continue; }
    if (!local.port) { return id; }
    if (!door) { door = id; }
  }
  // An address that has only a door is known by it: the peer need not hear of both.
  return door ? door : add({.where = where});
}

std::optional<wire::AddressId> Addresses::door(const LocalAddress& where, std::uint16_t port) {
  for (const auto& [id, local] : locals_) {
    if (local.where.address == where.address && local.port == port) { return id; }
  }
  return add({.where = where, .port = port});
}

std::optional<wire::AddressId> Addresses::id_at(const LocalAddress& where, std::uint16_t port) {
  for (const auto& [id, local] : locals_) {
    if (local.where.address == where.address && local.port == port && !local.retired) { return id; }
  }
  return id_of(where);
}

std::optional<wire::AddressId> Addresses::add(const Local& local) {
  for (unsigned raw = 1; raw < 256; ++raw) {
    const wire::AddressId id{static_cast<std::uint8_t>(raw)};
    if (!locals_.contains(id)) {
      locals_[id] = local;
      return id;
    }
  }
  return std::nullopt;
}

Addresses::Local* Addresses::local(wire::AddressId id) {
  const auto it = locals_.find(id);
  return it == locals_.end() ? nullptr : &it->second;
}

// [8684-3.2-04 8684-3.4.1-03 8684-3.4.1-05]
Addresses::Learned Addresses::learn(wire::AddressId id, const SocketAddress& where) {
  if (remote_id(where)) { return Learned::known; }
  const auto it = remotes_.find(id);
  if (it != remotes_.end() && it->second.address != where.address) { return Learned::contradicts; }
  if (it == remotes_.end() && remotes_.size() >= most_remote_) { return Learned::too_many; }
  remotes_[id] = where;
  return Learned::fresh;
}

const SocketAddress* Addresses::remote(wire::AddressId id) const {
  const auto it = remotes_.find(id);
  return it == remotes_.end() ? nullptr : &it->second;
}

std::optional<wire::AddressId> Addresses::remote_id(const SocketAddress& where) const {
  for (const auto& [id, known] : remotes_) {
    if (known == where) { return id; }
  }
  return std::nullopt;
}

void Addresses::announce(wire::AddressId id) {  // [8684-3.4.1-17]
  const Local* l = local(id);
  if (!l) { return; }
  back(id);
  const auto same = [id](const Announcement& a) { return a.option.id == id; };
  if (std::ranges::any_of(announcing_, same)) { return; }
  announcing_.push_back({.option = {.id = id, .address = l->where.address, .port = l->port, .mac = {}}});
}

void Addresses::withdraw(wire::AddressId id, unsigned times) {
  std::erase_if(announcing_, [id](const Announcement& a) { return a.option.id == id; });
  if (std::ranges::find(withdrawn_, id, &Withdrawal::id) == withdrawn_.end()) {
    withdrawn_.push_back({.id = id, .tries = kWithdrawals - std::min(times, kWithdrawals)});
  }
}

std::optional<wire::AddAddr> Addresses::due_announcement(Instant now, Duration rto) {
  while (!announcing_.empty()) {
    Announcement& first = announcing_.front();
    if (first.next > now) { return std::nullopt; }
    if (first.tries == tries_) {
      announcing_.pop_front();
      continue;
    }
    first.next = now + rto * (std::int64_t{1} << first.tries);
    ++first.tries;
    return first.option;
  }
  return std::nullopt;
}

std::optional<wire::RemoveAddr> Addresses::due_withdrawal(Instant now, Duration rto) {
  wire::RemoveAddr out;
  for (Withdrawal& w : withdrawn_) {
    // Eight at a time: more is ignored by Linux, and fits the option space beside a DATA_ACK.
    if (w.next > now || out.ids.size() == 8) { continue; }
    out.ids.push_back(w.id);
    w.next = now + rto * (std::int64_t{1} << w.tries);
    ++w.tries;
    if (w.id == wire::AddressId{0}) { locals_[{0}].retired = true; }
  }
  std::erase_if(withdrawn_, [](const Withdrawal& w) { return w.tries == kWithdrawals; });
  return out.ids.empty() ? std::nullopt : std::optional{out};
}

void Addresses::echoed(const wire::AddAddr& echo) {
  std::erase_if(announcing_, [&](const Announcement& a) {
    return a.tries != 0 && a.option.id == echo.id && a.option.address == echo.address && a.option.port == echo.port;
  });
}

Instant Addresses::deadline() const {
  Instant next = announcing_.empty() ? Instant::never() : announcing_.front().next;
  for (const Withdrawal& w : withdrawn_) { next = std::min(next, w.next); }
  return next;
}
}  // namespace anabranch::mptcp
