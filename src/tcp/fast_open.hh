/// TCP Fast Open as one connection sees it (RFC 7413): what it is told before it opens, and what came of it.
///
/// Plain values. Cookies are made, checked and kept by the stack, which knows addresses; the endpoint puts them on SYN
/// and SYN/ACK, sends bytes with the SYN, and takes those of the peer's SYN. Only the first SYN carries any of it: a path
/// that drops it costs a second, once (§4.2.2).
#pragma once
#include "base/names.hh"
#include "wire/tcp_option.hh"

#include <optional>

namespace anabranch::tcp {

/// For a connection we open.
struct FastOpenOffer {
  wire::FastOpen::Cookie cookie;  ///< empty: ask for one, and nothing rides on the SYN
  std::uint32_t mss = 0;          ///< the peer's, from before; 0: not known, the default counts
  Duration patience{};            ///< with a cookie: how long the SYN waits for the first bytes
};

/// For a connection that was opened to us.
struct FastOpenGrant {
  wire::FastOpen::Cookie cookie;  ///< told with the SYN/ACK, shortened if there is no room; empty: nothing is told
  bool take_data = false;         ///< the SYN proved its address: its bytes count, and we may answer at once
};

enum class FastOpenOutcome : std::uint8_t {
  unused,
  asked,     ///< a SYN asked for a cookie and was answered
  accepted,  ///< bytes of the SYN counted
  refused,   ///< the SYN was answered, its bytes were not taken
  lost,      ///< no answer until a SYN without it went: the path may drop such SYNs
};
}  // namespace anabranch::tcp

template <>
struct anabranch::Names<anabranch::tcp::FastOpenOutcome> {
  static constexpr std::string_view list[] = {"unused", "asked", "accepted", "refused", "lost"};
};
