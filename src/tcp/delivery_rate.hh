/// How fast the path delivers (draft-cheng-iccrg-delivery-rate-estimation-02): for each acknowledgment, what arrived
/// since the newest of what it covers left, over the longer of the times it took to send and to acknowledge that.
///
/// Remembers a snapshot of its counts for each instant at which something left, not for each packet: instants tell
/// departures apart. A flight in which the flow had nothing to say for a while is marked. Owned by the sender, which
/// feeds it only when the controller wants to know. Snapshots are bounded; without one there is no sample.
#pragma once
#include "cc/controller.hh"

#include <cstddef>
#include <deque>
#include <optional>

namespace anabranch::tcp {

class DeliveryRate {
 public:
  /// More flights of different instants are never remembered: a paced flow departs about once a millisecond.
  static constexpr std::size_t kMostSnapshots = 4096;

  /// Something leaves; `in_flight` does not count it yet, `size` is its payload.
  void on_sent(Instant now, Bytes in_flight, Bytes size);
  /// There was room, and nothing to send.
  void on_starved(Instant now) {
    if (!starved_since_) { starved_since_ = now; }
  }
  /// What is in flight, and what follows until it is acknowledged, says less than the path could do.
  void mark_limited(Bytes in_flight) { limited_until_ = delivered_ + in_flight.n + 1; }
  bool limited() const { return limited_until_ > delivered_; }

  struct Heard {
    Instant now;
    Bytes delivered;                     ///< newly, each byte once
    Bytes lost;                          ///< newly found lost
    std::optional<Instant> newest_left;  ///< departure of the newest of what was delivered
    std::optional<Instant> lost_left;    ///< departure of the newest of what was lost
    Bytes in_flight;                     ///< after all that
    Duration min_rtt;
  };
  /// An acknowledgment; what it says.
  cc::Delivery on_acked(const Heard& heard);
  std::uint64_t delivered() const { return delivered_; }
  Rate latest() const { return latest_; }  ///< the latest reliable sample

 private:
  struct Snapshot {
    Instant at;
    Instant first_sent_at;  ///< the flight that is measured began then
    Instant delivered_at;   ///< the latest delivery before
    std::uint64_t delivered = 0, lost = 0;
    Bytes in_flight;  ///< what left at `at` included
    bool limited = false;
  };
  const Snapshot* find(Instant at) const;

  std::deque<Snapshot> snapshots_;  ///< in order of time
  std::uint64_t delivered_ = 0, lost_ = 0;
  std::uint64_t limited_until_ = 0;  ///< samples are limited until more than this is delivered
  Instant delivered_at_, first_sent_at_;
  std::optional<Instant> starved_since_;
  Rate latest_;
};
}  // namespace anabranch::tcp
