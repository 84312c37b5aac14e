/// SYN and SYN/ACK: what we offer, what was agreed on, when to try again.
///
/// Knows attempts and their timer (RFC 6298 §2.1, §5.5: one second, doubling), and how options of two SYNs become
/// an agreement (RFC 9293 §3.7.1, RFC 7323 §2.2 and §3.2, RFC 2018 §2). Owned by the endpoint, which owns the phase.
/// Payload on a SYN is neither sent nor taken: unacknowledged, it comes again.
#pragma once
#include "tcp/context.hh"
#include "tcp/timestamps.hh"

#include <optional>

namespace anabranch::tcp {

class Handshake {
 public:
  explicit Handshake(Context& context) : context_{context} {}

  /// A SYN, or with `answering` a SYN/ACK, shall leave; attempts are counted anew.
  void begin(bool answering);
  /// Our SYN/ACK has left without us (SYN cookies): only repetitions are ours.
  void begin_answered(Instant now);
  /// Takes over what the peer's SYN or SYN/ACK says, as far as we want the same.
  void agree(const Segment& syn);
  /// The peer's SYN came again: it has not seen our answer.
  void again() { due_ = true; }
  void done();

  bool due() const { return due_; }
  bool answering() const { return answering_; }
  bool heard() const { return heard_; }            ///< the peer's SYN is here
  unsigned attempts() const { return attempts_; }  ///< how many have left
  wire::TcpOptions options(const Timestamps& stamps, Instant now) const;
  /// The two flags that ask for ECN, or say yes to it (RFC 3168 §6.1.1).
  void write_ecn(wire::TcpFlags& flags) const;
  void left(Instant now);
  /// The time for an answer is over: true when it was the last.
  bool on_deadline(Instant now);
  Instant deadline() const { return deadline_; }
  /// The round trip, if it is clear which attempt was answered (Karn).
  std::optional<Duration> rtt(Instant now) const;

 private:
  Context& context_;
  bool due_ = false, answering_ = false, scaled_ = false, heard_ = false;
  unsigned attempts_ = 0;
  Duration wait_{};
  Instant first_left_{};
  Instant deadline_ = Instant::never();
};
}  // namespace anabranch::tcp
