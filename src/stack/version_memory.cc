#include "stack/version_memory.hh"

#include <algorithm>

namespace anabranch::stack {

wire::Version VersionMemory::offer(const SocketAddress& destination, Instant now) const {
  const auto it = version_0_until_.find(destination);
  return it != version_0_until_.end() && now < it->second ? wire::Version::v0 : wire::Version::v1;
}

void VersionMemory::note(const SocketAddress& destination, wire::Version offered, bool taken, Instant now) {
  const bool old = offered == wire::Version::v0;
  if (old == taken) {
    // Version 0 taken: its hour is not renewed, or a peer that has learnt version 1 would never be asked for it.
    if (old) { return; }
    if (!version_0_until_.contains(destination)) { make_room(); }
    version_0_until_[destination] = now + kKept;
  } else {
    version_0_until_.erase(destination);
  }
}

void VersionMemory::make_room() {
  if (version_0_until_.size() < kMost) { return; }
  version_0_until_.erase(std::ranges::min_element(version_0_until_, {}, [](const auto& e) { return e.second; }));
}
}  // namespace anabranch::stack
