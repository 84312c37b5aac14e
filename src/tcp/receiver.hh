/// The receiving half: what came, what is missing, what we say of it.
///
/// Hands bytes to the sink in order and exactly once. Remembers the furthest right edge ever offered, beyond which
/// nothing is taken; how much to offer is the sink's affair. Owned by the endpoint; decides with `AckPolicy` when an
/// acknowledgment is due, but builds no segment (RFC 9293 §3.10.7.4, RFC 2018, RFC 2883).
#pragma once
#include "stream/reassembly.hh"
#include "tcp/ack_policy.hh"
#include "tcp/context.hh"
#include "tcp/ecn_echo.hh"

#include <optional>

namespace anabranch::tcp {

class Receiver {
 public:
  explicit Receiver(Context& context);

  /// Payload and FIN of an acceptable segment. A drop when nothing of it could be used.
  std::optional<Drop> on_segment(const Segment& segment, SubPos at, Instant now);
  /// The congestion bits of a segment with payload (RFC 3168 §6.1.3).
  void on_marks(const Segment& segment);
  bool echoes_mark() const { return echo_.echoes(); }
  /// A segment that was wholly received before (for D-SACK).
  void on_duplicate(SubPos at, std::uint64_t payload);

  /// The window field for a segment leaving now, scaled by `shift`; what it offers is kept.
  std::uint16_t offer(std::uint8_t shift);
  /// SACK blocks in the order of RFC 2018 §4, at most `room`; a D-SACK first (RFC 2883 §4).
  void report(wire::TcpOptions& options, std::size_t room) const;
  bool has_blocks() const { return context_.agreed.sack && reassembly_.has_gap(); }
  /// A segment with an acknowledgment left, with or without room for blocks.
  void acknowledged(bool with_blocks);

  SubPos next() const { return reassembly_.next(); }
  SubPos edge() const { return edge_; }
  /// The sink may have promised more elsewhere (another subflow of the connection) than this subflow has said.
  void renew_edge() { edge_ = std::max(edge_, next() + context_.sink.window().n); }
  /// The last acknowledgment that left (RFC 7323's Last.ACK.sent).
  SubPos last_acknowledged() const { return last_acknowledged_; }
  Bytes delivered() const { return delivered_; }
  Bytes held() const { return reassembly_.held(); }
  AckPolicy& acks() { return acks_; }
  const AckPolicy& acks() const { return acks_; }
  bool is_consistent() const;

 private:
  void take_payload(Chain payload, SubPos at, const Segment& segment, Instant now, std::optional<Drop>& drop);
  void finish_if_complete(Instant now);

  Context& context_;
  stream::Reassembly<SubPos> reassembly_;
  AckPolicy acks_;
  EcnEcho echo_;
  SubPos edge_{1};
  SubPos last_acknowledged_{};
  std::optional<SubPos> fin_at_;
  std::optional<stream::Reassembly<SubPos>::Range> duplicate_;
  Bytes delivered_;
};
}  // namespace anabranch::tcp
