/// Whether a segment belongs to a synchronised connection, as one function from facts to a ruling.
///
/// RFC 9293 §3.10.7.4 with RFC 5961 (blind attacks) and RFC 7323 §5 (PAWS), in the order those give. Reads and
/// changes nothing else: the endpoint gathers the facts and obeys. Which options a segment carries is not asked.
#pragma once
#include "base/seq.hh"
#include "base/units.hh"
#include "tcp/config.hh"
#include "tcp/roles.hh"
#include "wire/tcp_option.hh"

namespace anabranch::tcp {

/// A segment in positions, and what we expect.
struct Facts {
  wire::TcpFlags flags;
  SubPos at;                 ///< of its first position
  std::uint64_t length = 0;  ///< payload, SYN and FIN
  SubPos ack;                ///< its acknowledgment; meaningless without ACK flag
  bool old_timestamp = false;
  bool no_timestamp = false;  ///< none, though agreed on (RFC 7323 §3.2: drop, unless RST)
  Phase phase = Phase::open;
  bool both_opened = false;  ///< SYN-RECEIVED, and we had sent a SYN of our own before
  SubPos next;               ///< RCV.NXT
  SubPos edge;               ///< first position never offered
  SubPos una, sent_up_to;    ///< SND.UNA, SND.NXT
  Bytes largest_window;      ///< the peer's largest offer (RFC 5961 §5)
};

/// What follows from it.
enum class Answer : std::uint8_t {
  none,
  ack,        ///< at once: it may be a retransmission whose ACK was lost, or a probe
  challenge,  ///< an ACK, as rarely as RFC 5961 §7 says
  reset_him,  ///< RST with SEQ = SEG.ACK, we live on (RFC 9293 §3.10.7.4, SYN-RECEIVED)
  die,        ///< an acceptable RST
};
struct Ruling {
  std::optional<Drop> drop;  ///< nothing: go on with it
  Answer answer = Answer::none;
  constexpr bool operator==(const Ruling&) const = default;
};

Ruling judge(const Facts& facts);

/// The end of a connection that lingers in TIME-WAIT.
struct LastSeen {
  SeqNum next, our_next;               ///< RCV.NXT and SND.NXT
  std::optional<std::uint32_t> stamp;  ///< the peer's last timestamp, if both used them
  Instant stamped_at{};
};
/// Whether a SYN at `seq`, with `stamp` if the new connection would use timestamps, may take the place of the old one
/// (RFC 6191 §2, RFC 1122 §4.2.2.13).
bool may_follow(const LastSeen& last, SeqNum seq, std::optional<std::uint32_t> stamp);

/// At most so many answers in so much time: a bucket of tokens that refills steadily.
class AnswerLimit {
 public:
  AnswerLimit(unsigned burst, Duration each) : burst_{burst}, each_{each} {}
  bool allow(Instant now);

 private:
  unsigned burst_;
  Duration each_;      ///< time in which one more answer is allowed
  Instant full_at_{};  ///< when the bucket is full again
};
}  // namespace anabranch::tcp
