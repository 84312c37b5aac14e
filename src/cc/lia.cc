#include "cc/lia.hh"

#include <algorithm>

namespace anabranch::cc {
namespace {
double number(Bytes b) { return static_cast<double>(b.n); }
}  // namespace

double Lia::alpha(std::span<const Flow> flows) {
  double best = 0, rates = 0, total = 0;
  for (const Flow& flow : flows) {
    if (flow.srtt.ns <= 0) { continue; }
    const double rtt = seconds(flow.srtt);
    best = std::max(best, number(flow.window) / (rtt * rtt));
    rates += number(flow.window) / rtt;
    total += number(flow.window);
  }
  return rates > 0 ? total * best / (rates * rates) : 1;
}

double Lia::growth(const Acked& acked, const Flow& self, std::span<const Flow> siblings) const {
  const double unit = number(acked.bytes) * number(self.segment);
  const double alone = unit / number(self.window);
  double total = 0;
  for (const Flow& flow : siblings) { total += flow.srtt.ns > 0 ? number(flow.window) : 0; }
  if (self.srtt.ns <= 0 || total <= 0) { return alone; }
  return std::min(alpha(siblings) * unit / total, alone);  // never faster than a TCP of its own
}

Bytes Lia::after_loss(const Lost&, const Flow& self, std::span<const Flow>) const { return self.window / 2; }
}  // namespace anabranch::cc
