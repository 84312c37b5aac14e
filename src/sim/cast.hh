/// The actors of a world: whose turn it is, and who hears of which connection.
///
/// Found by handle, never by asking around: a claim is a slot with the index of the connection, good for one
/// generation of it. Turns are taken in the order in which actors woke. Owned by the world.
#pragma once
#include "sim/actor.hh"
#include "sim/agenda.hh"

#include <memory>
#include <vector>

namespace anabranch::sim {

class Cast {
 public:
  explicit Cast(Agenda& agenda) : agenda_{agenda} {}

  void add(Actor& actor, std::unique_ptr<Actor> owned);
  /// Never called again; its claims end. If owned it dies when the turns of this instant are over.
  void remove(Actor& actor);
  void claim(std::uint32_t host, stack::ConnectionId id, Actor& actor);
  void claim(std::uint32_t host, stack::ListenerId id, Actor& actor);
  /// Gives the event to whom it belongs and wakes them; false: to nobody.
  bool tell(Host& host, std::uint32_t number, const stack::Event& event, Instant now);
  void wake(Actor& actor);
  void wake_all();
  bool anybody_awake() const { return !awake_.empty(); }
  std::uint32_t agenda_number(const Actor& actor) const { return places_[actor.place_].number; }
  /// One turn for each that is awake. `fail` hears of violations. True: somebody did something.
  template <class Fail>
  bool take_turns(Instant now, Fail&& fail);
  std::size_t size() const { return size_; }
  /// Who wants a turn at this very instant, again and again.
  std::size_t busy(Instant now) const;

 private:
  struct Place {
    Actor* actor = nullptr;
    std::unique_ptr<Actor> owned;
    std::uint32_t number = 0;  ///< in the agenda
    std::uint32_t generation = 0;
    bool awake = false;
  };
  struct Claim {
    std::uint32_t handle_generation = 0;
    std::uint32_t place = Actor::kNowhere, place_generation = 0;
  };
  struct Claims {
    std::vector<Claim> connections, listeners;  ///< by index of the handle
  };
  void put(std::vector<Claim>& claims, std::uint32_t index, std::uint32_t generation, const Actor& actor);
  Actor* find(const std::vector<Claim>& claims, std::uint32_t index, std::uint32_t generation) const;
  Claims& of(std::uint32_t host);

  Agenda& agenda_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::vector<Claims> claims_;  ///< by host
  std::vector<std::uint32_t> awake_, turns_;
  std::vector<std::unique_ptr<Actor>> gone_;
  std::size_t size_ = 0;
};

template <class Fail>
bool Cast::take_turns(Instant now, Fail&& fail) {
  bool any = false;
  turns_.swap(awake_);
  for (const std::uint32_t place : turns_) { places_[place].awake = false; }
  for (const std::uint32_t place : turns_) {
    Actor* actor = places_[place].actor;
    if (actor == nullptr) { continue; }
    const std::uint32_t generation = places_[place].generation;
    const bool did = actor->step(now);
    any = any || did;
    if (places_[place].generation != generation || places_[place].actor == nullptr) { continue; }  // it has left
    if (auto violation = actor->violation()) { fail(*violation); }
    if (did) {
      wake(*actor);
    } else {
      agenda_.set(places_[place].number, actor->next());
    }
  }
  turns_.clear();
  gone_.clear();
  return any;
}
}  // namespace anabranch::sim
