/// What a path manager knows: the addresses of both ends, and for each pair of them how many subflows there are and
/// when another may be asked for.
///
/// What failed may be asked for again after a pause that doubles; what was refused for good or closed is left alone
/// (RFC 8684 §3.6, §3.9.3) until something changes, what has no route until the network changes. Which pairs are
/// wanted at all is the path manager's decision. Owned by a path manager; asks for nothing itself.
#pragma once
#include "mptcp/path_manager.hh"

#include <map>

namespace anabranch::mptcp {

class Candidates {
 public:
  struct Local {
    Address address;
    AddressUse use;
    unsigned prefix = 0;
  };
  struct State {
    enum class Now : std::uint8_t {
      free,        ///< may be asked for from `retry` on
      left_alone,  ///< closed in order, or refused for good: only when nothing else is left
      no_route,    ///< until the network changes
      given_up,    ///< failed too often: until something changes
    } now = Now::free;
    unsigned asking = 0, up = 0;  ///< subflows: asked for and not answered; carrying data, or able to
    unsigned stalled = 0;         ///< of those that are up
    bool dismissed = false;       ///< we wanted those that are up closed: there may be others later
    bool backup = false;          ///< what the peer was told last of those that are up, or are asked for
    bool worked = false;          ///< once
    unsigned failures = 0;
    Instant retry = {0};
    Instant asked = {0};  ///< for the last time
    unsigned live() const { return asking + up; }
    bool works() const { return up > stalled; }
  };

  void hear(const LocalUp& fact);
  void hear(const LocalDown& fact);
  void hear(const RemoteKnown& fact, Instant now);
  void hear(const RemoteGone& fact);
  void hear(const SubflowUp& fact);
  void hear(const SubflowStalled& fact);
  void hear(const SubflowRecovered& fact);
  void hear(const SubflowLost& fact, Instant now);
  void hear(const Refused& fact, Instant now);
  void hear(const NetworkChanged& fact);

  /// All pairs of one family whose local address may have subflows, whatever became of them. A pair that is new may be
  /// asked for from `first` on.
  void complete(Instant first);
  const std::map<wire::AddressId, Local>& locals() const { return locals_; }
  const std::map<wire::AddressId, SocketAddress>& remotes() const { return remotes_; }
  const std::map<Pair, State>& pairs() const { return pairs_; }
  const Local* local(wire::AddressId id) const;
  const State* state(const Pair& pair) const;
  /// Both addresses are there, and ours is for subflows.
  bool possible(const Pair& pair) const;
  /// The remote address is on-link for the local one (its first hop is the last).
  bool on_link(const Pair& pair) const;
  /// A subflow is asked for, as a backup or not.
  void ask(const Pair& pair, bool backup, Instant now);
  /// The peer is told of a priority.
  void told(const Pair& pair, bool backup) { pairs_.at(pair).backup = backup; }
  /// What is up shall be closed.
  void dismiss(const Pair& pair) { pairs_.at(pair).dismissed = true; }
  /// Nothing is left: better to ask what does not want to be asked than to lose the connection.
  void revive(Instant now);

  static constexpr Duration kFirstRetry = 1_s;     ///< doubles with each failure in a row ...
  static constexpr Duration kLongestRetry = 30_s;  ///< ... up to this
  static constexpr unsigned kTries = 8;            ///< failures in a row before a pair that never worked is left alone

 private:
  static void failed(State& state, bool was_up, bool for_ever, Instant now);
  std::map<wire::AddressId, Local> locals_;
  std::map<wire::AddressId, SocketAddress> remotes_;
  std::map<Pair, State> pairs_;
};
}  // namespace anabranch::mptcp
