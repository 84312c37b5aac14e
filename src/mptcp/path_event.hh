/// What happens to the paths of a connection, told to its application as values: a log of bounded length.
///
/// For those who watch and steer (RFC 6897 §5.3; draft-hesmans-mptcp-socket-03 §4): each event carries what is needed
/// to act on it. When nobody reads, the oldest go and the next one says how many; a reader who missed some asks info().
/// Rates are kept once per subflow, the latest: they drive nothing else out. Owned by a connection.
#pragma once
#include "mptcp/config.hh"
#include "wire/mptcp_option.hh"

#include <deque>
#include <map>

namespace anabranch::mptcp {

enum class PathChange : std::uint8_t {
  opened,     ///< a subflow may carry data
  closed,     ///< one is over, or never opened (`was_open`); `why`: as SubflowInfo::ended_by
  stalled,    ///< nothing came back for a retransmission time-out: others carry what it had
  recovered,  ///< something did
  priority,   ///< `backup` as of now; `by_peer`: the peer has asked for it
  announced,  ///< the peer can be reached at `remote` too (ADD_ADDR), by `address`
  withdrawn,  ///< not any more at the address with this id
  fell_back,  ///< plain TCP from here on; `why`: the name of the FallbackReason
  rates,      ///< since the last such event of the subflow, or since it was opened
};

struct PathEvent {
  PathChange what{};
  Instant at{};
  SubflowId subflow;            ///< of those about one
  SocketAddress local, remote;  ///< of the subflow; `remote`: what was announced
  InterfaceId interface;
  std::uint8_t address = 0;  ///< the peer's id of it
  bool backup = false, by_peer = false;
  bool was_open = false;
  std::string_view why;      ///< a literal
  Rate sent, received;       ///< payload
  Duration srtt{};           ///< rates: 0: not measured
  std::uint64_t missed = 0;  ///< so many events before this one were not read in time
};

class PathLog {
 public:
  static constexpr std::size_t kMost = 64;  ///< unread; a full mesh of eight subflows comes and goes in it

  void add(const PathEvent& event);
  std::optional<PathEvent> poll();
  bool empty() const { return events_.empty(); }

 private:
  std::deque<PathEvent> events_;
  std::uint64_t missed_ = 0;
};

/// Bytes that were counted become rates.
class PathMeter {
 public:
  /// What the subflow has moved since it was last looked at, as an event.
  PathEvent measure(const SubflowInfo& subflow, Instant now);
  void forget(SubflowId subflow) { seen_.erase(subflow); }
  /// From now on its rates count.
  void begin(SubflowId subflow, Instant now) { seen_.try_emplace(subflow, Seen{now, 0, 0}); }

 private:
  struct Seen {
    Instant at;
    std::uint64_t sent = 0, received = 0;
  };
  std::map<SubflowId, Seen> seen_;  ///< those alive
};
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::PathChange> {
  static constexpr std::string_view list[] = {"opened",    "closed",    "stalled",   "recovered", "priority",
                                              "announced", "withdrawn", "fell_back", "rates"};
};
