#include "mptcp/path_managers/full_mesh.hh"

#include "base/result.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
Duration back_off(unsigned failures) {
  return std::min(FullMesh::kFirstRetry * (std::int64_t{1} << std::min(failures - 1, 20u)), FullMesh::kLongestRetry);
}
}  // namespace

void FullMesh::on(const Fact& fact, Instant now, std::vector<Request>& out) {
  std::visit(Overloaded{
                 [&](const Established& f) {
                   side_ = f.we_connected ? Side::connected : Side::listening;
                   for (const auto& [id, local] : locals_) { announce(id, out); }
                 },
                 [&](const LocalUp& f) { know_local(f, now, out); },
                 [&](const NetworkChanged&) {
                   for (auto& [pair, state] : pairs_) {
                     if (state.now != State::Now::wanted && state.now != State::Now::left_alone) { state = {}; }
                   }
                 },
                 [&](const LocalDown& f) {
                   if (const auto it = locals_.find(f.id); it != locals_.end()) { lost_.insert(it->second.address); }
                   locals_.erase(f.id);
                   reminders_.erase(f.id);
                   std::erase_if(pairs_, [&](const auto& p) { return p.first.local == f.id; });
                 },
                 [&](const RemoteKnown& f) { know_remote(f, now); },
                 [&](const RemoteGone& f) {
                   remotes_.erase(f.id);
                   std::erase_if(pairs_, [&](const auto& p) { return p.first.remote == f.id; });
                 },
                 [&](const SubflowUp& f) {
                   pairs_[f.pair] = {.now = State::Now::wanted};
                   reminders_.erase(f.pair.local);
                 },
                 [&](const SubflowLost& f) { lost(f, now); },
                 [&](const Refused& f) { refused(f, now); },
             },
             fact);
  fill(now, out);
}

/// The address is there, or back: all its pairs may be tried at once.
void FullMesh::know_local(const LocalUp& f, Instant now, std::vector<Request>& out) {
  const bool is_new = locals_.insert_or_assign(f.id, Local{f.address, f.use}).second;
  for (auto& [pair, state] : pairs_) {
    const bool sleeps = state.now != State::Now::wanted && (is_new || state.now != State::Now::left_alone);
    if (pair.local == f.id && sleeps) { state = {}; }
  }
  announce(f.id, out);
  if (lost_.erase(f.address) != 0 && announces()) { reminders_[f.id] = {.at = now + kFirstRetry}; }
}

/// Announced once more, it may be asked again (RFC 8684 §3.4.1), though not more often than what fails; with another
/// port it is another path.
void FullMesh::know_remote(const RemoteKnown& f, Instant now) {
  const auto [it, is_new] = remotes_.try_emplace(f.id, f.where);
  const bool moved = it->second != f.where;
  it->second = f.where;
  if (is_new) { return; }
  for (auto& [pair, state] : pairs_) {
    if (pair.remote != f.id || (state.now == State::Now::wanted && !moved)) { continue; }
    const bool gave_up = state.now == State::Now::left_alone || state.now == State::Now::given_up;
    if (moved || gave_up) { state = {.retry = std::max(now, state.asked + kFirstRetry), .asked = state.asked}; }
  }
}

void FullMesh::lost(const SubflowLost& f, Instant now) {
  const auto it = pairs_.find(f.pair);
  if (it == pairs_.end()) { return; }
  if (f.how == Loss::failed) { return failed(it->second, f.was_up, now); }
  it->second.now = State::Now::left_alone;
}

void FullMesh::refused(const Refused& f, Instant now) {
  const auto it = pairs_.find(f.pair);
  if (it == pairs_.end()) { return; }
  // Without a route there is nothing to wait for but a change of the network.
  if (f.why == Errc::no_such_path) {
    it->second.now = State::Now::no_route;
  } else {
    failed(it->second, false, now);
  }
}

void FullMesh::on_deadline(Instant now, std::vector<Request>& out) {
  remind(now, out);
  fill(now, out);
}

void FullMesh::remind(Instant now, std::vector<Request>& out) {
  for (auto& [id, reminder] : reminders_) {
    if (reminder.at > now) { continue; }
    announce(id, out);
    reminder.wait = reminder.wait * 2;
    reminder.at = now + reminder.wait;
    --reminder.left;
  }
  std::erase_if(reminders_, [](const auto& r) { return r.second.left == 0; });
}

bool FullMesh::is_possible(const Pair& pair) const {
  const auto ours = locals_.find(pair.local);
  return ours != locals_.end() && ours->second.use.subflows && remotes_.contains(pair.remote);
}

Instant FullMesh::deadline() const {
  Instant next = Instant::never();
  for (const auto& [id, reminder] : reminders_) { next = std::min(next, reminder.at); }
  if (!opens()) { return next; }
  for (const auto& [pair, state] : pairs_) {
    if (state.now == State::Now::free && is_possible(pair)) { next = std::min(next, state.retry); }
  }
  return next;
}

void FullMesh::fill(Instant now, std::vector<Request>& out) {
  if (!opens()) { return; }
  revive(now);
  for (const auto& [local, ours] : locals_) {
    for (const auto& [remote, where] : remotes_) {
      if (!ours.use.subflows || ours.address.family != where.address.family) { continue; }
      const auto [it, is_new] = pairs_.try_emplace({local, remote});
      State& state = it->second;
      if (is_new && side_ == Side::listening) { state.retry = now + kTheirTurn; }
      if (state.now != State::Now::free || state.retry > now) { continue; }
      state.now = State::Now::wanted;
      state.asked = now;
      out.push_back(Open{{local, remote}, ours.use.backup});
    }
  }
}

/// Nothing is left: better to ask what does not want to be asked than to lose the connection.
void FullMesh::revive(Instant now) {
  const auto lives = [this](const auto& p) {
    return p.second.now == State::Now::wanted || (p.second.now == State::Now::free && is_possible(p.first));
  };
  if (std::ranges::any_of(pairs_, lives)) { return; }
  for (auto& [pair, state] : pairs_) {
    if (state.now == State::Now::left_alone && is_possible(pair)) { failed(state, false, now); }
  }
}

void FullMesh::failed(State& state, bool was_up, Instant now) {
  state.failures = was_up ? 1 : state.failures + 1;
  state.now = state.failures >= kTries ? State::Now::given_up : State::Now::free;
  state.retry = now + back_off(state.failures);
}

void FullMesh::announce(wire::AddressId id, std::vector<Request>& out) const {
  if (announces() && id.raw != 0 && locals_.at(id).use.announced) { out.push_back(Announce{id}); }
}
}  // namespace anabranch::mptcp
