#include "mptcp/path_managers/single_path.hh"

#include <algorithm>

namespace anabranch::mptcp {

void SinglePath::look(Instant now) {
  const bool waits = std::ranges::any_of(candidates().pairs(),
                                         [&](const auto& p) { return silent(p.first) && has_other(p.first, now); });
  if (!waits) {
    silent_since_.reset();
  } else if (!silent_since_) {
    silent_since_ = now;
  }
}

bool SinglePath::hopeless(const Pair& pair, Instant now) const {
  return silent_since_ && *silent_since_ + kPatience <= now && silent(pair) && has_other(pair, now);
}

bool SinglePath::silent(const Pair& pair) const {
  const Candidates::State* state = candidates().state(pair);
  return state && state->up != 0 && !state->works();
}

bool SinglePath::has_other(const Pair& pair, Instant now) const {
  for (const auto& [local, ours] : candidates().locals()) {
    for (const auto& [remote, where] : candidates().remotes()) {
      const Pair other{local, remote};
      if (other == pair || !candidates().possible(other)) { continue; }
      const Candidates::State* state = candidates().state(other);
      if (!state || (state->now == Candidates::State::Now::free && state->retry <= now)) { return true; }
    }
  }
  return false;
}
}  // namespace anabranch::mptcp
