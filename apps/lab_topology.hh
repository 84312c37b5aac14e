/// A lab as data: hosts, links, addresses and what the kernel of each host is told. Read from TOML.
///
/// Everything is checked here, so that building the lab can only fail because of the machine. Owner: the command.
#pragma once
#include "apps/lab_value.hh"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace anabranch::apps {

struct Endpoint {  ///< of the kernel's MPTCP path manager, see ip-mptcp(8)
  std::string address;
  std::string link;                ///< device, may be empty
  std::vector<std::string> flags;  ///< signal, subflow, backup, fullmesh
  std::uint16_t port = 0;
};

struct HostPlan {
  std::string name;
  std::vector<std::pair<std::string, std::string>> sysctls;  ///< dotted names, in order
  std::vector<std::string> routes;                           ///< as `ip route add` takes them
  std::vector<std::string> addresses;                        ///< on `lo`: reached over every link, 10.9.0.1/32
  unsigned subflows = 8, add_addr_accepted = 8;              ///< MPTCP limits; 8 is the kernel's maximum
  std::vector<Endpoint> endpoints;
};

struct LinkEnd {
  std::string host;
  std::vector<std::string> addresses;  ///< 10.0.1.2/24, fd00:1::2/64
};

struct LinkPlan {
  std::string name;  ///< of the device in both hosts
  LinkEnd a, b;
  std::uint32_t mtu = 1500;
  LinkSettings settings;
};

struct Topology {
  std::string name;
  std::vector<HostPlan> hosts;
  std::vector<LinkPlan> links;
};

/// Throws Failure (Exit::usage) with one line that starts with `where` (a file's name).
Topology topology_from_toml(std::string_view text, const std::string& where);
/// The TOML text of a topology that is built in ("two-path"), or empty.
std::string_view built_in_topology(std::string_view name);
/// Whether this can name a lab, a host or a link: letters, digits, '-', '_', at most `limit` of them.
bool is_good_name(std::string_view name, std::size_t limit);

}  // namespace anabranch::apps
