/// A scenario as a value: every name looked up, every unit gone, every link's numbers at every time known.
///
/// Made by `read_plan` from a document; what is in it can be run. Indices are into the plan's own lists. Owner: the
/// command. Meaning of the fields: docs/sim.md, under the keys of the same names.
#pragma once
#include "apps/sim_document.hh"
#include "apps/sim_value.hh"
#include "mptcp/config.hh"
#include "sim/apps/arrivals.hh"
#include "sim/apps/program.hh"
#include "sim/link.hh"
#include "sim/middlebox.hh"
#include "stack/stack.hh"

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace anabranch::apps::experiment {

/// One direction of a link.
struct PipePlan {
  std::string link;
  sim::Way way{};
  sim::LinkSpec spec;
};

/// Two pipes: 2 i forth, 2 i + 1 back.
struct LinkPlan {
  std::string name;
  bool core = true;  ///< of a topology: to the switches in the middle
};

struct PathPlan {
  std::string name;
  std::string group;  ///< the name in the file, without the number of `count`
  std::array<std::string, 2> hosts, interfaces;
  std::vector<std::size_t> forth, back;  ///< pipes
  std::uint32_t mtu = 1500;
  std::array<AddressUse, 2> use;
  bool dealt = false;  ///< among alternatives: in turn, not by hash
};

struct TopologyPlan {
  std::string kind;
  unsigned k = 4, n = 4, levels = 2, tors = 4, hosts = 4, aggregates = 4, cores = 2, width = 4, height = 4;
  sim::LinkSpec spec;
  std::optional<sim::LinkSpec> trunk;  ///< of links between switches
  bool dealt = true;
  unsigned degraded = 0;  ///< so many core links have `degraded_spec`
  sim::LinkSpec degraded_spec;
};

enum class Matrix : std::uint8_t { none, permutation, random, all_to_all, incast };

struct FlowPlan {
  std::string name, from, to;
  Matrix matrix = Matrix::none;
  unsigned subflows = 1;  ///< over a topology
  unsigned count = 1;
  std::vector<std::size_t> paths;  ///< the first one first
  Draw start;
  std::optional<Instant> stop;
  std::optional<Draw> size;  ///< none: without end
  std::uint64_t back_size = 0;
  bool down = false;  ///< `to` is who sends
  std::variant<sim::BulkWish, sim::RequestsWish, sim::MessagesWish> application;
  std::optional<sim::ArrivalOptions> arrivals;
  mptcp::Config client, server;
  bool announce = true;
  stack::Stateless stateless = stack::Stateless::under_pressure;
};

struct TrafficPlan {
  std::string name;
  std::size_t pipe = 0;
  Rate rate{};
  Bytes packet{};
  std::optional<Draw> on, off;
  Instant start{}, stop = Instant::never();
};

enum class DropKind : std::uint8_t {
  all,
  data,
  ack,
  syn,
  syn_ack,
  third_ack,
  fin,
  rst,
  mp_capable,
  mp_join,
  dss,
  add_addr,
  remove_addr,
  mp_prio,
  mp_fail,
  mp_fastclose,
};
struct BoxPlan {
  std::size_t path = 0;
  sim::Meddling box = sim::Meddling::none;
  std::optional<DropKind> drop;  ///< instead of a box
  double chance = 1;
  std::uint64_t times = sim::kUnlimited;
  sim::Ways ways = sim::Ways::both;
  Instant start{}, stop = Instant::never();
};

/// Changes of the network while it runs.
struct SetPipe {
  std::size_t pipe = 0;
  sim::LinkSpec spec;
};
struct CutPipe {
  std::size_t pipe = 0;
  bool lose_in_flight = false;
};
struct HealPipe {
  std::size_t pipe = 0;
};
struct CarrierChange {
  std::size_t path = 0, end = 0;
  bool up = false;
};
struct AddressChange {
  std::size_t path = 0, end = 0;
  bool add = false;
};
struct UseChange {
  std::size_t path = 0, end = 0;
  AddressUse use;
};
struct PriorityChange {
  std::size_t flow = 0, path = 0, end = 0;
  bool backup = true;
};
struct SubflowClose {
  std::size_t flow = 0, path = 0, end = 0;
};
using Action =
    std::variant<SetPipe, CutPipe, HealPipe, CarrierChange, AddressChange, UseChange, PriorityChange, SubflowClose>;
struct ChangePlan {
  Instant at;
  Action action;
};

/// How much of a run goes into its result.
enum class Detail : std::uint8_t { all, flows, groups };

struct Plan {
  std::string name, about;
  Duration duration{10'000'000'000}, warmup{}, sample{}, gap{100'000'000};
  bool until_finished = false, v6 = false, offload = false;
  Detail detail = Detail::all;
  std::vector<LinkPlan> links;
  std::vector<PipePlan> pipes;
  std::vector<PathPlan> paths;
  std::optional<TopologyPlan> topology;
  std::vector<FlowPlan> flows;
  std::vector<TrafficPlan> traffic;
  std::vector<BoxPlan> boxes;
  std::vector<ChangePlan> changes;  ///< by time
};

/// `file`: for complaints, and where the name comes from if the scenario has none. Throws Failure (usage).
Plan read_plan(const Node& document, const std::string& file);
}  // namespace anabranch::apps::experiment

template <>
struct anabranch::Names<anabranch::apps::experiment::Detail> {
  static constexpr std::string_view list[] = {"all", "flows", "groups"};
};
template <>
struct anabranch::Names<anabranch::apps::experiment::Matrix> {
  static constexpr std::string_view list[] = {"none", "permutation", "random", "all_to_all", "incast"};
};
template <>
struct anabranch::Names<anabranch::apps::experiment::DropKind> {
  static constexpr std::string_view list[] = {
      "all",        "data",    "ack", "syn",      "syn_ack",     "third_ack", "fin",     "rst",
      "mp_capable", "mp_join", "dss", "add_addr", "remove_addr", "mp_prio",   "mp_fail", "mp_fastclose"};
};
