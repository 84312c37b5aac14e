#include "support/paths.hh"

namespace anabranch::support {

std::string tests_folder() { return ANABRANCH_TESTS_DIR; }
}  // namespace anabranch::support
