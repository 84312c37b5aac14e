// Controlled Delay (RFC 8289 §5): what has waited too long for too long is dropped at the head, ever more often.
#include "sim/queue/rules.hh"

#include <cmath>

namespace anabranch::sim {
namespace {

/// One packet of the largest size: below that much waiting nothing is a standing queue (RFC 8289 §5.2, MTU).
constexpr Bytes kLittle{1500};

class Codel final : public QueueRule {
 public:
  explicit Codel(const CodelSpec& spec) : spec_{spec} {}

  Ruling leave(const Waiting& queue, Instant since, Instant now) override {
    const bool too_long = above_for_long(queue, since, now);
    if (dropping_) {
      if (!too_long) {
        dropping_ = false;
        return Ruling::pass;
      }
      if (now < drop_next_) { return Ruling::pass; }
      ++count_;
      drop_next_ = control_law(drop_next_);
      return strike();
    }
    if (!too_long) { return Ruling::pass; }
    dropping_ = true;
    // §5.5: when the last dropping state was not long ago, its rate is a better start than one.
    const std::uint32_t delta = count_ - last_count_;
    const bool recently = now - drop_next_ < spec_.interval * 16;
    count_ = delta > 1 && recently ? delta : 1;
    drop_next_ = control_law(now);
    last_count_ = count_;
    return strike();
  }

 private:
  Ruling strike() const { return spec_.ecn ? Ruling::mark : Ruling::drop; }
  /// §5.4, dodequeue: whether the time in the queue has been above the target for an interval.
  bool above_for_long(const Waiting& queue, Instant since, Instant now) {
    if (now - since < spec_.target || queue.bytes <= kLittle) {
      first_above_ = Instant::never();
      return false;
    }
    if (first_above_.is_never()) {
      first_above_ = now + spec_.interval;
      return false;
    }
    return now >= first_above_;
  }
  Instant control_law(Instant t) const {
    return t + Duration{static_cast<std::int64_t>(static_cast<double>(spec_.interval.ns) / std::sqrt(count_))};
  }

  CodelSpec spec_;
  Instant first_above_ = Instant::never(), drop_next_{};
  std::uint32_t count_ = 0, last_count_ = 0;
  bool dropping_ = false;
};
}  // namespace

std::unique_ptr<QueueRule> make_codel(const QueueSpec& spec) { return std::make_unique<Codel>(spec.codel); }
}  // namespace anabranch::sim
