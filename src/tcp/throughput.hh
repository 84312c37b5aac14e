/// How many bytes a second arrive while the path is kept busy: what queues there will take so long to drain.
///
/// Bytes acknowledged between two acknowledgments that are far enough apart: half a round trip, or a whole one if they are
/// few, so that clumps of acknowledgments do not count as speed. Silence does not count. Coarser than delivery_rate.hh, and
/// free: schedulers ask for it whatever the controller is. Owned by the sender.
#pragma once
#include "base/units.hh"

namespace anabranch::tcp {

class Throughput {
 public:
  /// What leaves now follows silence.
  void rest(Instant now) {
    since_ = now;
    bytes_ = {};
    first_ = true;
  }
  /// Newly acknowledged, each byte once.
  void on_acked(Instant now, Bytes bytes, Bytes segment, Duration min_rtt) {
    if (first_) {  // begins with an answer: the round trip before it is not the path's speed
      since_ = now;
      first_ = false;
      return;
    }
    bytes_ += bytes;
    const Duration span = now - since_;
    const bool enough =
        bytes_ >= segment * kPackets || span >= min_rtt;  // a path may be slower than four in a round trip
    if (!enough || span < min_rtt / 2 || span <= Duration{}) { return; }
    const auto n = static_cast<unsigned __int128>(bytes_.n) * 1'000'000'000 / static_cast<std::uint64_t>(span.ns);
    rate_ = {static_cast<std::uint64_t>(n)};
    since_ = now;
    bytes_ = {};
  }
  Rate rate() const { return rate_; }  ///< the latest; zero: not known

 private:
  static constexpr std::uint64_t kPackets = 4;  ///< two acknowledgments that are delayed by the peer
  Instant since_{};
  Bytes bytes_;
  Rate rate_;
  bool first_ = true;
};
}  // namespace anabranch::tcp
