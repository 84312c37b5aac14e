/// What all path managers that open subflows have in common: the side that connected opens, the other announces; a
/// kind of path manager only says how many subflows a pair shall have now, and which of them are backups.
///
/// After each fact what shall be is compared with what is: missing subflows are asked for, best pairs first, wrong
/// priorities are put right by MP_PRIO, and metered paths that are a last resort are closed when they are one no more.
/// Which pairs have a route is the stack's knowledge: it refuses the others. RFC 8684 §3.4, §3.3.8, RFC 8041 §3.4.
#pragma once
#include "mptcp/path_managers/announcer.hh"
#include "mptcp/path_managers/candidates.hh"

namespace anabranch::mptcp {

class Opener : public PathManager {
 public:
  void on(const Fact& fact, Instant now, std::vector<Request>& out) final;
  void on_deadline(Instant now, std::vector<Request>& out) final;
  Instant deadline() const final;

  static constexpr Duration kFirstRetry = Candidates::kFirstRetry;
  static constexpr unsigned kTries = Candidates::kTries;
  static constexpr unsigned kReminders = Announcer::kReminders;
  /// How long the side that was connected to waits for the other to open a pair: not both at once (RFC 8684 §3.9.2).
  static constexpr Duration kTheirTurn = 1_s;
  /// How long an unmetered path must have worked before a metered last resort is closed: a path that comes and goes
  /// would else have it opened and closed each time.
  static constexpr Duration kTrusted = 5_s;

 protected:
  /// `both_sides`: either announces, and the side that was connected to opens what the other has not.
  explicit Opener(const PathRules& rules, bool both_sides = false) : rules_{rules}, both_sides_{both_sides} {}

  /// How many subflows the pair shall have, of those that the rules allow.
  virtual unsigned wanted(const Pair& pair) const = 0;
  /// Whether they carry data only when no others can.
  virtual bool as_backup(const Pair& pair) const { return spared(pair); }
  /// The pairs to close although they are allowed, with what follows from their loss.
  virtual bool hopeless(const Pair&, Instant) const { return false; }
  /// When `hopeless` may have another answer.
  virtual Instant patience_ends() const { return Instant::never(); }
  /// Something has changed, or time has passed: for kinds that remember more than the candidates do.
  virtual void look(Instant) {}

  const Candidates& candidates() const { return candidates_; }
  bool opens() const { return side_ == Side::connected || (both_sides_ && side_ == Side::listening); }
  /// The use of the address, or the rules for metered ones, make its subflows backups.
  bool spared(const Pair& pair) const;
  /// Subflows of all pairs, asked for or up.
  unsigned live() const;
  /// Better pairs come first: unmetered, by preference, then by their ids (id 0 was the application's choice).
  bool better(const Pair& a, const Pair& b) const;

 private:
  void hear(const Fact& fact, Instant now, std::vector<Request>& out);
  bool allowed(const Pair& pair) const;
  bool lacks(const Pair& pair, const Candidates::State& state) const;
  bool last_resort(const Pair& pair) const;
  bool unmetered_works() const;
  void settle(Instant now, std::vector<Request>& out);
  void open_missing(Instant now, std::vector<Request>& out);
  void put_priorities_right(std::vector<Request>& out);
  void close_unwanted(Instant now, std::vector<Request>& out);

  const PathRules rules_;
  const bool both_sides_;
  Candidates candidates_;
  Announcer announcer_;
  Instant unmetered_since_ = Instant::never();  ///< an unmetered path has worked all the time since
  enum class Side : std::uint8_t { unknown, connected, listening } side_ = Side::unknown;
};
}  // namespace anabranch::mptcp
