/// Leaving slow start before the queue overflows: HyStart++ (draft-ietf-tcpm-hystartplusplus-04, later RFC 9406).
///
/// Watches the smallest round-trip time of each round. When it rises, slow start goes on more slowly for a few rounds
/// (conservative slow start); if the rise lasts it is over, if not, full speed again. Only for a flow's first slow
/// start. Says how fast to grow; owns no window. Rounds are counted in acknowledged bytes: one is over when as much is
/// acknowledged as was in flight when it began.
#pragma once
#include "cc/controller.hh"

#include <cstdint>
#include <limits>

namespace anabranch::cc {

class HyStart {
 public:
  enum class Phase : std::uint8_t { standard, conservative, finished };

  // §4.3 of the draft.
  static constexpr Duration kMinThreshold{4'000'000};
  static constexpr Duration kMaxThreshold{16'000'000};
  static constexpr unsigned kSamples = 8;
  static constexpr unsigned kGrowthDivisor = 4;
  static constexpr unsigned kConservativeRounds = 5;

  /// Each acknowledgment of the first slow start.
  void on_acked(const Acked&);
  /// A loss or mark ended it.
  void finish() { phase_ = Phase::finished; }
  Phase phase() const { return phase_; }
  /// Slow start's growth is divided by this.
  unsigned growth_divisor() const { return phase_ == Phase::conservative ? kGrowthDivisor : 1; }

 private:
  static constexpr Duration kUnknown{std::numeric_limits<std::int64_t>::max()};
  void begin_round(Bytes in_flight);
  void judge();

  Phase phase_ = Phase::standard;
  std::uint64_t acked_ = 0, round_end_ = 0;
  Duration last_round_ = kUnknown, this_round_ = kUnknown, baseline_ = kUnknown;
  unsigned samples_ = 0, conservative_rounds_ = 0;
};
}  // namespace anabranch::cc
