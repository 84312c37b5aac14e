/// SYN cookies: an answer to a SYN that lets the third segment prove what was agreed, without any memory of it.
///
/// RFC 4987 §3.6. The initial sequence number is the peer's plus keyed hashes of the 4-tuple and of the period of 64
/// seconds, and carries an index into a table of MSS values; a timestamp's low bits carry the window scale, SACK and
/// ECN (as Linux does). MPTCP's key is derived from the same facts, so that it too is known again. A cookie holds for
/// its period and the next. Of all numbers one in 2^29 is good. Owned by a stack; the secrets live as long.
#pragma once
#include "base/address.hh"
#include "base/seq.hh"
#include "base/units.hh"
#include "crypto/siphash.hh"
#include "wire/mptcp_option.hh"

#include <optional>

namespace anabranch::crypto {

/// Whose cookie: all of it is in every segment of the peer that begins where its SYN ended.
struct CookieFlow {
  SocketAddress local, remote;
  SeqNum peer_isn;
};

/// What a timestamp can carry home (RFC 7323 §5.4 leaves its value to us).
struct TimestampNote {
  std::optional<std::uint8_t> window_scale;  ///< the peer's, 0 to 14; none: it does not scale
  bool sack = false;
  bool ecn = false;
  constexpr bool operator==(const TimestampNote&) const = default;
};
/// The largest value not after `clock` that carries the note: at most 64 ticks before it.
std::uint32_t note_in_timestamp(std::uint32_t clock, const TimestampNote& note);
TimestampNote note_of_timestamp(std::uint32_t echo);

class SynCookie {
 public:
  static constexpr Duration kPeriod{64'000'000'000};
  static constexpr Duration kLife = kPeriod * 2;  ///< no cookie is older

  explicit SynCookie(Random& random);

  SeqNum make(const CookieFlow& flow, std::uint32_t mss, Instant now) const;
  struct Valid {
    std::uint32_t mss = 0;  ///< the largest of the table that is not larger than the peer's
    std::uint32_t period = 0;
  };
  std::optional<Valid> check(const CookieFlow& flow, SeqNum cookie, Instant now) const;
  /// Whether a segment that begins up to `window` bytes too late for `check` may belong to a cookie of ours.
  bool may_follow(const CookieFlow& flow, SeqNum cookie, Bytes window, Instant now) const;

  /// Our key of the connection; never 0, which is no key.
  wire::Key key(const CookieFlow& flow, std::uint32_t period) const;
  /// Where the timestamp clock of the 4-tuple begins: the same for every connection, so that it never goes back.
  std::uint32_t timestamp_offset(const SocketAddress& local, const SocketAddress& remote) const;
  static std::uint32_t period_at(Instant now) { return static_cast<std::uint32_t>(now.ns / kPeriod.ns); }

 private:
  std::uint32_t base(const CookieFlow& flow) const;
  std::uint32_t tag(const CookieFlow& flow, std::uint32_t period) const;

  SipKey base_key_, tag_key_, key_key_, clock_key_;  ///< one for each purpose
};
}  // namespace anabranch::crypto
