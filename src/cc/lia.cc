#include "cc/lia.hh"

#include <algorithm>

namespace anabranch::cc {

double LinkedIncreases::gain(const View& all, const Flow& self) {
  const double alone = 1 / number(self.window);
  return all.window > 0 ? std::min(alpha(all) / all.window, alone) : alone;  // never faster than a TCP of its own
}
}  // namespace anabranch::cc
