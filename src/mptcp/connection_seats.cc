// What a connection knows of its subflows without asking them: after a segment only its own subflow is looked at again.
#include "mptcp/connection.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
/// A window in a smoothed round trip: what the path carries while it is kept full.
Rate rate_of(const tcp::Info& i) {
  if (i.srtt <= Duration{}) { return {}; }
  const auto n = static_cast<unsigned __int128>(i.window.n) * 1'000'000'000 / static_cast<std::uint64_t>(i.srtt.ns);
  return {static_cast<std::uint64_t>(std::min<unsigned __int128>(n, std::uint64_t{1} << 40))};
}
}  // namespace

std::size_t Connection::index_of(SubflowId id) const {
  const auto it = std::ranges::find(seats_, id, &Seat::id);
  return static_cast<std::size_t>(it - seats_.begin());
}

void Connection::stir(std::size_t i) {
  Seat& seat = seats_[i];
  seat.may_send = seat.unsettled = true;
  seat.known = seat.looked_at = false;
}

void Connection::stir_all() {
  for (std::size_t i = 0; i < seats_.size(); ++i) { stir(i); }
}

const Connection::Seat& Connection::seat(std::size_t i) const {
  Seat& seat = seats_[i];
  if (seat.known) { return seat; }
  const Subflow& s = *subflows_[i];
  const tcp::Info info = s.endpoint().info();
  seat.known = true;
  seat.looked_at = false;
  seat.speaks = s.carries_data();
  seat.carries = seat.speaks && !s.over;
  seat.hopeful = !s.over && !s.stalled;
  seat.backup = s.backup();
  seat.doubtful = s.doubtful();
  seat.deadline = s.deadline();
  seat.idle = idle_until(s);
  seat.flow = s.endpoint().flow();
  seat.reported = s.endpoint().out_of_order();
  seat.rto = info.rto;
  seat.segment = {info.segment};
  return seat;
}

/// The same with what depends on the time: a pace that holds packets back now will not later.
const Connection::Seat& Connection::look_at(std::size_t i, Instant now) const {
  (void)seat(i);
  Seat& seat = seats_[i];
  if (seat.looked_at && now < seat.look_again) { return seat; }
  const Subflow& s = *subflows_[i];
  const tcp::Info info = s.endpoint().info();
  seat.looked_at = true;
  seat.look_again = info.next_send > now ? info.next_send : Instant::never();
  seat.carrier = carrier(s, info, now);
  seat.path = path(s, info, seat.carrier, now);
  seat.carried = s.carried_up_to();
  return seat;
}

ReinjectionControl::Carrier Connection::carrier(const Subflow& s, const tcp::Info& i, Instant now) const {
  const Bytes packet = s.packet();
  Bytes room = s.endpoint().room(now);
  // A fraction of a packet is not worth a mapping while more is on its way to make room.
  if (room < packet && i.in_flight) { room = {}; }
  return {.id = s.id(),
          .room = room,
          .window = i.window,
          .in_flight = i.in_flight,
          .queued = {s.lane().tx.end() - s.endpoint().sent_up_to()},
          .packet = packet,
          .srtt = i.srtt,
          .rttvar = i.rttvar,
          .min_rtt = i.min_rtt,
          .rto = i.rto,
          .heard = s.heard_at(),
          .rides = &s.lane().tx,
          .sent_up_to = s.endpoint().sent_up_to(),
          .acknowledged = s.endpoint().acknowledged(),
          .avoided = s.doubtful(),
          .backup = s.backup(),
          .recovering = i.in_recovery};
}

Path Connection::path(const Subflow& s, const tcp::Info& i, const ReinjectionControl::Carrier& c, Instant now) const {
  const auto* local = addresses_.local(s.lane().local);
  const AddressUse use = local ? local->where.use : AddressUse{};
  return {.id = c.id,
          .room = c.room,
          .in_flight = i.in_flight,
          .queued = c.queued,
          .window = i.window,
          .segment = c.packet,
          .burst = s.endpoint().burst(),
          .srtt = i.srtt,
          .rttvar = i.rttvar,
          .min_rtt = i.min_rtt,
          .rate = rate_of(i),
          .opens = s.endpoint().opens(now),
          .backup = c.backup,
          .stale = c.avoided,
          .slow_start = i.window < i.threshold,
          .recovering = i.in_recovery,
          .metered = use.metered,
          .preference = use.preference,
          .weight = use.weight};
}

/// What a scheduler is shown.
void Connection::look_at_paths(Instant now) {
  paths_.clear();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!seat(i).carries) { continue; }
    const Seat& at = look_at(i, now);
    Path& path = paths_.emplace_back(at.path);
    if (path.room) { path.opens = now; }
    path.missed = {session_.send.sent_up_to() - std::max(at.carried, session_.send.una())};
  }
  restrain_paths(now);
}

/// Of the subflows that may carry data. Backups that stand by compete with nobody: while one that is none carries data
/// they are left out, so that a window they do not use slows no other (RFC 6356 §4.1 takes what is in flight instead).
std::span<const cc::Flow> Connection::flows() const {
  flows_.clear();
  bool regular = false;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    regular = regular || (i == busy_ ? subflows_[i]->carries_data() && !subflows_[i]->over && !subflows_[i]->backup()
                                     : seat(i).carries && !seat(i).backup);
  }
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Subflow& s = *subflows_[i];
    if (i == busy_) {  // it asks in the middle of something
      if (s.carries_data() && !s.over && !(regular && s.backup())) { flows_.push_back(s.endpoint().flow()); }
    } else if (seat(i).carries && !(regular && seat(i).backup)) {
      flows_.push_back(seat(i).flow);
    }
  }
  return flows_;
}

/// The usual case: nothing has happened but that bytes came, went or were acknowledged. Then nothing follows for the
/// other subflows, for closing or for the peer's addresses. False, and nothing done: it has to be settled in full.
bool Connection::settle_quietly(Instant now) {
  const bool usual = phase_ == Phase::open && mode_told_ == session_.mode && session_.mode != Mode::undecided &&
                     session_.news.empty() && !troubled_ && session_.close.sending == stream::Sending::open &&
                     !session_.receive.finished() && !addresses_.anything_due(now);
  if (!usual) { return false; }
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!seats_[i].unsettled) { continue; }
    const Subflow& s = *subflows_[i];
    if (s.over || s.silent || s.endpoint().phase() != tcp::Phase::open || s.endpoint().has_events() ||
        s.peer_finished() || s.troubled()) {
      return false;
    }
  }
  for (Seat& seat : seats_) { seat.unsettled = false; }
  watch_holes(now);
  arm_timers(now);
  report_memory();
  tell_application();
  ANABRANCH_EXPENSIVE_CHECK(is_consistent());
  return true;
}

/// What is known is true; and nobody else has something to say or to report.
bool Connection::seats_are_right() const {
  if (seats_.size() != subflows_.size()) { return false; }
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Seat& seat = seats_[i];
    const Subflow& s = *subflows_[i];
    if (seat.id != s.id() || (!seat.unsettled && s.endpoint().has_events())) { return false; }
    if (!seat.known) { continue; }
    const tcp::Info info = s.endpoint().info();
    const bool right = seat.speaks == s.carries_data() && seat.carries == (seat.speaks && !s.over) &&
                       seat.backup == s.backup() && seat.doubtful == s.doubtful() && seat.deadline == s.deadline() &&
                       seat.idle == idle_until(s) && seat.reported == s.endpoint().out_of_order() &&
                       seat.flow.window == s.endpoint().flow().window && seat.rto == info.rto &&
                       seat.flow.srtt == s.endpoint().flow().srtt && seat.segment == Bytes{info.segment};
    if (!right) { return false; }
    if (seat.looked_at && (seat.path.in_flight != info.in_flight || seat.path.window != info.window)) { return false; }
  }
  return true;
}
}  // namespace anabranch::mptcp
