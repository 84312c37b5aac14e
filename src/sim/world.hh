/// A world of hosts and links in virtual time, judged at every step. Same seed, same calls: same run, bit for bit.
///
/// It jumps from one thing that happens to the next: actions, arrivals, deadlines, readers' pauses; within an instant
/// hosts and links take turns in the order they were made. What must never happen ends the run: `run_until` returns
/// false and `failure()` says what it was. Owns everything in it. Design of the judging: sim/oracle.hh; what is not
/// modelled: README.md.
#pragma once
#include "sim/capture.hh"
#include "sim/duplex.hh"
#include "sim/transfer.hh"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace anabranch::sim {

struct WorldOptions {
  std::size_t kept_segments = 40;  ///< for `replay()`
  unsigned consistency_every = 1;  ///< steps between two looks through whole stacks; 0: never
  bool watched = true;             ///< by the oracle; not where a box changes numbers, addresses or contents
};

class World {
 public:
  explicit World(std::uint64_t seed, const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// The host of this name, made when it is first asked for.
  Host& host(std::string_view name);
  /// A link between the two, the same in both directions or not. Links are numbered from 1 in the order made.
  Link& link(Host& first, Host& second, const LinkSpec& both, const LinkOptions& options = {});
  Link& link(Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back, const LinkOptions& options);
  /// Does `action` when `after` has passed from now. Actions of one instant in the order given.
  void at(Duration after, std::function<void()> action);
  /// `from` connects to `to`, over their first link unless options say otherwise, and sends so many bytes.
  Transfer& transfer(Host& from, Host& to, Bytes bytes, const TransferOptions& options = {});

  /// Lets time pass until `done`, at most for `limit`. False: it did not come to that, or `failure()`.
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// Lets that much time pass. False: a failure.
  bool run_for(Duration span);
  Instant now() const { return now_; }

  const std::optional<std::string>& failure() const { return failure_; }
  /// Over time, place and bytes of every frame that arrived.
  std::uint64_t trace_digest() const { return digest_; }
  std::uint64_t arrivals() const { return arrivals_; }
  /// What a person needs to see it again: what failed, seed, state of the transfers, the last segments.
  std::string replay() const;
  /// How to run this again; printed by `replay()`.
  void set_command(std::string command) { command_ = std::move(command); }
  /// What all stacks have counted, together.
  stack::Counters counters() const;
  /// Whether no stack knows of a connection any more.
  bool quiet() const;
  const std::vector<std::unique_ptr<Transfer>>& transfers() const { return transfers_; }
  const std::vector<std::unique_ptr<Link>>& links() const { return links_; }
  /// Slabs that are held by anybody: stacks' leaks show here once all is quiet.
  std::size_t slabs_in_use() const { return pool_.in_use(); }
  SlabPool& pool() { return pool_; }

 private:
  static constexpr std::size_t kBatch = 64;           ///< frames moved at a time, as a driver would
  static constexpr unsigned kTurnsAnInstant = 10000;  ///< more turns without time passing is a loop without end

  Instant next() const;
  void step();
  void settle();
  std::string restless() const;
  bool run_actions();
  bool arrive();
  bool run_deadlines();
  bool run_applications();
  bool transmit();
  void check(const Host& host, const Frame& frame);
  void judge();
  void fail(std::string what);

  SlabPool pool_;
  std::uint64_t seed_;
  WorldOptions options_;
  Generator generator_;
  Instant now_{};
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  EventQueue<std::function<void()>> actions_;
  Oracle oracle_;
  Capture capture_;
  std::vector<Frame> frames_;
  std::uint64_t digest_, arrivals_ = 0, steps_ = 0;
  unsigned turns_ = 0;  ///< in this instant
  std::string command_;
  std::optional<std::string> failure_;
};
}  // namespace anabranch::sim
