/// A subflow for every pair of a local and a remote address of one family; the side that connected opens them.
///
/// The other side announces its addresses. What failed is tried again with back-off; what lost its local address
/// waits until that is back. Which pairs have a route is the stack's knowledge: it refuses the others.
#pragma once
#include "mptcp/path_manager.hh"

#include <map>
#include <set>

namespace anabranch::mptcp {

class FullMesh final : public PathManager {
 public:
  void on(const Fact& fact, Instant now, std::vector<Request>& out) override;
  void on_deadline(Instant now, std::vector<Request>& out) override;
  Instant deadline() const override;
  std::string_view name() const override { return "full_mesh"; }

  static constexpr Duration kFirstRetry = 1_s;     ///< doubles with each failure in a row ...
  static constexpr Duration kLongestRetry = 30_s;  ///< ... up to this
  /// An address that is back is announced again, with back-off, until a subflow uses it: the peer may have refused it
  /// the first time because of what it still had there (Linux does).
  static constexpr unsigned kReminders = 4;
  static constexpr unsigned kTries = 8;  ///< failures in a row before a pair that never worked is left alone

 private:
  struct State {
    bool wanted = false;  ///< asked for, or up: nothing to do
    unsigned failures = 0;
    Instant retry = {0};  ///< not before; never: given up until something changes
  };
  struct Reminder {
    unsigned left = kReminders;
    Instant at;
    Duration wait = kFirstRetry;
  };
  void remind(Instant now, std::vector<Request>& out);
  void fill(Instant now, std::vector<Request>& out);
  void failed(const Pair& pair, bool was_up, Instant now);
  void wake(wire::AddressId local);
  void announce(wire::AddressId id, std::vector<Request>& out) const;

  std::map<wire::AddressId, Address> locals_;
  std::map<wire::AddressId, SocketAddress> remotes_;
  std::map<Pair, State> pairs_;
  std::map<wire::AddressId, Reminder> reminders_;
  std::set<Address> lost_;  ///< were ours once and are not now
  enum class Phase : std::uint8_t { before, opening, announcing } phase_ = Phase::before;
};
}  // namespace anabranch::mptcp
