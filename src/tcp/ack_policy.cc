#include "tcp/ack_policy.hh"

#include <algorithm>

namespace anabranch::tcp {

void AckPolicy::on_data(Bytes payload, std::uint32_t packet, Instant now) {  // [9293-MUST-58 9293-SHLD-18 9293-SHLD-19]
  full_ = std::clamp(packet, full_, std::max(our_mss_, full_));
  pending_ += payload;
  const std::uint64_t packets = std::max<std::uint64_t>(1, (payload.n + full_ - 1) / full_);
  const bool quick = quick_ > 0;
  quick_ = packets >= quick_ ? 0 : quick_ - static_cast<unsigned>(packets);
  // More than one full packet, as Linux counts: packets differ by what their options leave, and three of the smaller ones
  // may be less than two of the largest.
  if (quick || pending_.n > full_) {
    at_once();
  } else {
    deadline_ = std::min(deadline_, now + delay_);
  }
}

void AckPolicy::sent() {
  owed_ = owed_ > 0 ? owed_ - 1 : 0;
  pending_ = {};
  deadline_ = Instant::never();
}
}  // namespace anabranch::tcp
