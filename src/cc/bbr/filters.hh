/// What BBR remembers of the recent past: largest values, rounds, and whether the pipe is full.
///
/// Values without references; BBR owns one of each. draft-cardwell-iccrg-bbr-congestion-control-02; section numbers
/// below are the draft's.
#pragma once
#include "cc/controller.hh"

#include <algorithm>
#include <array>
#include <cstdint>

namespace anabranch::cc::bbr {

/// The largest value of the present and of the previous slot of time; the owner says when the next one begins.
class TwoSlotMaximum {
 public:
  void add(double value) { slots_[1] = std::max(slots_[1], value); }
  /// A slot without a value is no slot: what is known stays known.
  void advance() {
    if (slots_[1] <= 0) { return; }
    slots_[0] = slots_[1];
    slots_[1] = 0;
  }
  double get() const { return std::max(slots_[0], slots_[1]); }

 private:
  std::array<double, 2> slots_{};
};

/// Packet-timed round trips (§4.5.1): one is over when something is acknowledged that left after it began.
class Rounds {
 public:
  void on_acked(const Delivery& d) {
    started_ = d.known && d.total_then >= until_;
    if (!started_) { return; }
    until_ = d.total;
    ++count_;
    ++since_probe_;
  }
  /// A new one begins now, whatever is in flight.
  void restart(std::uint64_t delivered) { until_ = delivered; }
  void count_from(std::uint64_t rounds) { since_probe_ = rounds; }
  bool started() const { return started_; }  ///< with the latest acknowledgment
  std::uint64_t count() const { return count_; }
  std::uint64_t since_probe() const { return since_probe_; }

 private:
  std::uint64_t until_ = 0, count_ = 0, since_probe_ = 0;
  bool started_ = false;
};

/// Whether the path has ever been filled (§4.3.1.2): three rounds in which the bandwidth grew by less than a quarter.
class FullPipe {
 public:
  static constexpr double kGrowth = 1.25;
  static constexpr unsigned kRounds = 3;
  void on_round(double bandwidth) {
    if (bandwidth >= baseline_ * kGrowth) {
      baseline_ = bandwidth;
      flat_ = 0;
    } else if (++flat_ >= kRounds) {
      filled_ = true;
    }
  }
  void set() { filled_ = true; }
  bool filled() const { return filled_; }

 private:
  double baseline_ = 0;
  unsigned flat_ = 0;
  bool filled_ = false;
};

/// How much more is acknowledged at once than the bandwidth explains (§4.5.5): acknowledgments come in clumps.
class Aggregation {
 public:
  static constexpr std::uint64_t kRounds = 10;
  void restart(Instant now) { since_ = now; }
  void on_acked(const Acked& acked, double bandwidth, double window, std::uint64_t round) {
    double expected = bandwidth * seconds(acked.now - since_);
    if (delivered_ <= expected) {
      delivered_ = 0;
      since_ = acked.now;
      expected = 0;
    }
    delivered_ += static_cast<double>(acked.bytes.n);
    if (round >= slot_ends_) {
      extra_.advance();
      slot_ends_ = round + kRounds / 2;
    }
    extra_.add(std::min(delivered_ - expected, window));
  }
  double extra() const { return extra_.get(); }

 private:
  TwoSlotMaximum extra_;
  Instant since_;
  double delivered_ = 0;
  std::uint64_t slot_ends_ = kRounds / 2;
};

/// The round-trip time of the empty path (§4.3.4.4): a short memory that says when it should be measured again, and a
/// longer one that is believed.
class EmptyPath {
 public:
  static constexpr Duration kProbeInterval{5'000'000'000};
  static constexpr Duration kMemory{10'000'000'000};
  void on_acked(Instant now, std::optional<Duration> rtt) {
    if (!known_ && rtt) { probed_at_ = measured_at_ = now; }
    expired_ = known_ && now > probed_at_ + kProbeInterval;
    if (rtt && (!known_ || *rtt < probed_ || expired_)) {
      probed_ = *rtt;
      probed_at_ = now;
    }
    if (rtt && (!known_ || probed_ < rtt_ || now > measured_at_ + kMemory)) {
      rtt_ = probed_;
      measured_at_ = probed_at_;
    }
    known_ |= rtt.has_value();
  }
  /// It has been probed: not again before the interval is over.
  void probed(Instant now) { probed_at_ = now; }
  bool known() const { return known_; }
  bool expired() const { return expired_; }  ///< as of the latest acknowledgment
  Duration rtt() const { return rtt_; }

 private:
  Duration probed_, rtt_;
  Instant probed_at_, measured_at_;
  bool known_ = false, expired_ = false;
};
}  // namespace anabranch::cc::bbr
