/// Address ids of both ends, and the announcements on their way: ADD_ADDR with MAC, echo and repetition (RFC 8684 §3.4).
///
/// Id 0 is the initial subflow's address on either side. Announcements go out one at a time, each repeated until its
/// echo comes or its tries are used up, because a peer may drop the second while it works on the first (Linux does).
/// Owned by a connection; sends nothing itself: `due` says what shall leave.
#pragma once
#include "base/network.hh"
#include "base/units.hh"
#include "wire/mptcp_option.hh"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace anabranch::mptcp {

struct LocalAddress {
  InterfaceId interface;
  Address address;
  AddressUse use;
  unsigned prefix = 0;  ///< bits of the on-link network; 0: not known
  constexpr auto operator<=>(const LocalAddress&) const = default;
};

class Addresses {
 public:
  explicit Addresses(unsigned most_remote, bool echoed = true)
      : most_remote_{most_remote},
        tries_{echoed ? kTries : 1} {}

  // --- ours
  struct Local {
    LocalAddress where;
    std::optional<std::uint16_t> port = {};  ///< announced with this one; else joins come to the connection's own
    bool up = false;
    bool retired = false;  ///< withdrawn: id 0, which would mean nothing to the peer again, and doors that were closed
  };
  void set_initial_local(const LocalAddress& where) { locals_[{0}] = {.where = where, .up = true}; }
  /// The id of an address: the one it has, or a new one. None when all 256 are taken.
  std::optional<wire::AddressId> id_of(const LocalAddress& where);
  /// The id of an address with a port of its own for joins, likewise; not that of the address itself, if it has one.
  std::optional<wire::AddressId> door(const LocalAddress& where, std::uint16_t port);
  /// The id of where a join came to: the door there, or the address.
  std::optional<wire::AddressId> id_at(const LocalAddress& where, std::uint16_t port);
  const std::map<wire::AddressId, Local>& locals() const { return locals_; }
  Local* local(wire::AddressId id);
  const Local* local(wire::AddressId id) const { return const_cast<Addresses*>(this)->local(id); }

  // --- the peer's
  enum class Learned : std::uint8_t {
    fresh,        ///< an address, or another port of one (RFC 8684 §3.4.1)
    known,        ///< nothing new, or the same by another id
    contradicts,  ///< the id belongs to another address, which would have to be removed first
    too_many,
  };
  void set_initial_remote(const SocketAddress& where) { remotes_[{0}] = where; }
  Learned learn(wire::AddressId id, const SocketAddress& where);
  bool forget(wire::AddressId id) { return remotes_.erase(id) != 0; }
  const SocketAddress* remote(wire::AddressId id) const;
  /// The id under which an address is known; for subflows that the peer opened without announcing.
  std::optional<wire::AddressId> remote_id(const SocketAddress& where) const;

  // --- announcements
  void announce(wire::AddressId id);
  void withdraw(wire::AddressId id, unsigned times = kWithdrawals);
  /// The address is up again: what was not said yet of its end, or is to be said again, is not true any more.
  void back(wire::AddressId id) {
    std::erase_if(withdrawn_, [id](const Withdrawal& w) { return w.id == id; });
  }
  /// What shall be sent now, if anything; it counts as sent. `rto`: of the subflow that will carry it.
  std::optional<wire::AddAddr> due_announcement(Instant now, Duration rto);
  std::optional<wire::RemoveAddr> due_withdrawal(Instant now, Duration rto);
  void echoed(const wire::AddAddr& echo);
  Instant deadline() const;
  bool anything_due(Instant now) const { return deadline() <= now; }

  static constexpr unsigned kTries = 4;  ///< first transmission and three repetitions, as Linux
  /// A REMOVE_ADDR is not answered, and a peer that misses it goes on sending where nobody is: it is said three times,
  /// which at 10 % loss fails once in a thousand times. Once more it means nothing to a peer that has heard it.
  static constexpr unsigned kWithdrawals = 3;

 private:
  std::optional<wire::AddressId> add(const Local& local);
  struct Announcement {
    wire::AddAddr option;  ///< without the MAC: the connection has the keys
    unsigned tries = 0;
    Instant next = {0};
  };
  std::map<wire::AddressId, Local> locals_;
  std::map<wire::AddressId, SocketAddress> remotes_;
  std::deque<Announcement> announcing_;
  struct Withdrawal {
    wire::AddressId id;
    unsigned tries = 0;
    Instant next = {0};
  };
  std::vector<Withdrawal> withdrawn_;
  unsigned most_remote_;
  unsigned tries_;  ///< of an announcement: one where nobody echoes (RFC 6824 §3.4.1)
};
}  // namespace anabranch::mptcp
