#include "mptcp/path_managers/announcer.hh"

#include <algorithm>

namespace anabranch::mptcp {

void Announcer::begin(std::vector<Request>& out) {
  on_ = true;
  for (const auto& [id, local] : ours_) { announce(id, out); }
}

void Announcer::hear(const LocalUp& f, Instant now, std::vector<Request>& out) {
  ours_.insert_or_assign(f.id, Ours{f.address, f.use.announced});
  announce(f.id, out);
  if (lost_.erase(f.address) != 0 && on_) { reminders_[f.id] = {.at = now + kFirstReminder}; }
}

void Announcer::hear(const LocalDown& f) {
  const auto it = ours_.find(f.id);
  if (it != ours_.end() && lost_.size() < kMostLost) { lost_.insert(it->second.address); }
  ours_.erase(f.id);
  reminders_.erase(f.id);
}

void Announcer::on_deadline(Instant now, std::vector<Request>& out) {
  for (auto& [id, reminder] : reminders_) {
    if (reminder.at > now) { continue; }
    announce(id, out);
    reminder.wait = reminder.wait * 2;
    reminder.at = now + reminder.wait;
    --reminder.left;
  }
  std::erase_if(reminders_, [](const auto& r) { return r.second.left == 0; });
}

Instant Announcer::deadline() const {
  Instant next = Instant::never();
  for (const auto& [id, reminder] : reminders_) { next = std::min(next, reminder.at); }
  return next;
}

void Announcer::announce(wire::AddressId id, std::vector<Request>& out) const {
  if (on_ && id.raw != 0 && ours_.at(id).announced) { out.push_back(Announce{id}); }
}
}  // namespace anabranch::mptcp
