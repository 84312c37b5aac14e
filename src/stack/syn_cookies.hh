/// Answers SYNs without keeping anything of them, and recalls from the third segment what was agreed (RFC 4987 §3.6).
///
/// Pure but for the time of the last answer: segments in, segments and values out. The stack decides when to use it,
/// and starts a connection from what is recalled as if its SYN had just been accepted. MPTCP's key comes with it, and
/// MP_CAPABLE with data does as well as the third ACK (RFC 8684 §3.1). Costs: the peer's MSS in four steps; window
/// scale and SACK only with timestamps; an answer that is lost is repeated when the peer repeats its SYN, not before.
#pragma once
#include "crypto/syn_cookie.hh"
#include "mptcp/subflow.hh"

#include <variant>

namespace anabranch::stack {

/// What a SYN/ACK to `syn` says at the TCP level, with `way` and `config` as the endpoint's (RFC 9293 §3.10.7.2).
/// `clock`: of the timestamps option, if that is agreed on.
Segment answer_to_syn(const Segment& syn, const mptcp::Config& config, const mptcp::Way& way, std::uint32_t clock);

class SynCookies {
 public:
  explicit SynCookies(Random& random) : cookie_{random} {}

  /// The SYN/ACK. With MP_CAPABLE when the SYN asks for MPTCP in a way we speak.
  Segment answer(const Segment& syn, const mptcp::Config& config, const mptcp::Way& way, Instant now);

  /// A connection as its SYN would have begun it.
  struct Recalled {
    Segment syn;  ///< without payload
    SeqNum isn;   ///< ours
    wire::Key key;
    tcp::Answered answered;
  };
  struct Follows {};   ///< may belong to a cookie, but what opens its connection is missing: it comes again
  struct Stranger {};  ///< nothing that we have answered
  using Recall = std::variant<Recalled, Follows, Stranger>;
  /// What a segment with ACK, without SYN or RST, that belongs to no connection stands for.
  Recall recall(const Addresses& addresses, const Segment& third, const mptcp::Config& config, Instant now) const;

  /// Whether an answer of ours may still be good: else segments need not be looked at.
  bool waiting(Instant now) const { return answered_ && now - last_ <= crypto::SynCookie::kLife; }
  std::uint32_t timestamp_offset(const Addresses& addresses) const {
    return cookie_.timestamp_offset(addresses.local, addresses.remote);
  }

 private:
  crypto::SynCookie cookie_;
  Instant last_{};
  bool answered_ = false;
};
}  // namespace anabranch::stack
