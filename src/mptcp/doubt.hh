/// Whether a path still lives: asked with keep-alives, believed to live when something comes that can be an answer.
///
/// A REMOVE_ADDR is not proof that a path is gone (RFC 8684 §3.4.2), nor is a further join from the same address. The
/// owner sends the first probe when it begins to doubt, and a probe or a reset as `on_deadline` says. What had left the
/// peer before it knew of our question must not count as an answer: half of the shortest round trip tells the two apart.
#pragma once
#include "base/check.hh"
#include "base/names.hh"
#include "base/units.hh"

#include <algorithm>

namespace anabranch::mptcp {

class Doubt {
 public:
  enum class Cause : std::uint8_t {
    address_removed,  ///< the peer withdrew the address: until it answers, others carry the data
    replaced,         ///< the peer joins again from there, and there is room for one only
    peer_moved,  ///< the peer sends on a backup, so it has given this one up: others carry the data until it answers
  };
  enum class Ask : std::uint8_t { nothing, probe, gone };

  /// `rto`: of the subflow, so that an answer has time; `shortest`: its shortest round trip so far, zero if not known.
  Doubt(Cause cause, Instant now, Duration rto, Duration shortest)
      : cause_{cause},
        earliest_{now + shortest / 2},
        wait_{std::max(rto, kLeastWait)},
        next_{now + wait_} {}

  Cause cause() const { return cause_; }
  bool answered_by(Instant arrival) const { return arrival >= earliest_; }
  Instant deadline() const { return next_; }
  Ask on_deadline(Instant now) {
    if (now < next_) { return Ask::nothing; }
    // Who only moved away may come back: such a path is asked for ever, if ever more rarely.
    if (probes_ == kProbes && cause_ != Cause::peer_moved) { return Ask::gone; }
    ++probes_;
    wait_ = std::min(wait_ * 2, kLongestWait);
    next_ = now + wait_;
    return Ask::probe;
  }

  static constexpr unsigned kProbes = 2;          ///< one may be lost; at 1 % loss both are once in 5000 times
  static constexpr Duration kLeastWait = 200_ms;  ///< as the least RTO
  static constexpr Duration kLongestWait = 60_s;  ///< between probes of what never answers (RFC 9293 §3.8.6.1's)

 private:
  Cause cause_;
  Instant earliest_;
  Duration wait_;
  Instant next_;
  unsigned probes_ = 1;
};
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Doubt::Cause> {
  static constexpr std::string_view list[] = {"address_removed", "replaced", "peer_moved"};
};
