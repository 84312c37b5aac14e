/// What the kernel of a lab's host is told about addresses, routes and Multipath TCP, as lines for `ip -batch`.
///
/// Text out of a topology, nothing is run here. Each link of a host has a routing table of its own, from 101 in the
/// order of the links, for what is sent from its addresses: so a source address means a link. Owner: lab_build.
#pragma once
#include "apps/lab_topology.hh"

#include <string>
#include <vector>

namespace anabranch::apps {

/// For `ip -batch`, and for `ip -6 -batch`: rules and routes want to know their family beforehand.
struct Batches {
  std::string v4, v6;
};

/// Everything about interfaces, addresses, rules and routes of a host that has none yet.
Batches interface_commands(const Topology& topology, const HostPlan& host);
/// Limits and endpoints; an endpoint's id is its place in the list, from 1.
std::string mptcp_commands(const HostPlan& host);

/// Takes the addresses of one link of a host away; the kernel takes their routes. Then endpoints with these addresses.
std::vector<std::string> take_addresses(const Topology& topology, const HostPlan& host, const std::string& link);
/// Gives them back, with routes and endpoints.
std::vector<std::string> give_addresses(const Topology& topology, const HostPlan& host, const std::string& link);

}  // namespace anabranch::apps
