/// Which packets a queue takes, marks or drops before it is full: drop-tail, random drop, RED, CoDel.
///
/// A rule sees a packet come and go with what waits at that moment, and rules: pass, mark (a packet that cannot be
/// marked is dropped instead), or drop. The limits of the queue hold besides and are the pipe's affair. One rule a
/// file; drop-tail is no rule. Owned by a pipe.
#pragma once
#include "base/names.hh"
#include "base/random.hh"
#include "base/units.hh"

#include <cstdint>
#include <memory>

namespace anabranch::sim {

enum class Discipline : std::uint8_t { drop_tail, random_drop, red, codel };

/// Random Early Detection (Floyd and Jacobson 1993), thresholds in packets. The defaults are the paper's (§IX), with
/// the gentle slope above `high` that came later.
struct RedSpec {
  double low = 5,
         high = 15;  ///< of the averaged queue: below nothing happens, above `high` (2 `high`: gentle) all drop
  double probability = 0.02;  ///< of a mark or drop at `high`
  double weight = 0.002;      ///< of the newest sample in the average
  bool ecn = false;           ///< packets that may be marked are marked instead of dropped, while below `high`
  bool gentle = true;
  bool operator==(const RedSpec&) const = default;
};

/// Controlled Delay (RFC 8289); the defaults are those of §4.2 and §4.3.
struct CodelSpec {
  Duration target{5'000'000}, interval{100'000'000};
  bool ecn = false;  ///< packets that may be marked are marked instead of dropped
  bool operator==(const CodelSpec&) const = default;
};

struct QueueSpec {
  Discipline kind = Discipline::drop_tail;
  std::uint32_t packets = 0;  ///< that may wait; 0: bytes alone limit. With packets and no bytes given: packets alone
  std::uint32_t random_places = 3;  ///< random_drop: so many of the last places are given by chance only
  double random_probability = 0.1;  ///< random_drop: that a packet for one of these is dropped
  RedSpec red;
  CodelSpec codel;
  bool operator==(const QueueSpec&) const = default;
};

/// What waits in front of a transmitter.
struct Waiting {
  Bytes bytes;
  std::size_t packets = 0;
  Bytes most_bytes;
  std::size_t most_packets = 0;  ///< the limits
  Rate rate;                     ///< of the transmitter
};

enum class Ruling : std::uint8_t { pass, mark, drop };

class QueueRule {
 public:
  virtual ~QueueRule() = default;
  /// A packet has come and finds this queue; `idle`: the transmitter could send it at once.
  virtual Ruling enter(const Waiting& queue, Bytes size, bool idle, Instant now) {
    (void)queue, (void)size, (void)idle, (void)now;
    return Ruling::pass;
  }
  /// A packet that came at `since` is next to be sent and leaves this queue behind.
  virtual Ruling leave(const Waiting& queue, Instant since, Instant now) {
    (void)queue, (void)since, (void)now;
    return Ruling::pass;
  }
};

/// The rule of that kind; none for drop_tail.
std::unique_ptr<QueueRule> make_queue_rule(const QueueSpec& spec, Generator generator);
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Discipline> {
  static constexpr std::string_view list[] = {"drop_tail", "random_drop", "red", "codel"};
};
