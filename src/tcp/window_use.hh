/// Whether the congestion window is used: one that is not must not grow, and fades (RFC 2861, RFC 7661 §1, Linux).
///
/// Acknowledgments of what left while the window was full let it grow; others do not. When for a whole retransmission
/// timeout the application had less to say than the window allows, the most it had in flight is reported, once each
/// such time. Owned by the sender. Silence is another matter (`Controller::after_idle`). Decision 0009.
#pragma once
#include "base/seq.hh"
#include "base/units.hh"

#include <algorithm>
#include <optional>
#include <utility>

namespace anabranch::tcp {

class WindowUse {
 public:
  explicit WindowUse(Instant now = {}) : since_{now} {}

  /// Something left, up to `next`; `flying` are now in flight. `full`: that is about the window.
  void on_sent(Instant now, SubPos next, Bytes flying, bool full) {
    if (full) {
      full_up_to_ = next;
      since_ = now;
      most_ = {};
    }
    most_ = std::max(most_, flying);
  }
  /// Whether what follows `una` left while the window was full.
  bool limited(SubPos una) const { return una < full_up_to_; }
  /// The application has said everything: what was the most in flight, if the window was not needed for that long.
  std::optional<Bytes> underused(Instant now, Duration rto) {
    if (now - since_ < rto) { return std::nullopt; }
    since_ = now;
    return std::exchange(most_, {});
  }

 private:
  Instant since_;      ///< the window was not needed since
  Bytes most_;         ///< in flight in that time
  SubPos full_up_to_;  ///< when the window last was full, this was sent
};
}  // namespace anabranch::tcp
