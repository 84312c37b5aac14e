#include "cc/coupled.hh"

#include <algorithm>

namespace anabranch::cc {

Together Together::of(std::span<const Flow> flows) {
  Together out;
  for (const Flow& flow : flows) {
    if (flow.srtt.ns <= 0) { continue; }
    const double rate = rate_of(flow);
    out.window += number(flow.window);
    out.rate += rate;
    out.fastest = std::max(out.fastest, rate);
    out.best = std::max(out.best, rate / seconds(flow.srtt));
    ++out.count;
  }
  return out;
}
}  // namespace anabranch::cc
