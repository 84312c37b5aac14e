/// What `--path` says: an interface, and what it is for: `wlan0`, `wwan0,metered,cap=5Mb/s,preference=1`.
///
/// Parsing is total. Words, in any order: metered, backup, no-subflows, no-announce, cap=RATE, weight=N, preference=N.
/// docs/paths.md says what each means.
#pragma once
#include "base/network.hh"

#include <expected>
#include <string>
#include <string_view>

namespace anabranch::apps {

struct PathUse {
  std::string interface;
  AddressUse use;
  bool operator==(const PathUse&) const = default;
};
/// Or what is wrong with it, in one line.
std::expected<PathUse, std::string> path_use_from_text(std::string_view text);
}  // namespace anabranch::apps
