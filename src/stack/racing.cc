// What a race decides, carried out: attempts begin and end, the winner becomes the connection of the application.
#include "stack/parts.hh"
#include "trace/event.hh"

#include <algorithm>

namespace anabranch::stack {
namespace {
/// How long a destination that answered without MPTCP everywhere is believed to have none (Linux avoids it for an hour).
constexpr Duration kHasNone{3'600'000'000'000};
/// The same when others were only slower or silent: it may have been a portal, so we ask again soon.
constexpr Duration kMayHaveNone{60'000'000'000};

std::size_t index_of(const Contest& c, Id attempt) {
  return static_cast<std::size_t>(std::ranges::find(c.attempts, attempt) - c.attempts.begin());
}
}  // namespace

/// The first attempt has begun, and is `front`.
void Stack::Parts::open_contest(Id front, const ConnectOptions& options, std::vector<Candidate> ways, Instant now) {
  std::vector<InterfaceId> interfaces;
  for (const Candidate& way : ways) { interfaces.push_back(way.interface); }
  Race race{interfaces, options.race, now};
  (void)race.next(now);  // starts the first
  Entry& e = *connections.find(front);
  e.contest = std::make_unique<Contest>(options, std::move(ways), std::move(race));
  e.contest->attempts.resize(e.contest->candidates.size());
  e.contest->attempts.front() = e.races_for = front;
}

/// What became of an attempt is evidence for its race, and nobody else is told.
void Stack::Parts::take_up_attempt(Id id, Instant now) {
  Entry& e = *connections.find(id);
  const Id front = e.races_for;
  Contest& c = *connections.find(front)->contest;
  while (const auto ended = e.connection->poll_ended()) { demux.erase(ended->addresses); }
  wheel.set(id.index, e.connection->deadline());
  if (const auto why = e.connection->failed()) {
    c.race.failed(index_of(c, id), *why, now);
  } else if (e.connection->established()) {
    c.race.answered(index_of(c, id), worth_of(id, c, now), now);
  }
  run_race(front, now);
}

Answer Stack::Parts::worth_of(Id id, const Contest& c, Instant now) {
  const Entry& e = *connections.find(id);
  if (!c.options.config.multipath || e.connection->offer_taken() == std::optional{true}) { return Answer::good; }
  if (c.on_syn != 0 && id == c.attempts.front()) { return Answer::good; }  // it may have our bytes already
  const Addresses& a = e.connection->initial_addresses();
  const Remembered* known = destinations.find({a.local.address, a.remote});
  return known && known->patience.now(now) ? Answer::good : Answer::plain;
}

void Stack::Parts::run_race(Id front, Instant now) {
  Contest& c = *connections.find(front)->contest;
  for (;;) {
    const Race::Step step = c.race.next(now);
    if (const auto* won = std::get_if<Race::Won>(&step)) { return conclude(front, won->candidate, now); }
    if (const auto* lost = std::get_if<Race::Lost>(&step)) { return conclude(front, lost->candidate, now); }
    const auto* start = std::get_if<Race::Start>(&step);
    if (start == nullptr) { break; }
    const auto id = begin_attempt(c.options, c.candidates[start->candidate], false, now);
    if (!id) {
      c.race.failed(start->candidate, id.error().code, now);
      continue;
    }
    Entry& e = *connections.find(*id);
    c.attempts[start->candidate] = *id;
    e.races_for = front;
    counters.add(Counter::race_attempts);
    trace::emit(env.trace, now, {e.number, 0}, [&] { return trace::Note{"race_attempt", start->candidate}; });
    wheel.set(id->index, e.connection->deadline());
    enqueue(*id, e);
  }
  wheel.set(front.index, std::min(connections.find(front)->connection->deadline(), c.race.deadline()));
}

/// The race is over, won or lost: `candidate` is the connection now, and the others leave nothing behind.
void Stack::Parts::conclude(Id front, std::size_t candidate, Instant now) {
  const std::unique_ptr<Contest> c = std::move(connections.find(front)->contest);
  const Id chosen = c->attempts[candidate];
  remember_race(*c, candidate, now);
  if (chosen != front) { exchange(front, chosen); }
  Entry& e = *connections.find(front);
  e.races_for = {};
  for (const Id id : c->attempts) {
    if (id && id != front) { dismiss(id, now); }
  }
  trace::emit(env.trace, now, {e.number, 0}, [&] { return trace::Note{"race_over", candidate}; });
  const std::size_t given = candidate == 0 ? c->on_syn : 0;
  if (c->written.size() > given) { (void)e.connection->write(std::span{c->written}.subspan(given), now); }
  if (c->finished) { (void)e.connection->finish(now); }
  if (e.rates_every > Duration{}) { e.connection->watch_rates(e.rates_every, now); }
  if (e.released) { e.connection->orphan(); }
  const bool writable = c->wants_writable && !e.released;
  touched(front, now);
  if (writable) { tell({Happened::writable, {front.index, front.generation}, {}, {}}); }
}

/// The application's handle stays, and means the other connection from now on.
void Stack::Parts::exchange(Id front, Id other) {
  Entry &a = *connections.find(front), &b = *connections.find(other);
  const auto move = [this](const Entry& e, Id from, Id to) {
    const Addresses& at = e.connection->initial_addresses();
    tokens[e.connection->token().raw] = to;
    const Place* place = demux.find(at);
    if (!place || Id{place->index, place->generation} != from) { return; }  // it has failed and given that up
    const Place there{to.index, to.generation, place->subflow};
    demux.erase(at);
    demux.insert(at, there);
  };
  move(a, front, other);
  move(b, other, front);
  std::swap(a.connection, b.connection);
  std::swap(a.number, b.number);
  std::swap(a.used, b.used);
  std::swap(a.offered, b.offered);
  std::swap(a.watched, b.watched);
}

/// RFC 8305 §5: the others are cancelled. A peer that has answered is told with an RST; one that answers later gets one
/// as any stranger does.
void Stack::Parts::dismiss(Id id, Instant now) {
  Entry& e = *connections.find(id);
  const Addresses a = e.connection->initial_addresses();
  const bool silent = !e.connection->failed() && !e.connection->established();
  if (silent && e.offered && config.fast_open_pause > Duration{}) {
    // Perhaps it was the bytes on the SYN that were dropped; without them we shall know (RFC 7413 §4.1.3.1).
    destinations.at({a.local.address, a.remote}).fast_open.happened(now, config.fast_open_pause);
  }
  e.released = e.dismissed = true;
  e.watched = false;
  e.races_for = {};
  e.connection->abort(now);
  touched(id, now);
}

/// A server without MPTCP shall cost others' patience once, not every time.
void Stack::Parts::remember_race(const Contest& c, std::size_t candidate, Instant now) {
  if (candidate != 0) { counters.add(Counter::race_won_by_another); }
  if (c.race.has_waited()) { counters.add(Counter::race_plain_held); }
  const Id chosen = c.attempts[candidate];
  const auto at = [&](std::size_t i) { return Destination{c.candidates[i].local, c.candidates[i].remote}; };
  const auto is_plain = [&](Id id) {
    const Entry* e = connections.find(id);
    return e && c.options.config.multipath && e->connection->established() &&
           e->connection->offer_taken() != std::optional{true};
  };
  if (!is_plain(chosen)) {
    if (Remembered* known = destinations.find(at(candidate))) { known->patience.works(); }
    return;
  }
  if (!c.race.has_waited()) { return; }
  counters.add(Counter::race_plain_taken);
  for (std::size_t i = 0; i < c.attempts.size(); ++i) {
    if (!is_plain(c.attempts[i])) { continue; }
    destinations.at(at(i)).patience.happened(now, c.race.plain_everywhere() ? kHasNone : kMayHaveNone);
  }
}

/// What an application did to a connection that had no winner yet:

Result<std::size_t> Stack::Parts::write(ConnectionId id, std::span<const std::uint8_t> bytes, Instant now) {
  Entry* e = find(id);
  if (!e || !e->contest) {
    return with(id, "write", now, [&](mptcp::Connection& c) { return c.write(bytes, now); });
  }
  Contest& c = *e->contest;
  if (c.finished) { return fail(Errc::closed, "write after finish"); }
  const std::size_t n = std::min<std::size_t>(bytes.size(), c.room().n);
  if (n < bytes.size()) { c.wants_writable = true; }
  if (n == 0 && !bytes.empty()) { return fail(Errc::would_block, "write"); }
  const bool rides = e->connection->awaits_first_bytes() && c.on_syn == c.written.size();
  c.written.insert(c.written.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
  if (rides) {
    c.on_syn += e->connection->write(bytes.first(n), now).value_or(0);
    touched({id.index, id.generation}, now);
  }
  return n;
}

Status Stack::Parts::finish(ConnectionId id, Instant now) {
  Entry* e = find(id);
  if (!e || !e->contest) {
    return with(id, "finish", now, [&](mptcp::Connection& c) { return c.finish(now); });
  }
  e->contest->finished = true;
  return {};
}

Status Stack::Parts::abort(ConnectionId id, Instant now) {
  Entry* e = find(id);
  if (e && e->contest) {
    e->contest->written.clear();
    conclude({id.index, id.generation}, shown_candidate(*e->contest), now);
  }
  return with(id, "abort", now, [&](mptcp::Connection& c) -> Status {
    c.abort(now);
    return {};
  });
}

/// What was written still has to arrive, so the race goes on without its application; else nobody needs it.
void Stack::Parts::release_contest(Id front, Instant now) {
  Entry& e = *connections.find(front);
  const ConnectionId id{front.index, front.generation};
  if (e.contest->written.empty()) { (void)abort(id, now); }
  std::erase_if(events, [&](const Event& ev) { return ev.what != Happened::acceptable && ev.connection == id; });
  e.released = true;
  if (e.contest) { e.contest->finished = true; }
  touched(front, now);
}

std::size_t Stack::Parts::shown_candidate(const Contest& c) const {
  for (std::size_t i = 0; i < c.attempts.size(); ++i) {
    const Entry* e = connections.find(c.attempts[i]);
    if (e && !e->connection->failed()) { return i; }
  }
  return 0;
}

const Entry& Stack::Parts::shown(const Entry& e) const {
  return e.contest ? *connections.find(e.contest->attempts[shown_candidate(*e.contest)]) : e;
}

mptcp::ConnectionInfo Stack::Parts::info(const Entry& e) const {
  mptcp::ConnectionInfo out = shown(e).connection->info();
  if (e.contest) {
    out.state = "handshake";
    out.bytes_written = e.contest->written.size();
  }
  return out;
}

void Stack::Parts::doubt_attempt(Id id, Instant now) {
  const Entry* e = connections.find(id);
  if (!e || !e->races_for) { return; }
  Contest& c = *connections.find(e->races_for)->contest;
  c.race.doubted(index_of(c, id), now);
}

/// An interface that is gone does not answer; it may come back before the attempt has given up.
void Stack::Parts::doubt_attempt_without_address(Id id, Instant now) {
  const Entry* e = connections.find(id);
  if (!e || !e->races_for) { return; }
  const Interface* i = owner_of(network, e->connection->initial_addresses().local.address);
  if (!i || !i->up) { doubt_attempt(id, now); }
}

bool Stack::Parts::contest_is_consistent(const Entry& e) const {
  if (!e.contest) { return true; }
  return e.races_for && std::ranges::all_of(e.contest->attempts, [&](Id id) {
           const Entry* attempt = connections.find(id);
           return !id || (attempt && attempt->races_for == e.races_for);
         });
}
}  // namespace anabranch::stack
