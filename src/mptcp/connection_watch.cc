// What an application that watches the paths of its connection is told, and what it may change meanwhile.
#include "mptcp/connection.hh"

namespace anabranch::mptcp {

/// Completed with what is known of the subflow, if it is about one.
void Connection::note_path(PathEvent event, Subflow* of, Instant now) {
  event.at = now;
  if (of) {
    of->backup_told = of->backup();
    event.subflow = of->id();
    event.local = of->way().addresses.local;
    event.remote = of->way().addresses.remote;
    event.interface = of->way().interface;
    event.backup = of->backup();
    event.was_open = of->was_up;
  }
  path_log_.add(event);
  events_.push_back({Happened::paths_changed});
}

void Connection::watch_rates(Duration every, Instant now) {
  rates_every_ = every;
  timers_.clear(Timer::rates);
  if (every == Duration{} || phase_ == Phase::dead) { return; }
  for (const auto& s : subflows_) { (void)meter_.measure(s->info(), now); }
  timers_.set(Timer::rates, now + every);
}

void Connection::report_rates(Instant now) {
  if (phase_ == Phase::dead) { return; }
  bool any = false;
  for (const auto& s : subflows_) {
    if (s->over || !s->was_up) { continue; }
    path_log_.add(meter_.measure(s->info(), now));
    any = true;
  }
  if (any) { events_.push_back({Happened::paths_changed}); }
  timers_.set(Timer::rates, now + rates_every_);
}

Status Connection::set_scheduler(std::string_view name, Instant now) {
  auto other = make_scheduler(name);
  if (!other) { return fail(Errc::bad_argument, "set_scheduler: no such scheduler"); }
  scheduler_ = std::move(other);
  settle(now);
  return {};
}
}  // namespace anabranch::mptcp
