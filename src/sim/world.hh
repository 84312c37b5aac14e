/// A world of hosts and networks in virtual time, judged at every step. Same seed, same calls: same run, bit for bit.
///
/// It jumps from one thing that happens to the next, by one agenda of all pipes, hosts, actors and boxes; nobody is
/// looked at who has nothing to do. Within an instant: actions, arrivals, deadlines, then actors and stacks take turns
/// until all rest. What must never happen ends the run: `run_until` returns false and `failure()` says what it was.
/// Owns everything in it. Design of the judging: sim/oracle.hh; what is not modelled: README.md.
#pragma once
#include "sim/capture.hh"
#include "sim/cast.hh"
#include "sim/duplex.hh"
#include "sim/fabric.hh"
#include "sim/stages.hh"
#include "sim/transfer.hh"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace anabranch::sim {

/// How much of each frame that arrives goes into the digest of a run.
enum class DigestOf : std::uint8_t { none, headers, everything };

struct WorldOptions {
  std::size_t kept_segments = 40;  ///< for `replay()`
  unsigned consistency_every = 1;  ///< steps between two looks through whole stacks; 0: never
  bool watched = true;             ///< by the oracle; not where a box changes numbers, addresses or contents
  DigestOf digest = DigestOf::everything;

  /// For measuring instead of judging: large and fast.
  static WorldOptions figures() { return {0, 0, false, DigestOf::headers}; }
};

class World {
 public:
  explicit World(std::uint64_t seed, const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// The host of this name, made when it is first asked for (then with these options).
  Host& host(std::string_view name, const HostOptions& options = {});
  /// A link between the two, the same in both directions or not. Links are numbered from 1 in the order made.
  Link& link(Host& first, Host& second, const LinkSpec& both, const LinkOptions& options = {});
  Link& link(Host& first, Host& second, const LinkSpec& forth, const LinkSpec& back, const LinkOptions& options);
  // --- the routed network (sim/fabric.hh)
  /// A pipe for any number of paths. Names are unique.
  Pipe& pipe(std::string name, const LinkSpec& spec) { return fabric_.pipe(std::move(name), spec); }
  Pipe* find_pipe(std::string_view name) const { return fabric_.find_pipe(name); }
  const std::vector<std::unique_ptr<Pipe>>& pipes() const { return fabric_.pipes(); }  ///< those of links are theirs
  /// The interface of that name, made when it is first asked for.
  Port& port(Host& host, std::string_view name, const PortOptions& options = {}) {
    return fabric_.port(host, name, options);
  }
  const std::vector<std::unique_ptr<Port>>& ports() const { return fabric_.ports(); }
  /// The path between the two, made when it is first asked for: then it has no alternative yet and nothing passes.
  Path& path(Port& first, Port& second) { return fabric_.path(first, second); }
  const std::vector<std::unique_ptr<Path>>& paths() const { return fabric_.paths(); }
  /// Asked for alternatives when a frame wants to go where no path leads.
  void set_routing(std::unique_ptr<Routing> routing) { fabric_.set_routing(std::move(routing)); }
  /// Hears of each path that is made from now on, before anything passes there.
  void on_path(std::function<void(Path&)> tell) { fabric_.on_path(std::move(tell)); }
  /// Packets that are not TCP, into the first of these pipes and through all.
  CrossSource& cross_traffic(std::vector<Pipe*> route, const CrossTraffic& traffic) {
    return fabric_.cross_traffic(std::move(route), traffic);
  }

  // --- who uses the stacks (sim/actor.hh)
  template <class A>
  A& add(std::unique_ptr<A> actor) {
    A& out = *actor;
    cast_.add(out, std::move(actor));
    return out;
  }
  void add(Actor& actor) { cast_.add(actor, nullptr); }  ///< remove it before it dies
  void remove(Actor& actor) { cast_.remove(actor); }
  /// Events of the connection or listener go to the actor, until the handle is released or claimed by another.
  void claim(const Host& host, stack::ConnectionId id, Actor& actor) { cast_.claim(host.number(), id, actor); }
  void claim(const Host& host, stack::ListenerId id, Actor& actor) { cast_.claim(host.number(), id, actor); }
  /// Steps it in this instant.
  void wake(Actor& actor) { cast_.wake(actor); }

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
  std::uint64_t arrivals() const { return arrivals_; }  ///< frames, at hosts
  std::uint64_t events() const { return events_; }      ///< turns of pipes, hosts, actors and boxes
  /// What a person needs to see it again: what failed, seed, state of the transfers, the last segments.
  std::string replay() const;
  /// How to run this again; printed by `replay()`.
  void set_command(std::string command) { command_ = std::move(command); }
  /// Told from now on what the world is busy with; it must outlive the world. None: nobody wants to know.
  void set_watch(Watch* watch) { watch_ = watch; }
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
  static constexpr std::size_t kBatch = 64;                 ///< frames moved at a time, as a driver would
  static constexpr unsigned kTurnsAnInstant = 10000;        ///< more turns without time passing is a loop without end
  static constexpr unsigned kEventsAnInstant = 10'000'000;  ///< the same of pipes and boxes

  Instant next() const { return std::min(actions_.next(), agenda_.next()); }
  void touch_all();
  void step();
  void take_turns();
  void take_turn(const Component& component);
  void drain(Pipe& pipe);
  void arrive(Parcel& packet);
  void settle();
  void let_act();
  std::string restless() const;
  void run_actions();
  void hear(Host& host);
  void transmit(Host& host);
  void send(Host& host, Frame& frame);
  void check(const Host& host, const Frame& frame);
  void judge();
  void fail(std::string what);

  SlabPool pool_;
  ParcelPool packets_;
  std::uint64_t seed_;
  WorldOptions options_;
  Generator generator_;
  Instant now_{};
  Agenda agenda_;
  std::vector<Host*> touched_, looking_, due_;  ///< hosts to look after in this instant; those being
  std::vector<std::uint32_t> turns_of_hosts_;   ///< in the agenda, by number of the host
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Link>> links_;
  Fabric fabric_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  Cast cast_;
  EventQueue<std::function<void()>> actions_;
  Oracle oracle_;
  Capture capture_;
  std::vector<Frame> frames_;
  std::uint64_t digest_, arrivals_ = 0, events_ = 0, steps_ = 0;
  unsigned turns_ = 0, events_now_ = 0;  ///< in this instant
  Watch* watch_ = nullptr;
  Stage stage_ = Stage::pipes;
  std::string command_;
  std::optional<std::string> failure_;
};
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::DigestOf> {
  static constexpr std::string_view list[] = {"none", "headers", "everything"};
};
