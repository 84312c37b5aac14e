#include "mptcp/path_managers/opener.hh"

#include <algorithm>
#include <tuple>

namespace anabranch::mptcp {

void Opener::on(const Fact& fact, Instant now, std::vector<Request>& out) {
  hear(fact, now, out);
  settle(now, out);
}

void Opener::on_deadline(Instant now, std::vector<Request>& out) {
  announcer_.on_deadline(now, out);
  settle(now, out);
}

void Opener::hear(const Fact& fact, Instant now, std::vector<Request>& out) {
  std::visit(Overloaded{
                 [&](const Established& f) {
                   side_ = f.we_connected ? Side::connected : Side::listening;
                   if (side_ == Side::listening || both_sides_) { announcer_.begin(out); }
                 },
                 [&](const LocalUp& f) {
                   candidates_.hear(f);
                   announcer_.hear(f, now, out);
                 },
                 [&](const LocalDown& f) {
                   candidates_.hear(f);
                   announcer_.hear(f);
                 },
                 [&](const SubflowUp& f) {
                   candidates_.hear(f);
                   announcer_.hear(f);
                 },
                 [&](const NetworkChanged& f) { candidates_.hear(f); },
                 [&](const RemoteKnown& f) { candidates_.hear(f, now); },
                 [&](const RemoteGone& f) { candidates_.hear(f); },
                 [&](const SubflowStalled& f) { candidates_.hear(f); },
                 [&](const SubflowRecovered& f) { candidates_.hear(f); },
                 [&](const SubflowLost& f) { candidates_.hear(f, now); },
                 [&](const Refused& f) { candidates_.hear(f, now); },
             },
             fact);
}

void Opener::settle(Instant now, std::vector<Request>& out) {
  look(now);
  if (!unmetered_works()) {
    unmetered_since_ = Instant::never();
  } else if (unmetered_since_.is_never()) {
    unmetered_since_ = now;
  }
  if (side_ == Side::unknown) { return; }
  close_unwanted(now, out);
  open_missing(now, out);
  put_priorities_right(out);
}

Instant Opener::deadline() const {
  Instant next = announcer_.deadline();
  if (side_ == Side::unknown) { return next; }
  next = std::min(next, patience_ends());
  for (const auto& [pair, state] : candidates_.pairs()) {
    if (opens() && lacks(pair, state)) { next = std::min(next, state.retry); }
    if (last_resort(pair) && state.up != 0 && !state.dismissed) { next = std::min(next, unmetered_since_ + kTrusted); }
  }
  return next;
}

/// One may be asked for as soon as its pause is over.
bool Opener::lacks(const Pair& pair, const Candidates::State& state) const {
  return state.now == Candidates::State::Now::free && allowed(pair) && state.live() < wanted(pair);
}

void Opener::open_missing(Instant now, std::vector<Request>& out) {
  if (!opens()) { return; }
  candidates_.complete(side_ == Side::listening ? now + kTheirTurn : Instant{});
  candidates_.revive(now);
  std::vector<Pair> pairs;
  for (const auto& [pair, state] : candidates_.pairs()) { pairs.push_back(pair); }
  std::ranges::sort(pairs, [this](const Pair& a, const Pair& b) { return better(a, b); });
  for (const Pair& pair : pairs) {
    const Candidates::State& state = *candidates_.state(pair);
    while (state.retry <= now && lacks(pair, state)) {  // asking may change what is wanted
      const bool backup = as_backup(pair);
      candidates_.ask(pair, backup, now);
      out.push_back(Open{pair, backup});
    }
  }
}

/// What is silent cannot be told anything (RFC 8684 §3.3.8: MP_PRIO speaks of the subflow it comes on).
void Opener::put_priorities_right(std::vector<Request>& out) {
  for (const auto& [pair, state] : candidates_.pairs()) {
    const bool backup = state.works() && as_backup(pair);
    if (!state.works() || state.backup == backup) { continue; }
    candidates_.told(pair, backup);
    out.push_back(Prioritise{pair, backup});
  }
}

void Opener::close_unwanted(Instant now, std::vector<Request>& out) {
  for (const auto& [pair, state] : candidates_.pairs()) {
    if (state.up == 0 || state.dismissed) { continue; }
    if (last_resort(pair) && unmetered_since_ + kTrusted <= now) {
      candidates_.dismiss(pair);
    } else if (!hopeless(pair, now)) {
      continue;
    }
    out.push_back(Close{pair});
  }
}

bool Opener::allowed(const Pair& pair) const {
  if (!candidates_.possible(pair)) { return false; }
  if (last_resort(pair) && unmetered_works()) { return false; }
  // RFC 8041 §3.4, figure 3: what one of our networks reaches directly is not reached through another.
  const auto closer = [&](const auto& l) { return candidates_.on_link({l.first, pair.remote}); };
  return !rules_.same_subnet || candidates_.on_link(pair) || std::ranges::none_of(candidates_.locals(), closer);
}

bool Opener::last_resort(const Pair& pair) const {
  const Candidates::Local* ours = candidates_.local(pair.local);
  return rules_.metered == Metered::last_resort && ours && ours->use.metered;
}

bool Opener::unmetered_works() const {
  return std::ranges::any_of(candidates_.pairs(), [this](const auto& p) {
    const Candidates::Local* ours = candidates_.local(p.first.local);
    return p.second.works() && ours && !ours->use.metered;
  });
}

bool Opener::spared(const Pair& pair) const {
  const Candidates::Local* ours = candidates_.local(pair.local);
  return ours && (ours->use.backup || (ours->use.metered && rules_.metered == Metered::backup));
}

unsigned Opener::live() const {
  unsigned sum = 0;
  for (const auto& [pair, state] : candidates_.pairs()) { sum += state.live(); }
  return sum;
}

bool Opener::better(const Pair& a, const Pair& b) const {
  const auto rank = [this](const Pair& p) {
    const Candidates::Local* ours = candidates_.local(p.local);
    const AddressUse use = ours ? ours->use : AddressUse{};
    const bool metered = use.metered && rules_.metered != Metered::as_others;
    return std::tuple{use.backup || metered, use.preference, p};
  };
  return rank(a) < rank(b);
}
}  // namespace anabranch::mptcp
