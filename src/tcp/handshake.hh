/// SYN and SYN/ACK: what we offer, what was agreed on, when to try again.
///
/// Knows attempts and their timer (RFC 6298 §2.1, §5.5: one second, doubling), and how options of two SYNs become
/// an agreement (RFC 9293 §3.7.1, RFC 7323 §2.2 and §3.2, RFC 2018 §2). With a cookie the first SYN waits a moment for
/// bytes to carry (RFC 7413 §4.2.2); whether it may, and what became of it, is kept here. Owned by the endpoint, which
/// owns the phase. Builds no segment.
#pragma once
#include "tcp/context.hh"
#include "tcp/timestamps.hh"

#include <optional>
#include <utility>

namespace anabranch::tcp {

class Handshake {
 public:
  explicit Handshake(Context& context) : context_{context} {}

  /// A SYN shall leave.
  void begin(const std::optional<FastOpenOffer>& offer, Instant now);
  /// A SYN/ACK shall leave; attempts are counted anew.
  void begin_answer(const FastOpenGrant& grant);
  /// Our SYN/ACK has left without us (SYN cookies): only repetitions are ours.
  void begin_answered(Instant now);
  /// Takes over what the peer's SYN or SYN/ACK says, as far as we want the same.
  void agree(const Segment& syn);
  /// The peer's SYN came again: it has not seen our answer.
  void again() { due_ = true; }
  void done();
  /// The first SYN was answered by a reset, and carried bytes: somebody may have disliked those. True when it shall
  /// leave once more, without.
  bool try_plainly();

  /// Fast open bytes the first SYN may carry; zero when it may not, or has left.
  Bytes syn_room() const;
  /// The first bytes are there: the SYN need not wait for them.
  void bytes_are_there() { due_ = due_ || std::exchange(waiting_, false); }
  /// The option for the SYN or SYN/ACK that leaves next.
  std::optional<wire::FastOpen> fast_open() const;
  void forget_offer() { offer_.reset(); }
  bool offers() const { return offer_.has_value(); }
  bool may_carry() const { return offer_ && !offer_->cookie.empty() && attempts_ == 0; }
  /// Where the bytes on our first SYN end, and when they left.
  SubPos syn_end() const { return syn_end_; }
  Instant first_left() const { return first_left_; }
  /// What the SYN/ACK, acknowledging up to `ack`, says of our offer.
  void conclude(const Segment& syn_ack, SubPos ack);

  bool due() const { return due_; }
  bool answering() const { return answering_; }
  bool heard() const { return heard_; }            ///< the peer's SYN is here
  unsigned attempts() const { return attempts_; }  ///< how many have left
  wire::TcpOptions options(const Timestamps& stamps, Instant now) const;
  /// The two flags that ask for ECN, or say yes to it (RFC 3168 §6.1.1).
  void write_ecn(wire::TcpFlags& flags) const;
  void left(Bytes payload, bool fast_open, Instant now);
  /// The time for an answer is over: true when it was the last.
  bool on_deadline(Instant now);
  Instant deadline() const { return deadline_; }
  /// The round trip, if it is clear which attempt was answered (Karn).
  std::optional<Duration> rtt(Instant now) const;

 private:
  unsigned most_attempts() const;

  Context& context_;
  std::optional<FastOpenOffer> offer_;
  wire::FastOpen::Cookie grant_;
  SubPos syn_end_{1};
  bool fast_opened_ = false;  ///< our first SYN carried the option
  bool waiting_ = false;      ///< the first SYN, for bytes
  bool due_ = false, answering_ = false, scaled_ = false, heard_ = false;
  unsigned attempts_ = 0;
  Duration wait_{};
  Instant first_left_{};
  Instant deadline_ = Instant::never();
};
}  // namespace anabranch::tcp
