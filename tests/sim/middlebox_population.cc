#include "middlebox_cell.hh"

namespace anabranch::sim {
bool run_population(unsigned) { return true; }
}  // namespace anabranch::sim
