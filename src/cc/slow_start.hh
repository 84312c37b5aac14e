/// Leaving slow start before the queue overflows: HyStart++ (draft-ietf-tcpm-hystartplusplus-04, later RFC 9406), and
/// the rate at which acknowledgments come (docs/decisions/0016-ack-trains.md).
///
/// Watches the smallest round-trip time of each round. When it rises, slow start goes on more slowly for a few rounds
/// (conservative slow start); if the rise lasts it is over, if not, full speed again. It is over at once when the window
/// is more than the pipe holds, as a train of acknowledgments shows. Only for a flow's first slow start. Says how fast to
/// grow; owns no window. A round is over when as much is acknowledged as was in flight when it began.
#pragma once
#include "cc/controller.hh"

#include <cstdint>
#include <limits>

namespace anabranch::cc {

/// Acknowledgments that come without a pause, and with round-trip times that grow: their packets were sent faster than
/// the bottleneck let them through one behind the other, so they come at its rate.
class AckTrain {
 public:
  static constexpr unsigned kEnough = 16;  ///< acknowledgments that tell a rate
  static constexpr int kPauses = 4;        ///< a pause is longer than such a part of the round-trip time
  static constexpr int kSpread = 4;        ///< round-trip times grow by such a part of the train's length at least

  /// `smallest`: the smallest round-trip time so far.
  void on_acked(const Acked& acked, Duration smallest);
  /// What the pipe holds at the rate of the train. Nothing while the train is short, or tells of less than a quarter of
  /// what is in flight (its rate may be that of a burst, or of one pause), or came as slowly as it was sent.
  std::optional<Bytes> pipe(Bytes in_flight, Duration smallest) const;

 private:
  Instant began_, last_;
  std::optional<Duration> first_rtt_, last_rtt_;
  std::uint64_t bytes_ = 0;  ///< acknowledged after its first acknowledgment
  unsigned count_ = 0;
};

class HyStart {
 public:
  enum class Phase : std::uint8_t { standard, conservative, finished };

  // §4.3 of the draft.
  static constexpr Duration kMinThreshold{4'000'000};
  static constexpr Duration kMaxThreshold{16'000'000};
  static constexpr unsigned kSamples = 8;
  static constexpr unsigned kGrowthDivisor = 4;
  static constexpr unsigned kConservativeRounds = 5;
  static constexpr double kFill = 1.25;  ///< more than the pipe by so much, and a queue stands for sure

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
  bool pipe_is_full(const Acked& acked) const;

  Phase phase_ = Phase::standard;
  std::uint64_t acked_ = 0, round_end_ = 0;
  AckTrain train_;
  Duration smallest_ = kUnknown;
  Duration last_round_ = kUnknown, this_round_ = kUnknown, baseline_ = kUnknown;
  unsigned samples_ = 0, conservative_rounds_ = 0;
};
}  // namespace anabranch::cc
