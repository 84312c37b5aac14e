/// Fast open cookies of a server: which address a SYN proved, by a keyed hash of it (RFC 7413 §4.1.2).
///
/// Two keys: cookies are made with the younger and believed with either, so that each lives for one to two periods. Keys
/// are drawn when first needed. The first bytes of a cookie are a cookie too, as far down as `kShortest`: beside MPTCP's
/// options there may be no room for more (RFC 8684 appendix B.1). Owned by a stack.
#pragma once
#include "base/random.hh"
#include "crypto/siphash.hh"
#include "packet/segment.hh"
#include "wire/tcp_option.hh"

namespace anabranch::stack {

class CookieJar {
 public:
  static constexpr std::size_t kLongest = 8, kShortest = 6;
  enum class Answer : std::uint8_t { wrong, old, good };  ///< old: believed, and worth replacing

  CookieJar(Random& random, Duration period) : random_{random}, period_{period} {}
  /// For the peer at `from.remote`, who talks to our address.
  wire::FastOpen::Cookie cookie(const Addresses& from, Instant now);
  Answer check(const wire::FastOpen::Cookie& told, const Addresses& from, Instant now);

 private:
  void turn_keys(Instant now);
  wire::FastOpen::Cookie made_with(const crypto::SipKey& key, const Addresses& from) const;

  Random& random_;
  Duration period_;
  crypto::SipKey young_{}, old_{};
  Instant turn_at_{};  ///< when the young key grows old; the origin of time: there are none yet
};
}  // namespace anabranch::stack
