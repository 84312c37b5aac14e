/// The parts that read a scenario's tables: links with their deferred numbers, paths, flows, changes. Internal to
/// `read_plan`; each fills its part of a plan and looks up names in what is there already.
#pragma once
#include "apps/sim_entry.hh"
#include "apps/sim_plan.hh"

#include <string>
#include <vector>

namespace anabranch::apps::experiment {

/// One direction of a link as it is written: some of its numbers depend on others, which a change may change.
struct LinkNumbers {
  RateValue rate;
  Duration delay{};
  std::optional<Duration> rtt;
  QueueValue queue;
  sim::LinkSpec others;  ///< what needs no other number
  std::optional<double> red_low, red_high;

  std::uint32_t packet() const { return others.mtu; }
  sim::LinkSpec spec() const;
};
/// The keys of a link that the entry has.
void read_link_numbers(const Entry& entry, LinkNumbers& out);

/// What is known while a plan is made, besides the plan.
struct Reading {
  Plan plan;
  std::vector<LinkNumbers> numbers;  ///< as plan.pipes, as they are at time 0
  const std::string& file;

  std::size_t link(const Entry& entry, std::string_view key, const std::string& name) const;
  std::vector<std::size_t> paths(const Entry& entry, std::string_view key, const std::string& name) const;
  std::size_t flow(const Entry& entry, std::string_view key, const std::string& name) const;
  /// Which end of the path the host is.
  std::size_t end(const Entry& entry, std::size_t path, const std::string& host) const;
};
void read_links(const Node& document, Reading& reading);
void read_paths(const Node& document, Reading& reading);
void read_topology(const Node& document, Reading& reading);
void read_flows(const Node& document, Reading& reading);
void read_traffic(const Node& document, Reading& reading);
void read_boxes(const Node& document, Reading& reading);
void read_changes(const Node& document, Reading& reading);
void read_use(const Entry& entry, AddressUse& out);
/// The keys of a connection's configuration, and those of `client` and `server`.
void read_settings(const Entry& entry, mptcp::Config& client, mptcp::Config& server);

/// The tables of `[[key]]`, each with its place: "path wifi", or its number.
std::vector<Entry> entries(const Node& document, std::string_view key, const std::string& file);
/// Letters, digits, '-', '_' and '.'; at least one.
void check_name(const Entry& entry, std::string_view key, const std::string& name);
}  // namespace anabranch::apps::experiment
