// What a connection makes of silence: paths that went away and may come back, the peer's idea of them, idle subflows.
#include "mptcp/connection.hh"

#include <algorithm>

namespace anabranch::mptcp {

/// Where there are several paths each is tried often enough for its return to be noticed; a single one does as TCP
/// does. A cap is shared by the subflows of an address that carry data.
void Connection::steer_paths() {
  const bool several = session_.mode == Mode::mptcp && session_.alive > 1;
  for (const auto& s : subflows_) {
    s->endpoint().set_probing(several);
    const auto* local = addresses_.local(s->lane().local);
    const Rate cap = local ? local->where.use.cap : Rate{};
    if (cap == Rate{} && s->cap == Rate{}) { continue; }
    const auto shares = static_cast<std::uint64_t>(std::ranges::count_if(
        subflows_, [&](const auto& o) { return o->lane().local == s->lane().local && o->carries_data() && !o->over; }));
    s->cap = {cap == Rate{} ? 0
                            : std::max<std::uint64_t>(cap.bytes_per_second / std::max<std::uint64_t>(shares, 1), 1)};
    s->endpoint().set_cap(s->cap);
  }
}

/// Data came on a backup: the peer has given up those that are none (RFC 8684 §3.3.8), before we could find out. They
/// are asked, and until they answer what we have to say goes where the peer has shown that it can hear.
void Connection::note_data(Subflow& on, Instant now) {
  on.data_at = now;
  if (session_.mode != Mode::mptcp || !on.backup()) { return; }
  for (const auto& s : subflows_) {
    // Heard from not long ago it may live: some schedulers send on all paths at once.
    const Duration patience = std::max(s->endpoint().info().srtt, on.endpoint().info().srtt) * 2;
    const bool regular = !s->over && s->carries_data() && !s->backup() && !s->doubtful();
    if (!regular || now - s->heard_at() <= patience) { continue; }
    s->question(Doubt::Cause::peer_moved, now);
    take_over(*s, now);
  }
}

Instant Connection::idle_until(const Subflow& s) const {
  const Duration most = session_.config.paths.close_idle;
  const bool may_close = most > Duration{} && active_ && session_.alive > 1 && session_.mode == Mode::mptcp;
  return may_close && s.was_up && s.carries_data() ? s.data_at + most : Instant::never();
}

/// Where data goes stays; where it goes nowhere the best one does, and counts as used: or it would be looked at at once.
void Connection::close_idle(Instant now) {
  const auto idle = [&](const Subflow& s) { return idle_until(s) <= now; };
  const bool used = std::ranges::any_of(subflows_, [&](const auto& s) {
    return s->was_up && s->carries_data() && !s->over && !s->doubtful() && !idle(*s);
  });
  Subflow* kept = used ? nullptr : best();
  for (const auto& s : subflows_) {
    if (s.get() != kept && idle(*s)) { close(*s); }
  }
  if (kept != nullptr && idle(*kept)) { kept->data_at = now; }
}

void Connection::note_stalled(Subflow& s, bool stalled, Instant now) {
  if (std::exchange(s.stalled, stalled) == stalled || !s.was_up || session_.mode != Mode::mptcp) { return; }
  note_path({.what = stalled ? PathChange::stalled : PathChange::recovered, .why = {}}, &s, now);
  const Pair pair{s.lane().local, s.lane().remote};
  tell_path_manager(stalled ? Fact{SubflowStalled{pair}} : Fact{SubflowRecovered{pair}}, now);
}

/// Bytes of the peer are missing though later ones have come, and a subflow that used to bring some has been silent for
/// as long: what is missing was probably sent there. The peer cannot see that its packets do not arrive before its
/// timer expires, perhaps several times; we say that the address is gone, and come back with a new subflow.
void Connection::watch_holes(Instant now) {
  constexpr Duration kLeast{300'000'000};  // as long as a first timeout of the peer may take (srtt + 200 ms)
  const bool hole = session_.receive.held() > Bytes{} && phase_ == Phase::open && active_ && session_.alive > 1 &&
                    session_.mode == Mode::mptcp && session_.config.paths.leave_silent;
  if (!hole) { return; }
  if (session_.receive.next() != hole_at_) {
    hole_at_ = session_.receive.next();
    hole_since_ = now;
  }
  if (!timers_.is_set(Timer::hole)) { timers_.set(Timer::hole, hole_since_ + kLeast); }
}

void Connection::on_old_hole(Instant now) {
  constexpr Duration kLeast{300'000'000};
  if (session_.receive.held() == Bytes{} || session_.alive < 2) { return; }
  const Duration patience = std::max(kLeast, slowest_rtt() * 4);
  if (now < hole_since_ + patience) { return timers_.set(Timer::hole, hole_since_ + patience); }
  hole_since_ = now;  // whatever is done now gets as long to show
  std::vector<wire::AddressId> silent;
  for (const auto& [id, local] : addresses_.locals()) {
    if (local.up && fell_silent(id, now - patience)) { silent.push_back(id); }
  }
  for (const wire::AddressId id : silent) { come_back(id, now); }
}

/// Nothing came on the subflows of this address since then, though they had brought data, and others bring some.
bool Connection::fell_silent(wire::AddressId id, Instant since) const {
  bool brought = false, others = false;
  for (const auto& s : subflows_) {
    if (s->over || !s->was_up) { continue; }
    const bool quiet = s->heard_at() <= since;
    if (s->lane().local != id) {
      others = others || (!quiet && s->carries_data());
      continue;
    }
    if (!quiet) { return false; }
    brought = brought || s->received() != 0;
  }
  return brought && others;
}

/// REMOVE_ADDR, once: the address may have a new subflow before a repetition would leave. Then a join from there.
void Connection::come_back(wire::AddressId id, Instant now) {
  const LocalAddress where = addresses_.local(id)->where;
  for (const auto& s : subflows_) {
    if (s->over || s->lane().local != id) { continue; }
    counters_.add(Counter::subflows_stuck);
    s->set_ended_by("silent");
    s->endpoint().abort(wire::ResetReason::unacceptable_performance);
  }
  addresses_.local(id)->up = false;
  addresses_.withdraw(id, 1);
  tell_path_manager(LocalDown{id}, now);
  send_signals(now);  // in this order on the wire too
  const auto again = addresses_.id_of(where);
  if (!again) { return; }
  addresses_.local(*again)->up = true;
  addresses_.back(*again);
  tell_path_manager(LocalUp{*again, where.address, where.use, where.prefix}, now);
}
}  // namespace anabranch::mptcp
