// The built-in topology: `anabranch lab show two-path` prints it, a good start for one's own.
#include "apps/lab_topology.hh"

namespace anabranch::apps {
namespace {

constexpr std::string_view kTwoPath =
    R"(# A client and a server that are joined by two links of different speed and length.
name = "two-path"

[hosts.client]

[hosts.server]
# Told to every MPTCP peer, so that it opens a second subflow to it over path2.
endpoints = [{ address = "10.0.2.1", flags = ["signal"] }]

[[links]]
name = "path1"
rate = "40Mbps"
delay = "10ms"   # one way: the round trip is 20 ms
queue = "1bdp"
a = { host = "client", addresses = ["10.0.1.2/24", "fd00:1::2/64"] }
b = { host = "server", addresses = ["10.0.1.1/24", "fd00:1::1/64"] }

[[links]]
name = "path2"
rate = "20Mbps"
delay = "25ms"
queue = "1bdp"
a = { host = "client", addresses = ["10.0.2.2/24", "fd00:2::2/64"] }
b = { host = "server", addresses = ["10.0.2.1/24", "fd00:2::1/64"] }
)";

}  // namespace

std::string_view built_in_topology(std::string_view name) { return name == "two-path" ? kTwoPath : std::string_view{}; }

}  // namespace anabranch::apps
