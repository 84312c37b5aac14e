/// Where frames enter a link or a path: who taps them there, and the box that they meet before they queue.
///
/// Frames go on into pipes by `carry`, which says how. Super-segments are cut in front of a box. Keeps the box's place
/// in the agenda. Base of Link and Path.
#pragma once
#include "packet/assemble.hh"
#include "sim/agenda.hh"
#include "sim/host.hh"
#include "sim/middlebox.hh"

#include <functional>
#include <memory>
#include <vector>

namespace anabranch::sim {

class Passage {
 public:
  /// All outlive it; `clock` is the world's.
  Passage(SlabPool& pool, Agenda& agenda, const Instant& clock);
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;
  virtual ~Passage() = default;

  /// Puts a box in front of both directions: packets meet it before they queue, and before any fault. None: takes it
  /// away. `Way::forth` is from the first end.
  void set_middlebox(std::unique_ptr<Middlebox> middlebox);
  /// The same with a function: sees each packet, may change it; false: it vanishes.
  void set_sieve(std::function<bool(const Host& from, Frame& packet)> sieve);
  /// Shows each frame to `tap` as its host sends it, before the box.
  void set_tap(std::function<void(const Host& from, const Frame& frame)> tap);
  /// Lets the box do what its time has come for.
  void on_time();

 protected:
  void pass(Way way, const Host& from, Frame frame);
  Instant clock() const { return *clock_; }
  bool watches() const { return tap_ || middlebox_; }  ///< somebody wants to see each frame

 private:
  virtual void carry(Way way, Frame frame) = 0;
  virtual const Host& end_of(Way way) const = 0;  ///< where frames of that way come from
  virtual void watching_changed() {}              ///< `watches` may say something else now
  void carry_on();

  Agenda& agenda_;
  const Instant* clock_;
  std::uint32_t in_agenda_;
  std::function<void(const Host&, const Frame&)> tap_;
  std::unique_ptr<Middlebox> middlebox_;
  HeaderArena arena_;           ///< for packets cut in front of the box
  std::vector<Frame> packets_;  ///< on their way into the box
  std::vector<Sent> sent_;      ///< on their way out of it
};
}  // namespace anabranch::sim
