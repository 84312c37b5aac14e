#include "stream/autotune.hh"

namespace anabranch::stream {

bool ReceiveAutotune::consumed(Instant now, Bytes taken, Duration rtt) {
  in_round_ += taken;
  if (round_began_.is_never()) { round_began_ = now; }
  const Duration elapsed = now - round_began_;
  if (rtt.ns <= 0 || elapsed < rtt) { return false; }
  // An application that reads seldom sees several round trips' worth at once: count what one of them brought.
  const Bytes in_round{
      static_cast<std::uint64_t>(static_cast<unsigned __int128>(in_round_.n) * static_cast<std::uint64_t>(rtt.ns) /
                                 static_cast<std::uint64_t>(elapsed.ns))};
  in_round_ = {};
  round_began_ = now;
  // The sender may be doubling its window each round trip, so twice of this must fit at once, and as much again
  // because what a loss holds up stays in the buffer for a round trip.
  const Bytes wanted = std::min(in_round * 4, limits_.cap);
  if (wanted <= buffer_) { return false; }
  buffer_ = wanted;
  return true;
}
}  // namespace anabranch::stream
