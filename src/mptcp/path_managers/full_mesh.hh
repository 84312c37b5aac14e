/// A subflow for every pair of a local and a remote address of one family; the side that connected opens them.
///
/// The other side announces its addresses; with `both_sides` either announces, and the side that was connected to opens
/// what the other has not opened after a while. What failed is tried again with back-off, what was refused for good is
/// left alone (RFC 8684 §3.6, §3.9.3), until something changes or nothing else is left. Which pairs have a route is the
/// stack's knowledge: it refuses the others.
#pragma once
#include "mptcp/path_manager.hh"

#include <map>
#include <set>

namespace anabranch::mptcp {

class FullMesh final : public PathManager {
 public:
  explicit FullMesh(bool both_sides = false) : both_sides_{both_sides} {}
  void on(const Fact& fact, Instant now, std::vector<Request>& out) override;
  void on_deadline(Instant now, std::vector<Request>& out) override;
  Instant deadline() const override;
  std::string_view name() const override { return both_sides_ ? "both_sides" : "full_mesh"; }

  static constexpr Duration kFirstRetry = 1_s;     ///< doubles with each failure in a row ...
  static constexpr Duration kLongestRetry = 30_s;  ///< ... up to this
  /// An address that is back is announced again, with back-off, until a subflow uses it: the peer may have refused it
  /// the first time because of what it still had there (Linux does).
  static constexpr unsigned kReminders = 4;
  static constexpr unsigned kTries = 8;  ///< failures in a row before a pair that never worked is left alone
  /// How long the side that was connected to waits for the other to open a pair: not both at once (RFC 8684 §3.9.2).
  static constexpr Duration kTheirTurn = 1_s;

 private:
  struct State {
    enum class Now : std::uint8_t {
      free,        ///< may be asked for from `retry` on
      wanted,      ///< asked for, or up: nothing to do
      left_alone,  ///< closed in order, or refused for good: only when nothing else is left
      no_route,    ///< until the network changes
      given_up,    ///< failed too often: until something changes
    } now = Now::free;
    unsigned failures = 0;
    Instant retry = {0};
    Instant asked = {0};  ///< for the last time
  };
  struct Reminder {
    unsigned left = kReminders;
    Instant at;
    Duration wait = kFirstRetry;
  };
  bool opens() const { return side_ == Side::connected || (both_sides_ && side_ == Side::listening); }
  bool announces() const { return side_ == Side::listening || (both_sides_ && side_ == Side::connected); }
  void know_local(const LocalUp& fact, Instant now, std::vector<Request>& out);
  void know_remote(const RemoteKnown& fact, Instant now);
  void lost(const SubflowLost& fact, Instant now);
  void refused(const Refused& fact, Instant now);
  void remind(Instant now, std::vector<Request>& out);
  void fill(Instant now, std::vector<Request>& out);
  void failed(State& state, bool was_up, Instant now);
  void revive(Instant now);
  bool is_possible(const Pair& pair) const;
  void announce(wire::AddressId id, std::vector<Request>& out) const;

  const bool both_sides_;
  struct Local {
    Address address;
    AddressUse use;
  };
  std::map<wire::AddressId, Local> locals_;
  std::map<wire::AddressId, SocketAddress> remotes_;
  std::map<Pair, State> pairs_;
  std::map<wire::AddressId, Reminder> reminders_;
  std::set<Address> lost_;  ///< were ours once and are not now
  enum class Side : std::uint8_t { unknown, connected, listening } side_ = Side::unknown;
};
}  // namespace anabranch::mptcp
