#include "cc/olia.hh"

#include <algorithm>

namespace anabranch::cc {
namespace {
/// Values that differ by less are equal: they come from divisions.
bool reaches(double value, double largest) { return value >= largest * (1 - 1e-9); }
}  // namespace

// §2 writes "l_p * l_p / rtt_p", and gives as its reason that sqrt(2 l) / rtt estimates the rate of a TCP that loses
// once in l bytes. The square of that is 2 l / rtt^2, and this is what Linux compares; l * l / rtt would prefer a path
// of 100 ms to one of 10 ms that loses five times as often but gives four times the rate. In bytes, losses once in
// l / MSS segments, the squared rate is 2 l MSS / rtt^2.
double OpportunisticIncreases::score(const Flow& flow) {
  const double rtt = seconds(flow.srtt);
  return number(flow.between_losses) * number(flow.segment) / (rtt * rtt);
}

OpportunisticIncreases::View OpportunisticIncreases::view(const Flow& self, std::span<const Flow> flows) {
  double best = 0, window = 0, rate = 0;
  unsigned count = 0;
  for (const Flow& flow : flows) {
    if (flow.srtt.ns <= 0) { continue; }
    best = std::max(best, score(flow));
    window = std::max(window, number(flow.window));
    rate += rate_of(flow);
    ++count;
  }
  const auto largest = [&](const Flow& flow) { return reaches(number(flow.window), window); };
  const auto collected = [&](const Flow& flow) { return reaches(score(flow), best) && !largest(flow); };
  unsigned many_collected = 0, many_largest = 0;
  for (const Flow& flow : flows) {
    if (flow.srtt.ns <= 0) { continue; }
    many_largest += largest(flow) ? 1 : 0;
    many_collected += collected(flow) ? 1 : 0;
  }
  View out{.rate = rate};
  if (many_collected == 0) { return out; }
  if (collected(self)) { out.alpha = 1.0 / (count * many_collected); }
  if (largest(self)) { out.alpha = -1.0 / (count * many_largest); }
  return out;
}

double OpportunisticIncreases::gain(const View& all, const Flow& self) {
  const double rate = rate_of(self), sum = std::max(all.rate, rate);
  if (rate <= 0) { return 1 / number(self.window); }
  return rate / seconds(self.srtt) / (sum * sum) + all.alpha / number(self.window);
}
}  // namespace anabranch::cc
