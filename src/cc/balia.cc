#include "cc/balia.hh"

#include <algorithm>

namespace anabranch::cc {

double BalancedAdaptation::ratio(const View& all, const Flow& self) {
  const double rate = rate_of(self);
  return rate > 0 ? std::max(all.fastest / rate, 1.0) : 1;
}

// x / (rtt * sum^2) * (1 + a) / 2 * (4 + a) / 5 with a = fastest / x, without dividing by a small x.
double BalancedAdaptation::gain(const View& all, const Flow& self) {
  const double rate = rate_of(self), fastest = std::max(all.fastest, rate), sum = std::max(all.rate, rate);
  if (rate <= 0) { return 1 / number(self.window); }
  return (rate + fastest) * (4 * rate + fastest) / (10 * number(self.window) * sum * sum);
}

double BalancedAdaptation::reduced(const View& all, const Flow& self) {
  return number(self.window) * (1 - std::min(ratio(all, self), 1.5) / 2);
}
}  // namespace anabranch::cc
