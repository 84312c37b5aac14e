/// Which subflow carries the next bytes: values in, a choice out.
///
/// A scheduler holds no pointers into the connection and can be tested with a table. It is asked once for each
/// super-segment, from `poll_transmit`, when something waits; reinjection has its own queue and is only placed here.
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
  Bytes room;  ///< may leave now: congestion window and subflow window less what is out and bound
  Bytes in_flight;
  Bytes window;               ///< congestion window
  Duration srtt{}, rttvar{};  ///< zero: no sample yet
  bool backup = false;        ///< use only when nothing else is there (RFC 8684 §3.3.8)
  bool stale = false;         ///< its retransmission timer has expired and nothing came back since
};

struct Demand {
  Instant now;
  Bytes waiting;      ///< bytes that may be sent: within the peer's data-level window
  Bytes peer_window;  ///< how much more the peer allows at the data level
  bool reinjection = false;
  SubflowId last{~0u};  ///< reinjection: who had these bytes before
};

struct Send {
  SubflowId on;
  Bytes at_most;
};
struct Wait {
  Instant until = Instant::never();  ///< better no path than a bad one; asked again at latest then
};
using Choice = std::variant<Wait, Send>;

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual Choice choose(const Demand& demand, std::span<const Path> paths) = 0;
  virtual std::string_view name() const = 0;
};

/// Null when there is none of that name.
std::unique_ptr<Scheduler> make_scheduler(std::string_view name);
std::span<const std::string_view> scheduler_names();
}  // namespace anabranch::mptcp
