// What a connection knows of its subflows without asking them: after a segment only its own subflow is looked at again.
#include "mptcp/connection.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
/// What arrived lately, or else a window in a round trip: what the path would carry if that kept it full.
Rate rate_of(const tcp::Info& i) {
  if (i.throughput > Rate{}) { return i.throughput; }
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
  seat.known = seat.measured = seat.looked_at = seat.flow_known = false;
}

void Connection::stir_all() {
  for (std::size_t i = 0; i < seats_.size(); ++i) { stir(i); }
}

void Connection::learn(std::size_t i) const {
  Seat& seat = seats_[i];
  const Subflow& s = *subflows_[i];
  const tcp::Brief brief = s.endpoint().brief();
  seat.known = true;
  seat.measured = seat.looked_at = false;
  seat.speaks = s.carries_data();
  seat.carries = seat.speaks && !s.over;
  seat.hopeful = !s.over && !s.stalled;
  seat.backup = s.backup();
  seat.doubtful = s.doubtful();
  seat.wakes = std::min(s.deadline(), idle_until(s));
  seat.reported = brief.out_of_order;
  seat.rto = brief.rto;
  seat.srtt = brief.srtt;
  seat.segment = Bytes{brief.segment};
}

/// What its siblings' congestion controllers may know of it.
const cc::Flow& Connection::flow(std::size_t i) const {
  if (!seats_[i].flow_known) {
    seats_[i].flow_known = true;
    views_[i].flow = subflows_[i]->endpoint().flow();
  }
  return views_[i].flow;
}

/// With what depends on the time: a pace that holds packets back now will not later.
const Connection::Seat& Connection::measure(std::size_t i, Instant now) const {
  Seat& seat = seats_[i];
  (void)this->seat(i);
  if (seat.measured && now < seat.look_again) { return seat; }
  const Subflow& s = *subflows_[i];
  const tcp::Brief brief = s.endpoint().brief();
  seat.measured = true;
  seat.looked_at = false;
  seat.look_again = brief.next_send > now ? brief.next_send : Instant::never();
  seat.room = s.endpoint().room(now);
  // A fraction of a packet is not worth a mapping while more is on its way to make room.
  if (brief.in_flight && seat.room < s.packet()) { seat.room = {}; }
  seat.silent_at = ReinjectionControl::silent_at({.in_flight = brief.in_flight,
                                                  .srtt = brief.srtt,
                                                  .rttvar = brief.rttvar,
                                                  .rto = brief.rto,
                                                  .heard = s.heard_at(),
                                                  .rides = &s.lane().tx});
  return seat;
}

/// All there is to know of it.
const Connection::View& Connection::look_at(std::size_t i, Instant now) const {
  const Seat& seat = measure(i, now);
  View& view = views_[i];
  if (seat.looked_at) { return view; }
  const Subflow& s = *subflows_[i];
  const tcp::Info info = s.endpoint().info();
  view.carrier = carrier(s, info, seat.room);
  view.path = path(s, info, view.carrier, now);
  view.carried = s.carried_up_to();
  seats_[i].looked_at = true;
  return view;
}

ReinjectionControl::Carrier Connection::carrier(const Subflow& s, const tcp::Info& i, Bytes room) const {
  return {.id = s.id(),
          .room = room,
          .window = i.window,
          .in_flight = i.in_flight,
          .queued = {s.lane().tx.end() - s.endpoint().sent_up_to()},
          .packet = s.packet(),
          .srtt = i.srtt,
          .rttvar = i.rttvar,
          .min_rtt = i.min_rtt,
          .rto = i.rto,
          .latest_rtt = i.latest_rtt,
          .throughput = i.throughput,
          .heard = s.heard_at(),
          .rides = &s.lane().tx,
          .sent_up_to = s.endpoint().sent_up_to(),
          .acknowledged = s.endpoint().acknowledged(),
          .sent = &s.endpoint().sent(),
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
          .latest_rtt = i.latest_rtt,
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

/// Whether a scheduler could do anything but wait: asked after each acknowledgment, most of which make room nowhere.
/// True also where that cannot be told so cheaply.
bool Connection::anybody_may_carry(Instant now) const {
  if (reinjection_.restrains()) { return true; }  // limits grow when they are looked at
  bool carries = false;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!seat(i).carries) { continue; }
    const Seat& at = measure(i, now);
    if (at.room > Bytes{} || !at.look_again.is_never()) { return true; }
    carries = true;
  }
  return !carries;
}

/// What a scheduler is shown.
void Connection::look_at_paths(Instant now) {
  paths_.clear();
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (!seat(i).carries) { continue; }
    const View& at = look_at(i, now);
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
      flows_.push_back(flow(i));
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
  if (seats_.size() != subflows_.size() || views_.size() != seats_.size()) { return false; }
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Seat& seat = seats_[i];
    const Subflow& s = *subflows_[i];
    if (seat.id != s.id() || (!seat.unsettled && s.endpoint().has_events())) { return false; }
    if (!seat.known) { continue; }
    const tcp::Info info = s.endpoint().info();
    const bool right = seat.speaks == s.carries_data() && seat.carries == (seat.speaks && !s.over) &&
                       seat.backup == s.backup() && seat.doubtful == s.doubtful() &&
                       seat.wakes == std::min(s.deadline(), idle_until(s)) &&
                       seat.reported == s.endpoint().out_of_order() && seat.rto == info.rto && seat.srtt == info.srtt &&
                       seat.segment == Bytes{info.segment};
    if (!right) { return false; }
    const View& view = views_[i];
    if (seat.flow_known && view.flow.window != s.endpoint().flow().window) { return false; }
    if (seat.looked_at && (view.path.in_flight != info.in_flight || view.path.window != info.window)) { return false; }
  }
  return true;
}
}  // namespace anabranch::mptcp
