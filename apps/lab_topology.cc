#include "apps/lab_topology.hh"

#include "apps/http_failure.hh"
#include "base/address.hh"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/format.h>
#include <set>
#include <sstream>
#include <toml++/toml.h>

namespace anabranch::apps {
namespace {

constexpr std::size_t kMaxHostName = 20;
constexpr std::size_t kMaxLinkName = 13;  // a device's name has 15 characters at most, and the middle ends add two

/// Reads one document; every complaint names the file and the place in it.
class Reader {
 public:
  explicit Reader(std::string where) : where_{std::move(where)} {}

  Topology read(std::string_view text) {
    toml::table table;
    try {
      table = toml::parse(text);
    } catch (const toml::parse_error& e) {
      complain(fmt::format("line {}: {}", e.source().begin.line, e.description()));
    }
    only(table, "the file", {"name", "hosts", "links"});
    Topology out;
    out.name = string(table, "the file", "name", "");
    if (!out.name.empty() && !is_good_name(out.name, kMaxHostName)) { complain("bad name '" + out.name + "'"); }
    read_hosts(table, out);
    read_links(table, out);
    return out;
  }

 private:
  [[noreturn]] void complain(const std::string& what) const { throw Failure(Exit::usage, where_ + ": " + what); }

  void only(const toml::table& table, const std::string& place, std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : table) {
      if (std::find(keys.begin(), keys.end(), key.str()) == keys.end()) {
        complain(fmt::format("{}: unknown key '{}'", place, key.str()));
      }
    }
  }

  std::string string(const toml::table& t, const std::string& place, std::string_view key,
                     std::optional<std::string> otherwise) const {
    const toml::node* node = t.get(key);
    if (node == nullptr && otherwise) { return *otherwise; }
    if (node == nullptr) { complain(fmt::format("{}: no '{}'", place, key)); }
    if (!node->is_string()) { complain(fmt::format("{}: '{}' must be a string", place, key)); }
    return **node->as_string();
  }

  std::int64_t integer(const toml::table& t, const std::string& place, std::string_view key, std::int64_t low,
                       std::int64_t high, std::int64_t otherwise) const {
    const toml::node* node = t.get(key);
    if (node == nullptr) { return otherwise; }
    const auto* number = node->as_integer();
    if (number == nullptr || **number < low || **number > high) {
      complain(fmt::format("{}: '{}' must be a number from {} to {}", place, key, low, high));
    }
    return **number;
  }

  std::vector<std::string> strings(const toml::table& t, const std::string& place, std::string_view key) const {
    std::vector<std::string> out;
    const toml::node* node = t.get(key);
    if (node == nullptr) { return out; }
    if (!node->is_array()) { complain(fmt::format("{}: '{}' must be a list of strings", place, key)); }
    for (const toml::node& entry : *node->as_array()) {
      if (!entry.is_string()) { complain(fmt::format("{}: '{}' must be a list of strings", place, key)); }
      out.push_back(**entry.as_string());
    }
    return out;
  }

  void read_hosts(const toml::table& table, Topology& out) const {
    const toml::table* hosts = table["hosts"].as_table();
    if (hosts == nullptr || hosts->empty()) { complain("no hosts: write [hosts.NAME] for each"); }
    for (const auto& [key, value] : *hosts) {
      const std::string name{key.str()};
      if (!is_good_name(name, kMaxHostName) || name == "net") { complain("bad host name '" + name + "'"); }
      if (!value.is_table()) { complain("host " + name + " must be a table"); }
      out.hosts.push_back(read_host(name, *value.as_table()));
    }
  }

  HostPlan read_host(const std::string& name, const toml::table& table) const {
    const std::string place = "host " + name;
    only(table, place, {"sysctl", "routes", "addresses", "subflows", "add_addr_accepted", "endpoints"});
    HostPlan out{.name = name,
                 .sysctls = {},
                 .routes = strings(table, place, "routes"),
                 .addresses = interface_addresses(table, place),
                 .endpoints = {}};
    out.subflows = static_cast<unsigned>(integer(table, place, "subflows", 0, 8, 8));
    out.add_addr_accepted = static_cast<unsigned>(integer(table, place, "add_addr_accepted", 0, 8, 8));
    if (const toml::node* sysctls = table.get("sysctl")) {
      if (!sysctls->is_table()) { complain(place + ": 'sysctl' must be a table"); }
      for (const auto& [key, value] : *sysctls->as_table()) {
        out.sysctls.emplace_back(std::string{key.str()}, sysctl_value(place, value));
      }
    }
    if (const toml::node* endpoints = table.get("endpoints")) {
      if (!endpoints->is_array()) { complain(place + ": 'endpoints' must be a list of tables"); }
      for (const toml::node& entry : *endpoints->as_array()) { out.endpoints.push_back(read_endpoint(place, entry)); }
    }
    return out;
  }

  std::string sysctl_value(const std::string& place, const toml::node& value) const {
    if (value.is_string()) { return **value.as_string(); }
    if (value.is_integer()) { return fmt::format("{}", **value.as_integer()); }
    complain(place + ": a sysctl is a string or a number");
  }

  Endpoint read_endpoint(const std::string& place, const toml::node& node) const {
    const toml::table* table = node.as_table();
    if (table == nullptr) { complain(place + ": an endpoint is a table"); }
    only(*table, place + ": endpoint", {"address", "link", "flags", "port"});
    Endpoint out{.address = string(*table, place + ": endpoint", "address", std::nullopt),
                 .link = string(*table, place + ": endpoint", "link", ""),
                 .flags = strings(*table, place, "flags")};
    out.port = static_cast<std::uint16_t>(integer(*table, place + ": endpoint", "port", 1, 65535, 0));
    if (!address_from_text(out.address)) { complain(fmt::format("{}: bad address '{}'", place, out.address)); }
    for (const std::string& flag : out.flags) {
      if (flag != "signal" && flag != "subflow" && flag != "backup" && flag != "fullmesh") {
        complain(fmt::format("{}: bad endpoint flag '{}' (signal, subflow, backup, fullmesh)", place, flag));
      }
    }
    return out;
  }

  void read_links(const toml::table& table, Topology& out) const {
    const toml::array* links = table["links"].as_array();
    if (links == nullptr || links->empty()) { complain("no links: write [[links]] for each"); }
    std::set<std::string> names;
    for (const toml::node& node : *links) {
      if (!node.is_table()) { complain("a link is a table"); }
      LinkPlan link = read_link(*node.as_table());
      if (!names.insert(link.name).second) { complain("two links are called '" + link.name + "'"); }
      for (const LinkEnd* end : {&link.a, &link.b}) {
        const auto same = [&](const HostPlan& host) { return host.name == end->host; };
        if (std::none_of(out.hosts.begin(), out.hosts.end(), same)) {
          complain(fmt::format("link {}: unknown host '{}'", link.name, end->host));
        }
      }
      if (link.a.host == link.b.host) { complain("link " + link.name + " has both ends at one host"); }
      out.links.push_back(std::move(link));
    }
  }

  LinkPlan read_link(const toml::table& table) const {
    LinkPlan out;
    out.name = string(table, "a link", "name", std::nullopt);
    if (!is_good_name(out.name, kMaxLinkName) || out.name == "lo") { complain("bad link name '" + out.name + "'"); }
    const std::string place = "link " + out.name;
    only(table, place,
         {"name", "a", "b", "mtu", "rate", "delay", "jitter", "queue", "loss", "reorder", "duplicate", "middlebox"});
    out.mtu = static_cast<std::uint32_t>(integer(table, place, "mtu", 1280, 65535, 1500));  // RFC 8200 §5: 1280
    for (const std::string_view key :
         {"rate", "delay", "jitter", "queue", "loss", "reorder", "duplicate", "middlebox"}) {
      if (table.get(key) == nullptr) { continue; }
      const std::string value = string(table, place, key, std::nullopt);
      if (const auto wrong = apply_setting(out.settings, fmt::format("{}={}", key, value))) {
        complain(fmt::format("{}: {}", place, *wrong));
      }
    }
    out.a = read_end(table, place, "a");
    out.b = read_end(table, place, "b");
    return out;
  }

  LinkEnd read_end(const toml::table& table, const std::string& place, std::string_view key) const {
    const toml::table* end = table[key].as_table();
    if (end == nullptr) {
      complain(fmt::format("{}: no end '{}' ({} = {{ host = ..., addresses = [...] }})", place, key, key));
    }
    only(*end, place, {"host", "addresses"});
    return {.host = string(*end, place, "host", std::nullopt), .addresses = interface_addresses(*end, place)};
  }

  std::vector<std::string> interface_addresses(const toml::table& table, const std::string& place) const {
    std::vector<std::string> out = strings(table, place, "addresses");
    for (const std::string& address : out) {
      if (!is_interface_address(address)) { complain(fmt::format("{}: bad address '{}'", place, address)); }
    }
    return out;
  }

  static bool is_interface_address(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) { return false; }
    const auto address = address_from_text(std::string_view{text}.substr(0, slash));
    unsigned prefix = 0;
    const char* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data() + slash + 1, end, prefix);
    return address && failed == std::errc{} && rest == end && prefix <= address->size() * 8;
  }

  std::string where_;
};

}  // namespace

bool is_good_name(std::string_view name, std::size_t limit) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= limit && name.front() != '-' && std::all_of(name.begin(), name.end(), good);
}

Topology topology_from_toml(std::string_view text, const std::string& where) { return Reader{where}.read(text); }

}  // namespace anabranch::apps
