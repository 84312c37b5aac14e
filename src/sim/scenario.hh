/// A scenario: links, transfers and what happens to the links, as one plain value; drawn from a seed or made by hand.
///
/// Phase one: faults at will. Phase two, from `heal_at` on: every link is whole and loses nothing of itself; each
/// transfer must complete within `completion_bound`, and afterwards all stacks must forget their connections.
/// Drawing is swarm-like: a seed first decides which kinds of trouble it has at all, so that some runs have one kind
/// in plenty. Same seed, same value.
#pragma once
#include "sim/middlebox.hh"
#include "sim/world.hh"

#include <string>
#include <vector>

namespace anabranch::sim {

enum class Trouble : std::uint8_t {
  cut,             ///< silently, both directions
  cut_one_way,     ///< silently, what `side` sends
  heal,            ///< ends either
  interface_down,  ///< at `side`; the link is dead
  interface_up,
  slow_down,      ///< the rate falls to a quarter
  switch_backup,  ///< the application at `side` makes a subflow a backup, or no backup any more (MP_PRIO)
  close_subflow,  ///< the application at `side` closes a subflow that is not the only one
};

struct LinkPlan {
  LinkSpec forth, back;  ///< phase one; side 0 (the client) sends `forth`
  LinkOptions options;
  Meddling meddling = Meddling::none;
};
struct TransferPlan {
  Bytes up, down;
  TransferOptions options;
};
struct Event {
  Duration at{};  ///< from the start
  Trouble what{};
  std::size_t link = 0;
  std::size_t side = 0;
};

struct Scenario {
  std::uint64_t seed = 0;
  std::vector<LinkPlan> links;          ///< all between "client" and "server"
  std::vector<TransferPlan> transfers;  ///< from "client" to "server"
  std::vector<Event> events;
  Duration heal_at{};
  unsigned consistency_every = 4;
};

/// The scenario of this seed.
Scenario draw(std::uint64_t seed);
/// The same link without faults: rate, delay, queue and MTU stay.
LinkSpec healed(const LinkSpec& spec);
/// How long after the healing the last byte may take: the time for all bytes over the slowest link with room for
/// reinjection, readers' pauses, retransmission timers backed off as long as the faults lasted (each waits at most
/// twice what came before), and round trips to open windows again.
Duration completion_bound(const Scenario& scenario);
std::string to_text(const Scenario& scenario);  ///< a few lines for a person

struct Outcome {
  bool passed = false;
  std::string report;        ///< empty when passed
  std::uint64_t digest = 0;  ///< World::trace_digest
  Duration took{};           ///< virtual time until all was complete
  std::uint64_t arrivals = 0;
  stack::Counters counters;  ///< of both stacks together
};
struct RunOptions {
  std::string command;               ///< how to run it again, for the report
  std::size_t kept_segments = 40;    ///< shown in a report
  trace::ByteSink* trace = nullptr;  ///< gets a line for each event of both stacks, each after its host's name
};
/// Builds the world, runs both phases, judges.
Outcome run(const Scenario& scenario, const RunOptions& options = {});
/// The world in which `run` of this thread is, for a report if the program stops at a broken invariant; or nullptr.
const World* current_world();
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Trouble> {
  static constexpr std::string_view list[] = {"cut",          "cut_one_way", "heal",          "interface_down",
                                              "interface_up", "slow_down",   "switch_backup", "close_subflow"};
};
