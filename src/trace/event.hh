/// What happens in a stack, as values: one small struct a kind of event, one variant over them all.
///
/// Nothing is formatted or allocated where events arise: reasons are literals (`std::string_view` of static text),
/// segments are borrowed for the length of the call. Guard the construction with `trace.wants()`. The trace only
/// watches: nothing in the core may depend on whether someone listens.
#pragma once
#include "base/seq.hh"
#include "base/units.hh"
#include "packet/segment.hh"

#include <cstdint>
#include <string_view>
#include <variant>

namespace anabranch::trace {

/// Whom an event is about. Numbers given by the stack; 0: nobody in particular.
struct Where {
  std::uint64_t connection = 0;
  std::uint32_t subflow = 0;
  constexpr auto operator<=>(const Where&) const = default;
};

// Segments. `segment` and `addresses` are valid during the call only; `addresses` may be missing.
struct SegmentSent {
  const Segment* segment = nullptr;
  const Addresses* addresses = nullptr;
  InterfaceId interface;
  bool retransmission = false;
};
struct SegmentReceived {
  const Segment* segment = nullptr;
  const Addresses* addresses = nullptr;
  InterfaceId interface;
};
/// What the peer sent was of no use. `reason`: the name of the drop's enumerator. `segment` may be missing.
struct Dropped {
  std::string_view reason;
  const Segment* segment = nullptr;
};

// One subflow's sender.
struct Retransmission {
  SubPos at;
  Bytes bytes;
  std::string_view why;
};
struct RecoveryEntered {
  std::string_view why;
  SubPos until;
  Bytes window, threshold;
};
struct RecoveryLeft {
  std::string_view how;
  Bytes window;
};
struct RtoFired {
  Duration rto;
  unsigned in_a_row = 0;
  Bytes in_flight;
};
/// The sender's numbers at a moment: for curves.
struct Congestion {
  Bytes window, threshold, in_flight;
  Duration srtt, rto;
  std::string_view controller;
};

// Subflows and connections.
struct SubflowOpened {
  Addresses addresses;
  InterfaceId interface;
  bool we_opened = false, backup = false;
};
struct SubflowClosed {
  std::string_view why;
  std::uint64_t code = 0;
};
struct ConnectionOpened {
  Addresses addresses;
  bool we_opened = false, multipath = false;
  unsigned version = 0;  ///< of MPTCP; meaningless for plain TCP
};
struct ConnectionClosed {
  std::string_view why;
  std::uint64_t code = 0;
};
/// A part moved from one named phase to another.
struct PhaseChanged {
  std::string_view part, from, to;
};
struct Fallback {
  std::string_view verdict, why;
};

// Policies.
struct Scheduled {
  DataPos at;
  Bytes bytes;
  std::string_view scheduler;
  bool reinjection = false;
};
struct SchedulerWaited {
  Instant until;
  std::string_view why;
  std::string_view scheduler = {};
};
struct Reinjected {
  DataPos at;
  Bytes bytes;
  std::uint32_t from = 0;  ///< the subflow they were on before
  std::string_view why;
};
struct PathManagerRequest {
  std::string_view what;
  std::uint64_t id = 0;
};
struct PathManagerRefused {
  std::string_view what, why;
  std::uint64_t id = 0;
};
struct AddressAnnounced {
  std::uint8_t id = 0;
  SocketAddress address;
  bool by_peer = false, echo = false;
};
struct AddressWithdrawn {
  std::uint8_t id = 0;
  bool by_peer = false;
};
struct PriorityChanged {
  bool backup = false, by_peer = false;
};

// Limits, faults and the rest.
struct LimitReached {
  std::string_view limit;
  std::uint64_t value = 0;
};
struct FaultStruck {
  std::string_view point;
};
struct Note {
  std::string_view text;
  std::uint64_t number = 0;
};

using What =
    std::variant<SegmentSent, SegmentReceived, Dropped, Retransmission, RecoveryEntered, RecoveryLeft, RtoFired,
                 Congestion, SubflowOpened, SubflowClosed, ConnectionOpened, ConnectionClosed, PhaseChanged, Fallback,
                 Scheduled, SchedulerWaited, Reinjected, PathManagerRequest, PathManagerRefused, AddressAnnounced,
                 AddressWithdrawn, PriorityChanged, LimitReached, FaultStruck, Note>;

/// Names in the order of the variant; the same in text, JSON and documents.
inline constexpr std::string_view kEventNames[] = {"segment_sent",
                                                   "segment_received",
                                                   "dropped",
                                                   "retransmission",
                                                   "recovery_entered",
                                                   "recovery_left",
                                                   "rto_fired",
                                                   "congestion",
                                                   "subflow_opened",
                                                   "subflow_closed",
                                                   "connection_opened",
                                                   "connection_closed",
                                                   "phase_changed",
                                                   "fallback",
                                                   "scheduled",
                                                   "scheduler_waited",
                                                   "reinjected",
                                                   "path_manager_request",
                                                   "path_manager_refused",
                                                   "address_announced",
                                                   "address_withdrawn",
                                                   "priority_changed",
                                                   "limit_reached",
                                                   "fault_struck",
                                                   "note"};
static_assert(std::size(kEventNames) == std::variant_size_v<What>);

struct Event {
  Where where;
  What what;
};
constexpr std::string_view name(const Event& e) { return kEventNames[e.what.index()]; }

/// Receives events. Must not call back into the stack.
class Trace {
 public:
  virtual ~Trace() = default;
  /// False: nobody listens, events need not be made. Not virtual: it is asked for every segment.
  bool wants() const { return wants_; }
  virtual void on(Instant now, const Event&) = 0;

 protected:
  explicit Trace(bool wants) : wants_{wants} {}
  void set_wants(bool wants) { wants_ = wants; }

 private:
  bool wants_;
};

class NoTrace final : public Trace {
 public:
  NoTrace() : Trace{false} {}
  void on(Instant, const Event&) override {}
};

/// `trace.on` for one event, made only when someone listens: emit(env.trace, now, where, [&] { return RtoFired{...}; })
template <class Make>
void emit(Trace& trace, Instant now, Where where, Make&& make) {
  if (trace.wants()) { trace.on(now, Event{where, What{make()}}); }
}
}  // namespace anabranch::trace
