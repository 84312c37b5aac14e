#include "mptcp/path_managers/full_mesh.hh"

#include "base/result.hh"

#include <algorithm>

namespace anabranch::mptcp {

void FullMesh::on(const Fact& fact, Instant now, std::vector<Request>& out) {
  std::visit(Overloaded{
                 [&](const Established& f) {
                   phase_ = f.we_connected ? Phase::opening : Phase::announcing;
                   for (const auto& [id, address] : locals_) { announce(id, out); }
                 },
                 [&](const LocalUp& f) {
                   locals_[f.id] = f.address;
                   wake(f.id);
                   announce(f.id, out);
                   if (lost_.erase(f.address) != 0 && phase_ == Phase::announcing) {
                     reminders_[f.id] = {.at = now + kFirstRetry};
                   }
                 },
                 [&](const NetworkChanged&) {
                   for (const auto& [id, address] : locals_) { wake(id); }
                 },
                 [&](const LocalDown& f) {
                   if (const auto it = locals_.find(f.id); it != locals_.end()) { lost_.insert(it->second); }
                   locals_.erase(f.id);
                   reminders_.erase(f.id);
                   std::erase_if(pairs_, [&](const auto& p) { return p.first.local == f.id; });
                 },
                 [&](const RemoteKnown& f) { remotes_[f.id] = f.where; },
                 [&](const RemoteGone& f) {
                   remotes_.erase(f.id);
                   std::erase_if(pairs_, [&](const auto& p) { return p.first.remote == f.id; });
                 },
                 [&](const SubflowUp& f) {
                   pairs_[f.pair] = {.wanted = true, .failures = 0, .retry = {0}};
                   reminders_.erase(f.pair.local);
                 },
                 [&](const SubflowLost& f) {
                   if (f.how == Loss::failed) {
                     failed(f.pair, f.was_up, now);
                   } else if (const auto it = pairs_.find(f.pair); it != pairs_.end()) {
                     it->second = {.wanted = false, .failures = 0, .retry = Instant::never()};
                   }
                 },
                 [&](const Refused& f) {
                   // Without a route there is nothing to wait for but a change of the network, which brings a LocalUp.
                   const auto it = pairs_.find(f.pair);
                   if (it == pairs_.end()) { return; }
                   if (f.why == Errc::no_such_path) {
                     it->second = {.wanted = false, .failures = 0, .retry = Instant::never()};
                   } else {
                     failed(f.pair, false, now);
                   }
                 },
             },
             fact);
  fill(now, out);
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

Instant FullMesh::deadline() const {
  Instant next = Instant::never();
  for (const auto& [id, reminder] : reminders_) { next = std::min(next, reminder.at); }
  if (phase_ != Phase::opening) { return next; }
  for (const auto& [pair, state] : pairs_) {
    if (!state.wanted && locals_.contains(pair.local) && remotes_.contains(pair.remote)) {
      next = std::min(next, state.retry);
    }
  }
  return next;
}

void FullMesh::fill(Instant now, std::vector<Request>& out) {
  if (phase_ != Phase::opening) { return; }
  for (const auto& [local, address] : locals_) {
    for (const auto& [remote, where] : remotes_) {
      if (address.family != where.address.family) { continue; }
      State& state = pairs_[{local, remote}];
      if (state.wanted || state.retry > now) { continue; }
      state.wanted = true;
      out.push_back(Open{{local, remote}});
    }
  }
}

void FullMesh::failed(const Pair& pair, bool was_up, Instant now) {
  const auto it = pairs_.find(pair);
  if (it == pairs_.end()) { return; }
  State& state = it->second;
  state.wanted = false;
  state.failures = was_up ? 1 : state.failures + 1;
  const Duration wait = std::min(kFirstRetry * (std::int64_t{1} << std::min(state.failures - 1, 20u)), kLongestRetry);
  state.retry = state.failures >= kTries ? Instant::never() : now + wait;
}

/// The address is back, or its routes changed: all its pairs may be tried at once.
void FullMesh::wake(wire::AddressId local) {
  for (auto& [pair, state] : pairs_) {
    if (pair.local == local && !state.wanted) { state = {}; }
  }
}

void FullMesh::announce(wire::AddressId id, std::vector<Request>& out) const {
  if (phase_ == Phase::announcing && id.raw != 0) { out.push_back(Announce{id}); }
}
}  // namespace anabranch::mptcp
