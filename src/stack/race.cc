#include "stack/race.hh"

#include "base/check.hh"

#include <algorithm>

namespace anabranch::stack {

Race::Race(std::span<const InterfaceId> interfaces, const RaceOptions& options, Instant now)
    : options_{options},
      began_{now},
      last_start_{now},
      next_start_{now} {
  ANABRANCH_CHECK(!interfaces.empty());
  for (const InterfaceId i : interfaces) { runners_.push_back({i}); }
}

bool Race::answered_plain(InterfaceId interface) const {
  return std::ranges::any_of(runners_,
                             [&](const Runner& r) { return r.state == State::plain && r.interface == interface; });
}

bool Race::may_do_better(const Runner& r) const {
  return (r.state == State::waiting || r.state == State::running) && !answered_plain(r.interface);
}

Race::Step Race::next(Instant now) {
  const auto first = [&](auto&& of) { return std::ranges::find_if(runners_, of); };
  const auto index = [&](auto it) { return static_cast<std::size_t>(it - runners_.begin()); };
  const auto is = [](State s) { return [s](const Runner& r) { return r.state == s; }; };

  if (const auto good = first(is(State::good)); good != runners_.end()) { return Won{index(good)}; }
  const auto better = [this](const Runner& r) { return may_do_better(r); };
  const auto plain = first(is(State::plain));
  const bool anyone_better = std::ranges::any_of(runners_, better);
  if (plain != runners_.end() && (!anyone_better || now >= held_until_)) { return Won{index(plain)}; }
  has_waited_ = has_waited_ || plain != runners_.end();
  const auto waits = first([this](const Runner& r) { return r.state == State::waiting && may_do_better(r); });
  if (!anyone_better || (waits == runners_.end() && now >= give_up_at_)) { return Lost{most_telling()}; }
  if (waits == runners_.end() || now < next_start_ || !has_room()) { return Wait{}; }
  waits->state = State::running;
  last_start_ = now;
  next_start_ = now + options_.between;
  return Start{index(waits)};
}

bool Race::has_room() const {
  const auto running = std::ranges::count(runners_, State::running, &Runner::state);
  return static_cast<std::size_t>(running) < kMostAtATime;
}

Instant Race::deadline() const {
  const bool waits =
      std::ranges::any_of(runners_, [this](const Runner& r) { return r.state == State::waiting && may_do_better(r); });
  return std::min(held_until_, waits ? (has_room() ? next_start_ : Instant::never()) : give_up_at_);
}

void Race::settle_for(std::size_t candidate, State state, Instant now) {
  runners_[candidate].state = state;
  hurry(now);
}

/// The next attempt need not wait for this one any more.
void Race::hurry(Instant now) { next_start_ = std::min(next_start_, std::max(now, last_start_ + kLeastBetween)); }

void Race::answered(std::size_t candidate, Answer answer, Instant now) {
  if (runners_[candidate].state != State::running) { return; }
  give_up_at_ = Instant::never();
  if (answer == Answer::plain && held_until_.is_never()) {
    held_until_ = options_.patience == Duration{}
                      ? now
                      : std::max(began_ + options_.patience, now + std::min(kLeastPatience, options_.patience));
  }
  settle_for(candidate, answer == Answer::good ? State::good : State::plain, now);
}

void Race::failed(std::size_t candidate, Errc why, Instant now) {
  Runner& r = runners_[candidate];
  if (r.state == State::failed || r.state == State::good) { return; }
  r.why = why;
  const bool refused = why == Errc::refused || why == Errc::reset_by_peer;
  if (refused && give_up_at_.is_never()) { give_up_at_ = now + kAfterRefusal; }
  settle_for(candidate, State::failed, now);
  if (std::ranges::none_of(runners_, [](const Runner& o) { return o.state == State::plain; })) {
    held_until_ = Instant::never();
  }
}

void Race::doubted(std::size_t candidate, Instant now) {
  if (runners_[candidate].state == State::running) { hurry(now); }
}

bool Race::plain_everywhere() const {
  const auto first = std::ranges::find(runners_, State::plain, &Runner::state);
  return std::ranges::any_of(runners_, [&](const Runner& r) {
    return r.state == State::plain && first != runners_.end() && r.interface != first->interface;
  });
}

std::size_t Race::begun() const {
  return runners_.size() - static_cast<std::size_t>(std::ranges::count(runners_, State::waiting, &Runner::state));
}

/// A word of the peer says more than silence, and that more than that we could not even ask.
std::size_t Race::most_telling() const {
  const auto rank = [](const Runner& r) {
    constexpr Errc kFirst[] = {Errc::refused, Errc::reset_by_peer, Errc::unreachable, Errc::timed_out};
    if (r.state != State::failed) { return std::end(kFirst) - std::begin(kFirst) + 1; }
    return std::ranges::find(kFirst, r.why) - std::begin(kFirst);
  };
  return static_cast<std::size_t>(std::ranges::min_element(runners_, {}, rank) - runners_.begin());
}

std::vector<Candidate> spread(std::vector<Candidate> rest) {
  std::vector<Candidate> out;
  while (!rest.empty()) {
    const auto in_common = [&out](const Candidate& c) {
      return std::ranges::count(out, c.interface, &Candidate::interface) +
             std::ranges::count(out, c.remote, &Candidate::remote);
    };
    const auto next = std::ranges::min_element(rest, {}, in_common);
    out.push_back(*next);
    rest.erase(next);
  }
  return out;
}

std::vector<SocketAddress> interleave(std::span<const SocketAddress> sorted) {
  std::vector<SocketAddress> out, others;
  for (const SocketAddress& a : sorted) {
    const bool leads = a.address.family == sorted.front().address.family;
    (leads ? out : others).push_back(a);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::size_t at = std::min(2 * i + 1, out.size());
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(at), others[i]);
  }
  return out;
}
}  // namespace anabranch::stack
