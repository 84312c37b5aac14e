// Random Early Detection (Floyd and Jacobson, "Random Early Detection Gateways for Congestion Avoidance", 1993, §IV
// and figure 2), with the gentle slope above the high threshold and ECN marks (RFC 3168 §7).
#include "sim/queue/rules.hh"

#include <cmath>

namespace anabranch::sim {
namespace {

class Red final : public QueueRule {
 public:
  Red(const RedSpec& spec, Generator generator) : spec_{spec}, generator_{generator} {}

  Ruling enter(const Waiting& queue, Bytes size, bool idle, Instant now) override {
    average(queue, size, idle, now);
    if (average_ < spec_.low) {
      since_last_ = -1;
      return Ruling::pass;
    }
    if (average_ >= ceiling()) {
      since_last_ = 0;
      return Ruling::drop;
    }
    ++since_last_;
    const double base = probability();
    // The paper's count spreads the drops evenly: the gap between two is uniform, not geometric.
    const double spread = since_last_ * base >= 1 ? 1 : base / (1 - since_last_ * base);
    if (!generator_.chance(spread)) { return Ruling::pass; }
    since_last_ = 0;
    return spec_.ecn && average_ < spec_.high ? Ruling::mark : Ruling::drop;
  }

  Ruling leave(const Waiting& queue, Instant, Instant now) override {
    if (queue.packets == 0) { idle_since_ = now; }
    return Ruling::pass;
  }

 private:
  void average(const Waiting& queue, Bytes size, bool idle, Instant now) {
    if (!idle || queue.rate == Rate{}) {
      average_ += spec_.weight * (static_cast<double>(queue.packets) - average_);
      return;
    }
    // While nobody came, as many small packets could have been sent and found the queue empty (§IV, figure 2).
    const double slots = static_cast<double>((now - idle_since_).ns) /
                         static_cast<double>(std::max<std::int64_t>(1, time_for(size, queue.rate).ns));
    average_ *= std::pow(1 - spec_.weight, std::max(0.0, slots));
  }
  double ceiling() const { return spec_.gentle ? 2 * spec_.high : spec_.high; }
  double probability() const {
    if (average_ < spec_.high) { return spec_.probability * (average_ - spec_.low) / (spec_.high - spec_.low); }
    return spec_.probability + (1 - spec_.probability) * (average_ - spec_.high) / spec_.high;
  }

  RedSpec spec_;
  Generator generator_;
  double average_ = 0;  ///< packets that wait
  double since_last_ = -1;
  Instant idle_since_{};
};
}  // namespace

std::unique_ptr<QueueRule> make_red(const QueueSpec& spec, Generator generator) {
  return std::make_unique<Red>(spec.red, generator);
}
}  // namespace anabranch::sim
