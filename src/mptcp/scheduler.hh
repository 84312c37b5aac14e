/// Which subflow carries the next bytes: values in, a choice out.
///
/// A scheduler holds no pointers into the connection and can be tested with a table. It is asked once for each
/// super-segment, from `poll_transmit`, when something waits; what shall leave again has its own queue and is only
/// placed here. It allocates nothing while it is asked. How to write one: docs/schedulers.md.
#pragma once
#include "base/units.hh"
#include "mptcp/config.hh"

#include <memory>
#include <span>
#include <string_view>
#include <variant>

namespace anabranch::mptcp {

/// One subflow that may carry data, as a scheduler sees it.
struct Path {
  SubflowId id;
  Bytes room;       ///< may leave now: congestion window and subflow window less what is out and bound
  Bytes in_flight;  ///< sent and, as congestion control sees it, neither arrived nor lost
  Bytes queued;     ///< bound to it and not sent
  Bytes window;     ///< congestion window
  Bytes segment;    ///< of data in a full packet: differs from path to path (RFC 8041 §3.8)
  Bytes burst;      ///< one super-segment; what a `Send` allows beyond it is asked for anew
  Duration srtt{}, rttvar{}, min_rtt{}, latest_rtt{};  ///< zero: no sample yet
  Rate rate{};                                         ///< what arrives while it is kept busy; zero: not known
  Instant opens{};          ///< when it has room again: at the latest now; later: paced; never: an ACK must come first
  Bytes missed;             ///< sent on other paths, without DATA_ACK, and not on this one: what a `Copy` would carry
  bool backup = false;      ///< use only when nothing else is there (RFC 8684 §3.3.8)
  bool stale = false;       ///< its retransmission timer has expired and nothing came back since
  bool slow_start = false;  ///< its window may double in a round trip
  bool recovering = false;  ///< it mends a loss
  // What the owner of the address says (AddressUse):
  bool metered = false;
  unsigned preference = 0;  ///< the lowest first
  unsigned weight = 1;
};

struct Demand {
  Instant now;
  Bytes waiting;      ///< bytes that may be sent: within the peer's data-level window
  Bytes peer_window;  ///< how much more the peer allows at the data level
  bool reinjection = false;
  SubflowId last{~0u};        ///< reinjection: who had these bytes before
  Bytes unsent{};             ///< never sent: `waiting`, what the window leaves out, and what could not be written yet
  Bytes window{};             ///< of the connection, whole: what may be without DATA_ACK at a time
  std::uint64_t blocked = 0;  ///< times so far that this window was full while a path had room
};

/// The next bytes on this path.
struct Send {
  SubflowId on;
  Bytes at_most;
};
/// Bytes that other paths carry already, on this one too: the oldest of `Path::missed`. Only from who says `copies()`.
struct Copy {
  SubflowId on;
  Bytes at_most;
};
/// Better no path than a bad one.
struct Wait {
  Instant until = Instant::never();  ///< asked again at latest then; before, whenever something changes
  std::string_view why = "full";     ///< for the trace; outlives everything
};
using Choice = std::variant<Wait, Send, Copy>;

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual Choice choose(const Demand& demand, std::span<const Path> paths) = 0;
  virtual std::string_view name() const = 0;
  /// Asked too when nothing waits but a path has `missed` something.
  virtual bool copies() const { return false; }
};

/// Null when there is none of that name.
std::unique_ptr<Scheduler> make_scheduler(std::string_view name);
std::span<const std::string_view> scheduler_names();
}  // namespace anabranch::mptcp
