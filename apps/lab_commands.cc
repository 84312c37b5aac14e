#include "apps/lab_commands.hh"

#include "base/address.hh"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <sstream>

namespace anabranch::apps {
namespace {

constexpr unsigned kFirstTable = 101;  // beyond those that people use by hand, below local, main and default (253..255)

bool is_v6(const std::string& text) { return text.find(':') != std::string::npos; }
std::string& batch_for(Batches& batches, const std::string& text) { return is_v6(text) ? batches.v6 : batches.v4; }

std::string without_prefix(const std::string& address) { return address.substr(0, address.find('/')); }

/// A route of the host for this link's own table: one whose gateway lies in the network of `address`, without its
/// metric, which decides between links only. Empty: it is not about this link.
std::string route_over(const std::string& route, const std::string& address) {
  std::istringstream words{route};
  std::string out, word;
  bool ours = false;
  while (words >> word) {
    if (word == "metric") {
      words >> word;
      continue;
    }
    out += word + " ";
    if (word != "via" || !(words >> word)) { continue; }
    out += word + " ";
    const std::size_t slash = address.find('/');
    const auto mine = address_from_text(address.substr(0, slash)), gateway = address_from_text(word);
    ours =
        mine && gateway && same_prefix(*mine, *gateway, static_cast<unsigned>(std::stoul(address.substr(slash + 1))));
  }
  return ours ? out : std::string{};
}

/// The ends of links that a host has, with the number of the table of each.
void for_each_end(const Topology& topology, const HostPlan& host,
                  const std::function<void(const LinkPlan&, const LinkEnd&, unsigned table)>& work) {
  unsigned table = kFirstTable;
  for (const LinkPlan& link : topology.links) {
    for (const LinkEnd* end : {&link.a, &link.b}) {
      if (end->host == host.name) { work(link, *end, table++); }
    }
  }
}

std::string address_words(const std::string& address, const std::string& device) {
  return fmt::format("{} dev {}{}", address, device, is_v6(address) ? " nodad" : "");
}

std::string endpoint_line(const HostPlan& host, std::size_t place) {
  const Endpoint& endpoint = host.endpoints[place];
  std::string out = fmt::format("mptcp endpoint add {} id {}", endpoint.address, place + 1);
  if (!endpoint.link.empty()) { out += " dev " + endpoint.link; }
  for (const std::string& flag : endpoint.flags) { out += " " + flag; }
  if (endpoint.port != 0) { out += fmt::format(" port {}", endpoint.port); }
  return out;
}

/// The places of the endpoints whose address is one of these.
std::vector<std::size_t> endpoints_of(const HostPlan& host, const std::vector<std::string>& addresses) {
  std::vector<std::size_t> out;
  for (std::size_t place = 0; place < host.endpoints.size(); ++place) {
    const auto same = [&](const std::string& address) {
      return without_prefix(address) == host.endpoints[place].address;
    };
    if (std::ranges::any_of(addresses, same)) { out.push_back(place); }
  }
  return out;
}

}  // namespace

Batches interface_commands(const Topology& topology, const HostPlan& host) {
  Batches out{.v4 = "link set lo up\n", .v6 = {}}, own_routes;  // routes only after all addresses are there
  for (const std::string& address : host.addresses) {
    batch_for(out, address) += "addr add " + address_words(address, "lo") + "\n";
  }
  for_each_end(topology, host, [&](const LinkPlan& link, const LinkEnd& end, unsigned table) {
    out.v4 += fmt::format("link set {} up\n", link.name);
    for (const std::string& address : end.addresses) {
      std::string& batch = batch_for(out, address);
      batch += "addr add " + address_words(address, link.name) + "\n";
      batch += fmt::format("rule add from {0} table {1} priority {1}\n", without_prefix(address), table);
      for (const std::string& route : host.routes) {
        const std::string own = route_over(route, address);
        if (own.empty()) { continue; }
        batch_for(own_routes, address) += fmt::format("route add {}dev {} table {}\n", own, link.name, table);
      }
    }
  });
  for (const std::string& route : host.routes) { batch_for(out, route) += "route add " + route + "\n"; }
  return {.v4 = out.v4 + own_routes.v4, .v6 = out.v6 + own_routes.v6};
}

std::string mptcp_commands(const HostPlan& host) {
  std::string out =
      fmt::format("mptcp limits set subflows {} add_addr_accepted {}\n", host.subflows, host.add_addr_accepted);
  for (std::size_t place = 0; place < host.endpoints.size(); ++place) { out += endpoint_line(host, place) + "\n"; }
  return out;
}

std::vector<std::string> take_addresses(const Topology& topology, const HostPlan& host, const std::string& link) {
  std::vector<std::string> out;
  for_each_end(topology, host, [&](const LinkPlan& plan, const LinkEnd& end, unsigned) {
    if (plan.name != link) { return; }
    for (const std::string& address : end.addresses) {
      out.push_back(fmt::format("addr del {} dev {}", address, link));
    }
    for (const std::size_t place : endpoints_of(host, end.addresses)) {
      out.push_back(fmt::format("mptcp endpoint delete id {}", place + 1));
    }
  });
  return out;
}

std::vector<std::string> give_addresses(const Topology& topology, const HostPlan& host, const std::string& link) {
  std::vector<std::string> out, endpoints;
  for_each_end(topology, host, [&](const LinkPlan& plan, const LinkEnd& end, unsigned table) {
    if (plan.name != link) { return; }
    for (const std::string& address : end.addresses) { out.push_back("addr add " + address_words(address, link)); }
    for (const std::string& address : end.addresses) {
      for (const std::string& route : host.routes) {
        const std::string own = route_over(route, address);
        if (own.empty()) { continue; }
        const std::string family = is_v6(address) ? "-6 " : "";
        out.push_back(family + "route replace " + route);
        out.push_back(fmt::format("{}route replace {}dev {} table {}", family, own, link, table));
      }
    }
    for (const std::size_t place : endpoints_of(host, end.addresses)) {
      endpoints.push_back(endpoint_line(host, place));
    }
  });
  out.insert(out.end(), endpoints.begin(), endpoints.end());
  return out;
}

}  // namespace anabranch::apps
