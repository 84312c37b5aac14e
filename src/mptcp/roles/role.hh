/// One phase of a subflow's life as MPTCP sees it: reads and writes the options of that phase, and names its successor.
///
/// Each role is one page of the RFC: capable_client and capable_server (§3.1), join_client and join_server (§3.2),
/// mapped (§3.3), plain (§3.7). A role that never meets an option has no code for it. Owned by a subflow.
#pragma once
#include "mptcp/mapping_rx.hh"
#include "mptcp/mapping_tx.hh"
#include "mptcp/session.hh"
#include "tcp/roles.hh"

#include <deque>
#include <memory>
#include <variant>

namespace anabranch::mptcp {

/// What a subflow has of its own, besides the TCP endpoint.
struct Lane {
  SubflowId id;
  wire::AddressId local, remote;
  bool joined = false;  ///< came by MP_JOIN
  bool local_backup = false, remote_backup = false;
  MappingTx tx;
  MappingRx rx;
  std::deque<wire::MptcpOption> signals;  ///< to leave on pure ACKs of their own, in this order
  bool heard_dss = false;                 ///< the peer has sent one here
  bool heard_mapping = false;         ///< a DSS of the peer with a mapping has arrived here: the path lets them pass
  bool said_dss = false;              ///< we have sent one here
  bool bare = false;                  ///< the peer's last segment had no option of MPTCP
  bool dss_owed = false;              ///< a pure ACK with DSS shall leave (DATA_ACK, DATA_FIN, fourth ACK)
  std::optional<DataPos> told_ack;    ///< DATA_ACK of the segment being read: its window counts from there
  bool fast_closing = false;          ///< RSTs carry MP_FASTCLOSE
  bool fail_on_reset = false;         ///< RSTs carry MP_FAIL
  std::optional<SubflowId> replaces;  ///< a join above the limit: who gives way when it has proved who it is
};

class SubflowRole;
struct Stay {};
struct Become {
  std::unique_ptr<SubflowRole> successor;
};
struct Found {
  Finding finding;
  FallbackReason why;
};
struct Refuse {
  wire::ResetReason reason;
};
struct Ignore {};  ///< the whole segment
using Step = std::variant<Stay, Become, Found, Refuse, Ignore>;

struct Reading {
  const Segment& segment;
  SubPos at, acknowledges;
  Instant now;
};

class SubflowRole {
 public:
  virtual ~SubflowRole() = default;
  virtual Step read(Session& session, Lane& lane, const Reading& reading) = 0;
  virtual void write(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) = 0;
  virtual std::size_t data_option_bytes(const Session& session, SubPos at) const = 0;
  virtual bool single_packet(SubPos) const { return false; }
  virtual bool carries_data() const { return false; }
  /// Writes what waits in `Lane::signals`.
  virtual bool sends_signals() const { return false; }
  /// Has something left to say when the connection is dead to everybody else.
  virtual bool outlives_connection() const { return false; }
  virtual Instant deadline() const { return Instant::never(); }
  virtual void on_deadline(Session&, Lane&, Instant) {}
  virtual std::string_view name() const = 0;
};

/// Whether the peer may come back later (the T flag, RFC 8684 §3.6): limits and backlogs pass, prohibitions do not.
constexpr bool is_transient(wire::ResetReason reason) {
  return reason == wire::ResetReason::lack_of_resources || reason == wire::ResetReason::too_much_outstanding_data;
}

/// The DSS of a segment: DATA_ACK always, the mapping of `at` for data; a DATA_FIN when one is owed and the lane owes a DSS.
void write_dss(Session& session, Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out);
/// One waiting signal in place of the DSS; false when there is none.
bool write_signal(const Session& session, Lane& lane, wire::MptcpOptions& out);
/// What an RST says: why, MP_FASTCLOSE, MP_FAIL.
void write_reset(Session& session, const Lane& lane, const tcp::Plan& plan, wire::MptcpOptions& out);
std::size_t dss_bytes(const Session& session);

struct ReadOptions {
  bool data_ack = false;  ///< a DSS with a DATA_ACK was there: the peer speaks MPTCP
  bool any = false;       ///< some MPTCP option was there
  bool infinite = false;  ///< an infinite mapping
  bool failed = false;    ///< MP_FAIL
  bool unagreed = false;  ///< a mapping with a checksum though none was agreed on, or without one though it was (§3.3)
};
/// What an RST says on a subflow whose peer has not proved who it is: MP_TCPRST, and MP_FASTCLOSE, which has a key.
void read_reset(Session& session, const Lane& lane, const Segment& segment);
/// Takes in every option an open subflow may carry (§3.3 to §3.7).
ReadOptions read_options(Session& session, Lane& lane, const Reading& reading);
}  // namespace anabranch::mptcp
