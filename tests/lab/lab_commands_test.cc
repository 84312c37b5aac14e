#include "apps/lab_commands.hh"

#include <gtest/gtest.h>

namespace anabranch::apps {
namespace {

constexpr std::string_view kTwoLinks = R"(
[hosts.phone]
routes = ["default via 10.1.0.1 metric 100", "default via fd02::1", "10.9.0.0/16 via 10.3.0.1"]
endpoints = [
  { address = "10.1.0.2", flags = ["subflow"], link = "wifi" },
  { address = "10.2.0.2", flags = ["subflow", "backup"] },
]
[hosts.server]
addresses = ["10.9.0.1/32", "fd09::1/128"]
[[links]]
name = "wifi"
a = { host = "phone", addresses = ["10.1.0.2/24"] }
b = { host = "server", addresses = ["10.1.0.1/24"] }
[[links]]
name = "lte"
a = { host = "phone", addresses = ["10.2.0.2/24", "fd02::2/64"] }
b = { host = "server", addresses = ["10.2.0.1/24", "fd02::1/64"] }
)";

class LabCommands : public testing::Test {
 protected:
  const HostPlan& host(std::string_view name) const {
    return name == topology_.hosts[0].name ? topology_.hosts[0] : topology_.hosts[1];
  }
  Topology topology_ = topology_from_toml(kTwoLinks, "x.toml");
};

TEST_F(LabCommands, EachSourceAddressHasTheTableOfItsLink) {
  const Batches said = interface_commands(topology_, host("phone"));
  EXPECT_EQ(said.v4,
            "link set lo up\n"
            "link set wifi up\n"
            "addr add 10.1.0.2/24 dev wifi\n"
            "rule add from 10.1.0.2 table 101 priority 101\n"
            "link set lte up\n"
            "addr add 10.2.0.2/24 dev lte\n"
            "rule add from 10.2.0.2 table 102 priority 102\n"
            "route add default via 10.1.0.1 metric 100\n"
            "route add 10.9.0.0/16 via 10.3.0.1\n"
            "route add default via 10.1.0.1 dev wifi table 101\n");
  EXPECT_EQ(said.v6,
            "addr add fd02::2/64 dev lte nodad\n"
            "rule add from fd02::2 table 102 priority 102\n"
            "route add default via fd02::1\n"
            "route add default via fd02::1 dev lte table 102\n");
}

TEST_F(LabCommands, AddressesOfTheHostItselfAreOnItsLoopback) {
  const Batches said = interface_commands(topology_, host("server"));
  EXPECT_TRUE(said.v4.starts_with("link set lo up\naddr add 10.9.0.1/32 dev lo\n")) << said.v4;
  EXPECT_TRUE(said.v6.starts_with("addr add fd09::1/128 dev lo nodad\n")) << said.v6;
}

TEST_F(LabCommands, EndpointsHaveTheIdsOfTheirPlaces) {
  EXPECT_EQ(mptcp_commands(host("phone")),
            "mptcp limits set subflows 8 add_addr_accepted 8\n"
            "mptcp endpoint add 10.1.0.2 id 1 dev wifi subflow\n"
            "mptcp endpoint add 10.2.0.2 id 2 subflow backup\n");
}

TEST_F(LabCommands, AddressesGoBeforeTheirEndpoints) {
  EXPECT_EQ(take_addresses(topology_, host("phone"), "wifi"),
            (std::vector<std::string>{"addr del 10.1.0.2/24 dev wifi", "mptcp endpoint delete id 1"}));
}

TEST_F(LabCommands, AddressesComeBackWithRoutesThenEndpoints) {
  EXPECT_EQ(give_addresses(topology_, host("phone"), "lte"),
            (std::vector<std::string>{"addr add 10.2.0.2/24 dev lte", "addr add fd02::2/64 dev lte nodad",
                                      "-6 route replace default via fd02::1",
                                      "-6 route replace default via fd02::1 dev lte table 102",
                                      "mptcp endpoint add 10.2.0.2 id 2 subflow backup"}));
}

TEST_F(LabCommands, ALinkThatTheHostHasNotIsNothingToDo) {
  EXPECT_TRUE(take_addresses(topology_, host("phone"), "wan").empty());
  EXPECT_TRUE(give_addresses(topology_, host("phone"), "wan").empty());
}

}  // namespace
}  // namespace anabranch::apps
