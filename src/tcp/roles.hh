/// The three things an endpoint borrows: bytes to send, a place for bytes received, and someone who speaks MPTCP.
///
/// TCP does not know that MPTCP exists. Plain TCP is the trivial implementation of all three (`PlainRole` here).
/// None of them calls back into the endpoint: they answer and return. Positions are the subflow's; 1 is the first byte.
#pragma once
#include "base/names.hh"
#include "base/seq.hh"
#include "base/units.hh"
#include "packet/segment.hh"

#include <optional>
#include <variant>

namespace anabranch::tcp {

/// Why a segment was not taken (RFC 9293 §3.10.7 unless said). Counted and traced, never guessed around.
enum class Drop : std::uint8_t {
  out_of_window,   ///< sequence check; answered with an ACK unless RST
  bad_ack,         ///< acknowledges what was never sent, or is older than RFC 5961 §5 allows
  paws,            ///< timestamp from the past (RFC 7323 §5)
  no_ack_flag,     ///< neither ACK, RST nor SYN
  challenged_rst,  ///< RST in the window but not at RCV.NXT (RFC 5961 §3)
  challenged_syn,  ///< SYN on a synchronised connection (RFC 5961 §4)
  not_for_this_state,
  role_refused,  ///< the role found the MPTCP options impossible, and ignoring them is right
  no_room,       ///< beyond what reassembly may hold
  no_memory,     ///< the stack's memory is used up, and so is what the connection has in any case
};

struct Taken {
  /// It carried something else to say: as a duplicate ACK it is no sign of a loss (RFC 8684 §3).
  bool has_signal = false;
};
struct ResetWith {
  wire::ResetReason reason = wire::ResetReason::unspecified;
};
using Verdict = std::variant<Taken, Drop, ResetWith>;

/// Bytes bound to this subflow, kept until acknowledged.
class Source {
 public:
  virtual ~Source() = default;
  /// One past the last byte there is to send; never goes back.
  virtual SubPos end() const = 0;
  /// Bytes from `at` (< end()), fresh or again: at least 1, at most `at_most`, ending where the mapping of `at` ends.
  virtual Chain bytes(SubPos at, Bytes at_most) = 0;
  /// Bytes before `up_to` have arrived and will not be asked for again.
  virtual void acknowledged(SubPos up_to) = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;
  /// In order and without gaps: `at` is where the last delivery ended (the first is 1).
  virtual void deliver(SubPos at, Chain in_order, Instant now) = 0;
  /// The peer's FIN came, in order; `at` is one past its last byte.
  virtual void peer_finished(SubPos at, Instant now) = 0;
  /// What the window field shall say now, in bytes, before scaling. Called when a segment is built. The right edge
  /// that follows from it never moves back; whose right edge (subflow or connection) is the sink's affair.
  virtual Bytes window() = 0;
  /// How many bytes out of order may wait on this subflow.
  virtual Bytes reorder_room() const = 0;
  /// How many bytes there is memory for now, in order or not; what goes beyond is as if it had been lost.
  virtual Bytes memory_room(bool /*in_order*/) const { return {~std::uint64_t{0}}; }
};

enum class SegmentKind : std::uint8_t { syn, syn_ack, ack, data, fin, probe, reset };

/// A segment about to leave, as the role sees it before it adds its options.
struct Plan {
  SegmentKind kind = SegmentKind::ack;
  SubPos at{};      ///< of its first byte
  Bytes payload{};  ///< of the whole super-segment; ends inside one mapping
  bool retransmission = false;
  unsigned attempt = 0;                       ///< syn, syn_ack: how many were sent before
  std::size_t option_room = 0;                ///< bytes the role may fill, padding included
  std::optional<wire::ResetReason> reason{};  ///< reset: why
};

class Role {
 public:
  virtual ~Role() = default;
  /// Reads the MPTCP options of an acceptable segment before its acknowledgment and data are looked at. `at` is the
  /// position of its first byte, `acknowledges` what its ACK field says (0 without ACK flag). In the handshake it
  /// sees SYN, SYN/ACK and third ACK. A `Drop` ignores the whole segment.
  virtual Verdict read(const Segment& segment, SubPos at, SubPos acknowledges, Instant now) = 0;
  /// Adds options for a segment about to leave. What it adds fits `plan.option_room`.
  virtual void write(const Plan& plan, wire::MptcpOptions& out, Instant now) = 0;
  /// Bytes `write` will need at `at` with payload, so that the cut can be chosen before it is called.
  virtual std::size_t data_option_bytes(SubPos at) const = 0;
  /// The segment at `at` must be a single packet (MP_CAPABLE with data, RFC 8684 §3.1), not a super-segment.
  virtual bool single_packet(SubPos at) const = 0;
  /// There is something to say that cannot wait for data: a pure ACK will be sent for it, until this is false.
  virtual bool wants_segment() const = 0;
  /// The subflow's right edge, from an ACK with a (scaled) window. Plain TCP: `ack + window`. On a mapped subflow it
  /// never moves back, because the window speaks of the connection (RFC 8684 §3.3.5).
  /// Called once for every acceptable ACK, after `read`.
  virtual SubPos send_limit(SubPos ack, Bytes window, SubPos previous) = 0;
};

class PlainRole final : public Role {
 public:
  Verdict read(const Segment&, SubPos, SubPos, Instant) override { return Taken{}; }
  void write(const Plan&, wire::MptcpOptions&, Instant) override {}
  std::size_t data_option_bytes(SubPos) const override { return 0; }
  bool single_packet(SubPos) const override { return false; }
  bool wants_segment() const override { return false; }
  SubPos send_limit(SubPos ack, Bytes window, SubPos) override { return ack + window.n; }
};
}  // namespace anabranch::tcp

template <>
struct anabranch::Names<anabranch::tcp::Drop> {
  static constexpr std::string_view list[] = {
      "out_of_window",      "bad_ack",      "paws",    "no_ack_flag", "challenged_rst", "challenged_syn",
      "not_for_this_state", "role_refused", "no_room", "no_memory"};
};
