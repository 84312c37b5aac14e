/// What a stack remembers of those it has connected to: fast open cookies, and what the way there cannot take.
///
/// One entry for a local address and a remote address with its port (RFC 7413 §4.1.3: cookies hang on both addresses,
/// service on the port). Bounded: the one not used for longest gives way. Nothing here is ever needed for a connection
/// to work; it only saves round trips (RFC 9040). Owned by a stack.
#pragma once
#include "base/address.hh"
#include "tcp/fast_open.hh"

#include <list>
#include <map>

namespace anabranch::stack {

struct Destination {
  Address local;
  SocketAddress remote;
  constexpr auto operator<=>(const Destination&) const = default;
};

/// Something that a path dropped: avoided for a while, and twice as long each time it happens again.
class Avoided {
 public:
  bool now(Instant now) const { return now < until_; }
  void happened(Instant now, Duration first);
  void works() { *this = {}; }

 private:
  static constexpr unsigned kMostDoublings = 6;  ///< Linux: an hour becomes 64
  unsigned times_ = 0;
  Instant until_{};
};

struct Remembered {
  wire::FastOpen::Cookie cookie;
  std::uint32_t mss = 0;  ///< the peer's; 0: not known
  Avoided fast_open;      ///< RFC 7413 §4.1.3.1
  Avoided multipath;      ///< SYNs with MP_CAPABLE
  Avoided patience;       ///< waiting for MPTCP over other interfaces when this one answers without (RFC 8041 §3.10)
};

class Destinations {
 public:
  explicit Destinations(std::size_t most) : most_{most} {}
  /// Nothing when it is not known; counts as used.
  Remembered* find(const Destination& where);
  /// Made when it is not known. `most` must not be 0.
  Remembered& at(const Destination& where);
  std::size_t size() const { return order_.size(); }

 private:
  using Entry = std::pair<Destination, Remembered>;
  std::size_t most_;
  std::list<Entry> order_;  ///< the one used last is first
  std::map<Destination, std::list<Entry>::iterator> index_;
};
}  // namespace anabranch::stack
