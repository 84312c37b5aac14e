#include "cc/new_reno.hh"

namespace anabranch::cc {

double NewReno::growth(const Acked& acked, const Flow& self, const Siblings&) const {
  return static_cast<double>(acked.bytes.n) * static_cast<double>(self.segment.n) / static_cast<double>(self.window.n);
}

// Half the window rather than half of what is in flight: the window does not grow unless it is used, so it is not
// larger than what was validated (RFC 7661 §4.4), and bursts make the flight at a given moment arbitrary.
Bytes NewReno::after_loss(const Lost&, const Flow& self, const Siblings&) const { return self.window / 2; }
}  // namespace anabranch::cc
