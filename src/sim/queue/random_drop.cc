// The last few places of a queue are given by chance only, which breaks up the phase effects of a simulator in which
// nothing else is left to chance (Floyd and Jacobson, "On Traffic Phase Effects in Packet-Switched Gateways", 1991).
#include "sim/queue/rules.hh"

namespace anabranch::sim {
namespace {

class RandomDrop final : public QueueRule {
 public:
  RandomDrop(std::uint32_t places, double probability, Generator generator)
      : places_{places},
        probability_{probability},
        generator_{generator} {}

  Ruling enter(const Waiting& queue, Bytes size, bool idle, Instant) override {
    if (idle) { return Ruling::pass; }
    const bool last_packets = queue.packets + places_ >= queue.most_packets;
    const bool last_bytes = queue.bytes + size * places_ > queue.most_bytes;
    return (last_packets || last_bytes) && generator_.chance(probability_) ? Ruling::drop : Ruling::pass;
  }

 private:
  std::uint32_t places_;
  double probability_;
  Generator generator_;
};
}  // namespace

std::unique_ptr<QueueRule> make_random_drop(const QueueSpec& spec, Generator generator) {
  return std::make_unique<RandomDrop>(spec.random_places, spec.random_probability, generator);
}
}  // namespace anabranch::sim
