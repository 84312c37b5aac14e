/// Where the files lie that tests read: scripts, golden files.
#pragma once
#include <string>

namespace anabranch::support {

/// The folder `tests` of the source tree.
std::string tests_folder();
}  // namespace anabranch::support
