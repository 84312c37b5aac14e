#include "base/check.hh"

#include <cstdio>
#include <cstdlib>

namespace anabranch {
void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
  std::abort();
}
}  // namespace anabranch
