/// Something that uses the stacks of a world, as an application would: it hears of its connections and does its part.
///
/// An actor claims handles (`World::claim`); events of those go to it and to nobody else. It is stepped when it is
/// added, after each event, when its `next` has come, when woken, and again as long as it says that it did something.
/// It goes by events and time alone. May be owned by the world or by whoever added it; then it is removed before it dies.
#pragma once
#include "base/units.hh"
#include "stack/stack.hh"

#include <cstdint>
#include <optional>
#include <string>

namespace anabranch::sim {

class Host;

class Actor {
 public:
  Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  virtual ~Actor() = default;
  /// Something happened to a connection or a listener that it has claimed.
  virtual void on(Host& host, const stack::Event& event, Instant now) = 0;
  /// Does what can be done now. True: it did something, and may have more to do.
  virtual bool step(Instant now) = 0;
  /// When it wants to be stepped though nothing happens; never: not at all. Asked after each step.
  virtual Instant next() const = 0;
  /// What it saw that must not be; ends the run.
  virtual std::optional<std::string> violation() const { return std::nullopt; }

 private:
  friend class Cast;
  static constexpr std::uint32_t kNowhere = 0xffff'ffffu;
  std::uint32_t place_ = kNowhere;  ///< among the actors of a world
};
}  // namespace anabranch::sim
