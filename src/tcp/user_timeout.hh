/// The user timeout that follows from ours and the peer's (RFC 5482 §3.1): the longer of both, within limits.
///
/// Plain functions. The endpoint says ours with its SYN and the first segment after it, and hears the peer's.
#pragma once
#include "base/units.hh"

#include <algorithm>

namespace anabranch::tcp {

/// RFC 5482 §3.1 asks for at least 100 s, and more than the retransmission timeout, which is at most 60 s here.
inline constexpr Duration kLeastUserTimeout{100'000'000'000};
/// Of ours: the RFC wants a limit and gives none. An hour is what a laptop may sleep in a bag; a peer that wants more
/// would have us hold its memory.
inline constexpr Duration kMostUserTimeout{3'600'000'000'000};

/// `advertised`: ours. Never below what the application asked for, not even at the limits.
constexpr Duration adopted_user_timeout(Duration advertised, Duration remote) {
  const Duration most = std::max(kMostUserTimeout, advertised);
  return std::min(most, std::max({advertised, remote, kLeastUserTimeout}));
}
}  // namespace anabranch::tcp
