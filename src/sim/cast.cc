#include "sim/cast.hh"

#include "base/check.hh"

#include <algorithm>

namespace anabranch::sim {

void Cast::add(Actor& actor, std::unique_ptr<Actor> owned) {
  ANABRANCH_CHECK(actor.place_ == Actor::kNowhere);
  std::uint32_t place = static_cast<std::uint32_t>(places_.size());
  if (free_.empty()) {
    places_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  Place& p = places_[place];
  p.actor = &actor;
  p.owned = std::move(owned);
  p.number = agenda_.enroll(&actor);
  p.awake = false;
  actor.place_ = place;
  ++size_;
  wake(actor);
}

void Cast::remove(Actor& actor) {
  ANABRANCH_CHECK(actor.place_ < places_.size());
  Place& p = places_[actor.place_];
  ANABRANCH_CHECK(p.actor == &actor);
  agenda_.dismiss(p.number);
  free_.push_back(actor.place_);
  if (std::exchange(p.awake, false)) { std::erase(awake_, actor.place_); }
  actor.place_ = Actor::kNowhere;
  p.actor = nullptr;
  if (p.owned) { gone_.push_back(std::move(p.owned)); }
  ++p.generation;
  --size_;
}

Cast::Claims& Cast::of(std::uint32_t host) {
  if (host >= claims_.size()) { claims_.resize(host + 1); }
  return claims_[host];
}

void Cast::put(std::vector<Claim>& claims, std::uint32_t index, std::uint32_t generation, const Actor& actor) {
  ANABRANCH_CHECK(actor.place_ < places_.size());  // it has been added
  if (index >= claims.size()) { claims.resize(index + 1); }
  claims[index] = {generation, actor.place_, places_[actor.place_].generation};
}

void Cast::claim(std::uint32_t host, stack::ConnectionId id, Actor& actor) {
  put(of(host).connections, id.index, id.generation, actor);
}

void Cast::claim(std::uint32_t host, stack::ListenerId id, Actor& actor) {
  put(of(host).listeners, id.index, id.generation, actor);
}

Actor* Cast::find(const std::vector<Claim>& claims, std::uint32_t index, std::uint32_t generation) const {
  if (index >= claims.size()) { return nullptr; }
  const Claim& claim = claims[index];
  if (claim.place == Actor::kNowhere || claim.handle_generation != generation) { return nullptr; }
  const Place& p = places_[claim.place];
  return p.generation == claim.place_generation ? p.actor : nullptr;
}

bool Cast::tell(Host& host, std::uint32_t number, const stack::Event& event, Instant now) {
  const Claims& claims = of(number);
  Actor* actor = event.what == stack::Happened::acceptable
                     ? find(claims.listeners, event.listener.index, event.listener.generation)
                     : find(claims.connections, event.connection.index, event.connection.generation);
  if (actor == nullptr) { return false; }
  const std::uint32_t place = actor->place_, generation = places_[place].generation;
  actor->on(host, event, now);
  if (places_[place].generation == generation) { wake(*actor); }
  return true;
}

void Cast::wake(Actor& actor) {
  ANABRANCH_CHECK(actor.place_ < places_.size());
  if (!std::exchange(places_[actor.place_].awake, true)) { awake_.push_back(actor.place_); }
}

void Cast::wake_all() {
  for (Place& p : places_) {
    if (p.actor != nullptr) { wake(*p.actor); }
  }
}

std::size_t Cast::busy(Instant now) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(places_, [&](const Place& p) { return p.actor != nullptr && p.actor->next() <= now; }));
}
}  // namespace anabranch::sim
