#include "apps/http_failure.hh"
#include "apps/sim_plan.hh"

#include <gtest/gtest.h>

namespace anabranch::apps::experiment {
namespace {

using namespace anabranch::literals;

Plan plan_of(const std::string& text) {
  Node document = read_document(text, "t.toml");
  expand(document, "t.toml");
  return read_plan(document, "t.toml");
}

std::string complaint(const std::string& text) {
  try {
    (void)plan_of(text);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit(), Exit::usage);
    EXPECT_EQ(std::string{failure.what()}.find('\n'), std::string::npos);
    return failure.what();
  }
  return "";
}

const std::string kPath = R"(
[[path]]
name = "p"
between = ["a", "b"]
)";
const std::string kFlow = R"(
[[flow]]
name = "f"
from = "a"
to = "b"
)";

TEST(ScenarioReading, WhatIsNotSaidHasTheDefaultsOfThePage) {
  const Plan plan = plan_of(kPath + kFlow);
  EXPECT_EQ(plan.name, "t");
  EXPECT_EQ(plan.duration, 10_s);
  EXPECT_EQ(plan.warmup, 2500_ms);
  EXPECT_EQ(plan.paths.front().mtu, 1500u);
  EXPECT_EQ(plan.pipes.front().spec.overhead, 0u);
  EXPECT_EQ(plan.flows.front().paths, std::vector<std::size_t>{0});
  EXPECT_FALSE(plan.flows.front().down);
  EXPECT_FALSE(plan.flows.front().size);
}

TEST(ScenarioReading, ALinksNumbersGoBothWaysUnlessTheWayBackSaysOtherwise) {
  const Plan plan = plan_of(R"(
[[path]]
name = "p"
between = ["a", "b"]
rate = "8 Mb/s"
delay = "50 ms"
queue = "1 bdp + 3 packets"
loss = "1 %"
mtu = 1000
back = { rate = "1 Mb/s", loss = 0 }
)" + kFlow);
  EXPECT_EQ(plan.pipes[0].spec.rate, 8_Mbps);
  EXPECT_EQ(plan.pipes[0].spec.queue, Bytes{103'000});
  EXPECT_EQ(plan.pipes[0].spec.loss, 0.01);
  EXPECT_EQ(plan.pipes[1].spec.rate, 1_Mbps);
  EXPECT_EQ(plan.pipes[1].spec.queue, Bytes{15'500});  // of its own rate
  EXPECT_EQ(plan.pipes[1].spec.loss, 0);
  EXPECT_EQ(plan.pipes[1].spec.delay, 50_ms);
}

TEST(ScenarioReading, PathsGoThroughLinksAndBackThroughTheSameOnesReversed) {
  const Plan plan = plan_of(R"(
[[link]]
name = "x"
mtu = 1400
[[link]]
name = "y"
[[path]]
name = "p"
between = ["a", "b"]
via = ["x", "-y"]
[[path]]
name = "q"
between = ["a", "b"]
via = ["y"]
back = ["x"]
count = 2
)" + kFlow);
  EXPECT_EQ(plan.paths[0].forth, (std::vector<std::size_t>{0, 3}));
  EXPECT_EQ(plan.paths[0].back, (std::vector<std::size_t>{2, 1}));
  EXPECT_EQ(plan.paths[0].mtu, 1400u);
  ASSERT_EQ(plan.paths.size(), 3u);
  EXPECT_EQ(plan.paths[2].name, "q.2");
  EXPECT_EQ(plan.paths[2].interfaces[0], "q.2");
  EXPECT_EQ(plan.paths[1].back, std::vector<std::size_t>{0});
  EXPECT_EQ(plan.flows.front().paths.size(), 3u);
}

TEST(ScenarioReading, SettingsGoToBothEndsUnlessOneHasItsOwn) {
  const Plan plan = plan_of(kPath + kFlow + R"(
controller = "new_reno"
receive_buffer = "50 KB"
server = { receive_buffer = "80 KB", ecn = "request" }
)");
  const FlowPlan& flow = plan.flows.front();
  EXPECT_EQ(flow.client.tcp.congestion, "new_reno");
  EXPECT_EQ(flow.server.tcp.congestion, "new_reno");
  EXPECT_EQ(flow.client.receive_buffer, Bytes{50'000});
  EXPECT_EQ(flow.client.initial_receive_buffer, Bytes{50'000});
  EXPECT_EQ(flow.server.receive_buffer, Bytes{80'000});
  EXPECT_EQ(flow.server.tcp.ecn, tcp::EcnMode::request);
}

TEST(ScenarioReading, ChangesAreInOrderOfTimeAndBuildOnEachOther) {
  const Plan plan = plan_of(kPath + "rate = \"8 Mb/s\"\nloss = \"1 %\"\n" + kFlow + R"(
[[change]]
at = "5 s"
what = "set"
link = "p"
direction = "forth"
loss = 0
[[change]]
at = "2 s"
what = "set"
link = "p"
rate = "1 Mb/s"
)");
  ASSERT_EQ(plan.changes.size(), 3u);  // both directions, then one
  const auto& last = std::get<SetPipe>(plan.changes[2].action);
  EXPECT_EQ(plan.changes[2].at, Instant{} + 5_s);
  EXPECT_EQ(last.spec.rate, 1_Mbps);
  EXPECT_EQ(last.spec.loss, 0);
}

TEST(ScenarioReading, ApplicationsAndArrivals) {
  const Plan plan = plan_of(kPath + kFlow + R"(
size = { pareto = "200 KB", shape = 1.2 }
stop = "8 s"
arrivals = { rates = [10, 60], period = "2 s", limit = 5 }
[[flow]]
name = "r"
from = "a"
to = "b"
application = { kind = "requests", request = "10 KB", response = "1 KB", interval = "250 ms", count = 20 }
[[flow]]
name = "m"
from = "a"
to = "b"
direction = "down"
application = { kind = "messages", message = 100, interval = "5 ms" }
)");
  EXPECT_EQ(plan.flows[0].size, (Draw{Draw::Kind::pareto, 200'000, 1.2}));
  EXPECT_EQ(plan.flows[0].arrivals->rates, (std::vector<double>{10, 60}));
  EXPECT_EQ(plan.flows[0].arrivals->limit, 5u);
  EXPECT_EQ(std::get<sim::RequestsWish>(plan.flows[1].application).count, 20u);
  EXPECT_EQ(std::get<sim::MessagesWish>(plan.flows[2].application).from, sim::Side::server);
}

struct Bad {
  std::string text, says;  ///< a part of the complaint
};

TEST(ScenarioReading, AMistakeIsToldInOneLineWithItsPlace) {
  const Bad all[] = {
      {kPath + kFlow + "colour = 1\n", "t.toml:10: flow f: colour: no such key here; there are: name"},
      {kPath + "rate = \"fast\"\n" + kFlow, "t.toml:5: path p: rate: 'fast' will not do; write a rate"},
      {kPath + "loss = 2\n" + kFlow, "write a share"},
      {kPath + "mtu = 10\n" + kFlow, "a whole number from 576 to 65535"},
      {kPath + "discipline = \"fair\"\n" + kFlow, "one of: drop_tail, random_drop, red, codel"},
      {kPath + kPath + kFlow, "two paths are called 'p'"},
      {kPath + kFlow + kFlow, "two flows are called 'f'"},
      {kPath + kFlow + "paths = [\"q\"]\n", "there is no path 'q'"},
      {kPath + kFlow + "controller = \"best\"\n", "flow f: controller: 'best' will not do; write one of:"},
      {kPath + kFlow + "size = \"big\"\n", "write a size"},
      {kPath + "[[flow]]\nname = \"f\"\nfrom = \"a\"\nto = \"c\"\n", "no path joins 'a' and 'c'"},
      {kPath, "no flow: write [[flow]]"},
      {kFlow, "no path: write [[path]]"},
      {"[[path]]\nname = \"p\"\n", "'between' is missing"},
      {"[[path]]\nname = \"p\"\nbetween = [\"a\", \"a\"]\n", "two hosts"},
      {"[[path]]\nname = \"p\"\nbetween = [\"a\", \"b\"]\nvia = [\"z\"]\n", "there is no link 'z'"},
      {"flow = 3\n", "write [[path]]"},
      {kPath + "[flow]\nname = \"f\"\n", "write [[flow]] for each"},
      {kPath + kFlow + "[[change]]\nwhat = \"cut\"\n", "'at' is missing"},
      {kPath + kFlow + "[[change]]\nat = \"1 s\"\nwhat = \"melt\"\n", "one of: set, cut, heal"},
      {kPath + kFlow + "[[change]]\nat = \"1 s\"\nwhat = \"down\"\npath = \"p\"\nhost = \"c\"\n", "is between a and b"},
      {kPath + kFlow + "[[middlebox]]\npath = \"p\"\n", "needs 'box' or 'drop'"},
      {kPath + kFlow + "[[traffic]]\nname = \"t\"\nlink = \"p\"\nrate = \"1 Mb/s\"\non = \"1 s\"\n",
       "'on' needs 'off'"},
      {"warmup = \"20 s\"\n" + kPath + kFlow, "warmup: must be shorter than 'duration'"},
      {"duration = 5\n" + kPath + kFlow, "write a time"},
      {"durations = \"5 s\"\n" + kPath + kFlow, "t.toml:1: the scenario: durations: no such key"},
  };
  for (const Bad& bad : all) {
    const std::string said = complaint(bad.text);
    EXPECT_NE(said.find(bad.says), std::string::npos) << said << "\n  instead of: " << bad.says << "\n" << bad.text;
    EXPECT_EQ(said.rfind("t.toml", 0), 0u) << said;
  }
}

}  // namespace
}  // namespace anabranch::apps::experiment
