#include "stream/autotune.hh"

namespace anabranch::stream {

bool ReceiveAutotune::consumed(Instant now, Bytes taken, Duration rtt) {
  taken_ += taken;
  if (round_began_.is_never()) { round_began_ = now; }
  const Duration elapsed = now - round_began_;
  if (rtt.ns <= 0 || elapsed < rtt) { return false; }
  // An application that reads seldom sees several round trips' worth at once: count what one of them brought.
  const Bytes both = std::min(taken_, arrived_);
  const Bytes in_round{
      static_cast<std::uint64_t>(static_cast<unsigned __int128>(both.n) * static_cast<std::uint64_t>(rtt.ns) /
                                 static_cast<std::uint64_t>(elapsed.ns))};
  taken_ = arrived_ = {};
  round_began_ = now;
  // The sender may be doubling its window each round trip, so twice of this must fit at once, and as much again
  // because what a loss holds up stays in the buffer for a round trip.
  return grow(in_round * 4);
}

namespace {
/// So many of the longest round trips' worth.
unsigned round_trips(std::span<const SendingPath> paths) { return paths.size() > 1 ? 3 : 2; }
}  // namespace

Bytes wanted_to_send(std::span<const SendingPath> paths) {
  std::int64_t longest = 0;
  for (const SendingPath& p : paths) { longest = std::max(longest, p.srtt.ns); }
  unsigned __int128 sum = 0;
  for (const SendingPath& p : paths) {
    const auto window = static_cast<unsigned __int128>(p.window.n);
    sum +=
        p.srtt.ns > 0 ? window * static_cast<std::uint64_t>(longest) / static_cast<std::uint64_t>(p.srtt.ns) : window;
  }
  constexpr unsigned __int128 kMost = std::uint64_t{1} << 40;  // beyond any configuration
  return {static_cast<std::uint64_t>(std::min(sum * round_trips(paths), kMost))};
}

bool may_want_more(std::span<const SendingPath> paths, Bytes buffer) {
  double longest = 0, rates = 0, unknown = 0;
  for (const SendingPath& p : paths) {
    const auto window = static_cast<double>(p.window.n), srtt = static_cast<double>(p.srtt.ns);
    longest = std::max(longest, srtt);
    (p.srtt.ns > 0 ? rates : unknown) += p.srtt.ns > 0 ? window / srtt : window;
  }
  constexpr double kSafely = 1.001;  // more than what rounding can do
  return (rates * longest + unknown) * round_trips(paths) * kSafely >= static_cast<double>(buffer.n);
}
}  // namespace anabranch::stream
