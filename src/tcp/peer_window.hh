/// What the peer lets us send on this subflow: the window of the latest segment that told one.
///
/// RFC 9293 §3.10.7.4 (SND.WL1, SND.WL2) says which segment is the latest; what its window means is the role's
/// answer, because on a mapped subflow it speaks of the connection. Owned by the sender.
#pragma once
#include "base/units.hh"
#include "tcp/roles.hh"

#include <algorithm>

namespace anabranch::tcp {

class PeerWindow {
 public:
  /// True when the window changed. `window` in bytes. The role hears of every one, the limit follows the latest.
  bool on_segment(Role& role, SubPos at, SubPos ack, Bytes window) {
    const SubPos limit = role.send_limit(ack, window, limit_);
    if (at < told_at_ || (at == told_at_ && ack < told_ack_)) { return false; }
    told_at_ = at;
    told_ack_ = ack;
    const bool same = window == window_;
    window_ = window;
    largest_ = std::max(largest_, window);
    limit_ = limit;
    return !same;
  }
  SubPos limit() const { return limit_; }
  Bytes largest() const { return largest_; }

 private:
  SubPos told_at_, told_ack_, limit_{1};
  Bytes window_, largest_;
};
}  // namespace anabranch::tcp
