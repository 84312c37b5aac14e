/// Which of our addresses the peer is told of by ADD_ADDR, and again when it seems not to have taken notice.
///
/// An address that is back is announced again, with back-off, until a subflow uses it: the peer may have refused it the
/// first time because of what it still had there (Linux does). Id 0 is never announced: the peer has it. Owned by a
/// path manager, which says whether this side announces at all. RFC 8684 §3.4.1.
#pragma once
#include "mptcp/path_manager.hh"

#include <map>
#include <set>

namespace anabranch::mptcp {

class Announcer {
 public:
  /// From now on, and all that is known already.
  void begin(std::vector<Request>& out);
  void hear(const LocalUp& fact, Instant now, std::vector<Request>& out);
  void hear(const LocalDown& fact);
  void hear(const SubflowUp& fact) { reminders_.erase(fact.pair.local); }
  void on_deadline(Instant now, std::vector<Request>& out);
  Instant deadline() const;

  static constexpr Duration kFirstReminder = 1_s;  ///< doubles
  static constexpr unsigned kReminders = 4;
  static constexpr std::size_t kMostLost = 64;  ///< remembered; hosts whose addresses change for privacy lose many

 private:
  struct Reminder {
    unsigned left = kReminders;
    Instant at;
    Duration wait = kFirstReminder;
  };
  struct Ours {
    Address address;
    bool announced = true;
  };
  void announce(wire::AddressId id, std::vector<Request>& out) const;
  bool on_ = false;
  std::map<wire::AddressId, Ours> ours_;
  std::map<wire::AddressId, Reminder> reminders_;
  std::set<Address> lost_;  ///< were ours once and are not now
};
}  // namespace anabranch::mptcp
