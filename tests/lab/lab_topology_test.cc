#include "apps/lab_topology.hh"
#include "apps/http_failure.hh"

#include <gtest/gtest.h>

namespace anabranch::apps {
namespace {

using namespace anabranch::literals;

std::string complaint(std::string_view toml) {
  try {
    topology_from_toml(toml, "x.toml");
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit(), Exit::usage);
    EXPECT_EQ(std::string_view{failure.what()}.find('\n'), std::string_view::npos);
    return failure.what();
  }
  return "";
}

std::string with_link(const std::string& lines) {
  return "[hosts.a]\n[hosts.b]\n[[links]]\nname = \"l\"\na = {host = \"a\"}\nb = {host = \"b\"}\n" + lines;
}

TEST(LabTopology, TwoPathIsTwoLinksOfFortyAndTwentyMegabits) {
  const Topology topology = topology_from_toml(built_in_topology("two-path"), "two-path");
  ASSERT_EQ(topology.links.size(), 2u);
  EXPECT_EQ(topology.links[0].settings.rate, 40_Mbps);
  EXPECT_EQ(topology.links[0].settings.delay, 10_ms);
  EXPECT_EQ(topology.links[1].settings.rate, 20_Mbps);
  EXPECT_EQ(topology.links[1].settings.delay, 25_ms);
  EXPECT_EQ(topology.links[1].a.addresses, (std::vector<std::string>{"10.0.2.2/24", "fd00:2::2/64"}));
  ASSERT_EQ(topology.hosts.size(), 2u);
  EXPECT_EQ(topology.hosts[1].endpoints.at(0).flags, std::vector<std::string>{"signal"});
}

TEST(LabTopology, NoOtherIsBuiltIn) { EXPECT_TRUE(built_in_topology("three-path").empty()); }

TEST(LabTopology, SysctlsRoutesAndLimitsReachTheHost) {
  const Topology topology =
      topology_from_toml(with_link("[hosts.c]\nsubflows = 2\nroutes = [\"default via 10.0.0.1\"]\n"
                                   "sysctl = { \"net.ipv4.ip_forward\" = 1 }\n"),
                         "x.toml");
  const HostPlan& host = topology.hosts.at(2);
  EXPECT_EQ(host.subflows, 2u);
  EXPECT_EQ(host.routes.at(0), "default via 10.0.0.1");
  EXPECT_EQ(host.sysctls.at(0), (std::pair<std::string, std::string>{"net.ipv4.ip_forward", "1"}));
}

TEST(LabTopology, EachMistakeIsToldInOneLineWithItsPlace) {
  EXPECT_EQ(complaint(""), "x.toml: no hosts: write [hosts.NAME] for each");
  EXPECT_EQ(complaint("[hosts.a]"), "x.toml: no links: write [[links]] for each");
  EXPECT_EQ(complaint("[hosts.net]"), "x.toml: bad host name 'net'");
  EXPECT_EQ(complaint(with_link("rate = \"fast\"")),
            "x.toml: link l: bad value 'fast' for rate: write for example 40Mbps, or 0 for unlimited");
  EXPECT_EQ(complaint(with_link("colour = \"red\"")), "x.toml: link l: unknown key 'colour'");
  EXPECT_EQ(complaint(with_link("mtu = 100")), "x.toml: link l: 'mtu' must be a number from 1280 to 65535");
  EXPECT_EQ(complaint("[hosts.a]\n[[links]]\nname = \"l\"\na = {host = \"a\"}\nb = {host = \"z\"}\n"),
            "x.toml: link l: unknown host 'z'");
  EXPECT_EQ(complaint("[hosts.a]\n[[links]]\nname = \"l\"\na = {host = \"a\"}\nb = {host = \"a\"}\n"),
            "x.toml: link l has both ends at one host");
  EXPECT_EQ(complaint("[hosts.a]\n[[links]]\nname = \"l\"\na = {host = \"a\", addresses = [\"10.0.0.1\"]}\n"),
            "x.toml: link l: bad address '10.0.0.1'");
  EXPECT_TRUE(complaint("[hosts.a").starts_with("x.toml: line 1: "));
}

TEST(LabTopology, NamesThatWouldNotFitADeviceAreRefused) {
  EXPECT_TRUE(is_good_name("path1", 13));
  for (const char* bad : {"", "a b", "../x", "-x", "path-with-a-very-long-name", "a/b", "a.b"}) {
    EXPECT_FALSE(is_good_name(bad, 13)) << bad;
  }
}

}  // namespace
}  // namespace anabranch::apps
