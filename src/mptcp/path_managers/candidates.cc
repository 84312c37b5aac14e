#include "mptcp/path_managers/candidates.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
Duration back_off(unsigned failures) {
  return std::min(Candidates::kFirstRetry * (std::int64_t{1} << std::min(failures - 1, 20u)),
                  Candidates::kLongestRetry);
}
void one_less(unsigned& n) { n -= n != 0 ? 1 : 0; }

/// As if it had never been asked for; what lives stays.
void start_over(Candidates::State& s) {
  s.now = Candidates::State::Now::free;
  s.failures = 0;
  s.retry = s.asked = Instant{0};
}
}  // namespace

/// The address is there, or back: all its pairs may be tried at once.
void Candidates::hear(const LocalUp& f) {
  const bool is_new = locals_.insert_or_assign(f.id, Local{f.address, f.use, f.prefix}).second;
  for (auto& [pair, state] : pairs_) {
    if (pair.local == f.id && (is_new || state.now != State::Now::left_alone)) { start_over(state); }
  }
}

void Candidates::hear(const LocalDown& f) {
  locals_.erase(f.id);
  std::erase_if(pairs_, [&](const auto& p) { return p.first.local == f.id; });
}

/// Announced once more, it may be asked again (RFC 8684 §3.4.1), though not more often than what fails; with another
/// port it is another path.
void Candidates::hear(const RemoteKnown& f, Instant now) {
  const auto [it, is_new] = remotes_.try_emplace(f.id, f.where);
  const bool moved = it->second != f.where;
  it->second = f.where;
  if (is_new) { return; }
  for (auto& [pair, state] : pairs_) {
    if (pair.remote != f.id || (state.live() != 0 && !moved)) { continue; }
    const bool gave_up = state.now == State::Now::left_alone || state.now == State::Now::given_up;
    if (moved || gave_up) { state = {.retry = std::max(now, state.asked + kFirstRetry), .asked = state.asked}; }
  }
}

void Candidates::hear(const RemoteGone& f) {
  remotes_.erase(f.id);
  std::erase_if(pairs_, [&](const auto& p) { return p.first.remote == f.id; });
}

void Candidates::hear(const SubflowUp& f) {
  State& s = pairs_[f.pair];
  start_over(s);
  one_less(s.asking);
  ++s.up;
  s.worked = true;
  s.backup = f.backup;
}

void Candidates::hear(const SubflowStalled& f) {
  const auto it = pairs_.find(f.pair);
  if (it != pairs_.end()) { it->second.stalled = std::min(it->second.stalled + 1, it->second.up); }
}

void Candidates::hear(const SubflowRecovered& f) {
  const auto it = pairs_.find(f.pair);
  if (it != pairs_.end()) { one_less(it->second.stalled); }
}

void Candidates::hear(const SubflowLost& f, Instant now) {
  const auto it = pairs_.find(f.pair);
  if (it == pairs_.end()) { return; }
  State& s = it->second;
  one_less(f.was_up ? s.up : s.asking);
  if (f.stalled) { one_less(s.stalled); }
  s.stalled = std::min(s.stalled, s.up);
  if (s.dismissed && f.was_up) {
    s.dismissed = s.up != 0;
    return start_over(s);
  }
  // A silent one was closed because of that, whoever did it.
  if (f.how == Loss::failed || (f.how == Loss::closed && f.stalled)) { return failed(s, f.was_up, s.worked, now); }
  s.now = State::Now::left_alone;
}

void Candidates::hear(const Refused& f, Instant now) {
  const auto it = pairs_.find(f.pair);
  if (it == pairs_.end()) { return; }
  one_less(it->second.asking);
  // Without a route there is nothing to wait for but a change of the network.
  if (f.why == Errc::no_such_path) {
    it->second.now = State::Now::no_route;
  } else {
    failed(it->second, false, it->second.worked, now);
  }
}

void Candidates::hear(const NetworkChanged&) {
  for (auto& [pair, state] : pairs_) {
    if (state.now != State::Now::left_alone) { start_over(state); }
  }
}

void Candidates::complete(Instant first) {
  for (const auto& [local, ours] : locals_) {
    for (const auto& [remote, where] : remotes_) {
      if (!ours.use.subflows || ours.address.family != where.address.family) { continue; }
      pairs_.try_emplace({local, remote}, State{.retry = first});
    }
  }
}

const Candidates::Local* Candidates::local(wire::AddressId id) const {
  const auto it = locals_.find(id);
  return it == locals_.end() ? nullptr : &it->second;
}

const Candidates::State* Candidates::state(const Pair& pair) const {
  const auto it = pairs_.find(pair);
  return it == pairs_.end() ? nullptr : &it->second;
}

bool Candidates::possible(const Pair& pair) const {
  const Local* ours = local(pair.local);
  const auto theirs = remotes_.find(pair.remote);
  return ours && ours->use.subflows && theirs != remotes_.end() &&
         ours->address.family == theirs->second.address.family;
}

bool Candidates::on_link(const Pair& pair) const {
  const Local* ours = local(pair.local);
  const auto theirs = remotes_.find(pair.remote);
  if (!ours || ours->prefix == 0 || theirs == remotes_.end()) { return false; }
  const Address& there = theirs->second.address;
  return there.family == ours->address.family && same_prefix(ours->address, there, ours->prefix);
}

void Candidates::ask(const Pair& pair, bool backup, Instant now) {
  State& s = pairs_[pair];
  ++s.asking;
  s.asked = now;
  s.backup = backup;
}

void Candidates::revive(Instant now) {
  const auto lives = [this](const auto& p) {
    return p.second.live() != 0 || (p.second.now == State::Now::free && possible(p.first));
  };
  if (std::ranges::any_of(pairs_, lives)) { return; }
  for (auto& [pair, state] : pairs_) {
    if (state.now == State::Now::left_alone && possible(pair)) { failed(state, false, false, now); }
  }
}

/// `for_ever`: what has worked may work again, however long it takes.
void Candidates::failed(State& state, bool was_up, bool for_ever, Instant now) {
  state.failures = was_up ? 1 : state.failures + 1;
  state.now = state.failures >= kTries && !for_ever ? State::Now::given_up : State::Now::free;
  state.retry = now + back_off(state.failures);
}
}  // namespace anabranch::mptcp
