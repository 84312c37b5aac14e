#include "apps/sim_run.hh"
#include "support/paths.hh"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace anabranch::apps::experiment {
namespace {

Json run_text(const std::string& text, std::uint64_t seed = 1, const RunOptions& options = {}) {
  Node document = read_document(text, "t.toml");
  expand(document, "t.toml");
  const Plan plan = read_plan(document, "t.toml");
  return run(plan, seed, options);
}

/// Two paths of 8 and 4 Mb/s, 20 and 60 ms, and a flow over both.
const std::string kTwoPaths = R"(
duration = "4 s"
warmup = "1 s"
[[path]]
name = "wifi"
between = ["phone", "server"]
rate = "8 Mb/s"
delay = "10 ms"
queue = "1 bdp + 20 packets"
[[path]]
name = "lte"
between = ["phone", "server"]
rate = "4 Mb/s"
delay = "30 ms"
queue = "1 bdp + 20 packets"
[[flow]]
name = "f"
from = "phone"
to = "server"
)";

double group(const Json& run, const char* name, const char* key = "mean") {
  return run["groups"][name]["goodput_bps"][key].get<double>();
}

TEST(ScenarioRun, AConnectionUsesBothPathsAndTheirRatesAreMeasured) {
  const Json run = run_text(kTwoPaths);
  EXPECT_GT(group(run, "f"), 10e6);
  EXPECT_LT(group(run, "f"), 12e6);
  const Json& paths = run["groups"]["f"]["paths"];
  EXPECT_NEAR(paths["wifi"]["rate_bps"].get<double>() + paths["lte"]["rate_bps"].get<double>(), group(run, "f"), 0.5e6);
  EXPECT_GT(run["links"]["wifi"]["forth"]["utilisation"].get<double>(), 0.9);
  EXPECT_LE(run["links"]["wifi"]["forth"]["utilisation"].get<double>(), 1.001);  // a packet counts when it begins
  EXPECT_LT(run["links"]["wifi"]["back"]["utilisation"].get<double>(), 0.1);
  EXPECT_EQ(run["flows"][0]["protocol"], "mptcp");
  EXPECT_EQ(run["flows"][0]["subflows_opened"], 2);
  EXPECT_GE(run["flows"][0]["paths"][0]["min_rtt_ms"].get<double>(), 20.0);
}

TEST(ScenarioRun, TcpStaysOnThePathItIsGiven) {
  const Json run = run_text(kTwoPaths + "protocol = \"tcp\"\npaths = [\"lte\"]\n");
  EXPECT_EQ(run["flows"][0]["protocol"], "tcp");
  EXPECT_EQ(run["flows"][0]["fallback"], nullptr);
  EXPECT_LT(group(run, "f"), 4.3e6);  // what waited for a hole at the beginning counts too
  EXPECT_FALSE(run["links"].contains("wifi"));
}

TEST(ScenarioRun, TheSameSeedGivesTheSameTextAndAnotherSeedAnotherOne) {
  const std::string text = kTwoPaths + "[[change]]\nat = \"1 s\"\nwhat = \"set\"\nlink = \"lte\"\nloss = \"1 %\"\n";
  const std::string first = run_text(text, 3).dump();
  EXPECT_EQ(run_text(text, 3).dump(), first);
  EXPECT_NE(run_text(text, 4).dump(), first);
}

TEST(ScenarioRun, LookingChangesNothing) {
  const Json plain = run_text(kTwoPaths), watched = run_text(kTwoPaths, 1, {.pcap = nullptr, .points = 57});
  EXPECT_FALSE(plain["flows"][0].contains("series"));
  EXPECT_EQ(plain["engine"], watched["engine"]);
  EXPECT_EQ(plain["flows"][0]["bytes"], watched["flows"][0]["bytes"]);
  const Json& series = watched["flows"][0]["series"];
  ASSERT_EQ(series["t_s"].size(), series["goodput_bps"].size());
  EXPECT_EQ(series["t_s"].size(), series["paths"][1]["rate_bps"].size());
  double sum = 0;  // the series adds up to what arrived
  for (std::size_t i = 0; i < series["t_s"].size(); ++i) {
    const double since = i == 0 ? 0 : series["t_s"][i - 1].get<double>();
    sum += series["goodput_bps"][i].get<double>() * (series["t_s"][i].get<double>() - since) / 8;
  }
  EXPECT_NEAR(sum, watched["flows"][0]["bytes"].get<double>(), 1000);
}

TEST(ScenarioRun, ACaptureHoldsThePacketsAndChangesNothing) {
  const std::string text = kTwoPaths + "size = \"100 KB\"\n";
  trace::MemorySink sink;
  const Json captured = run_text(text, 1, {.pcap = &sink, .points = 0});
  EXPECT_GT(sink.bytes().size(), 100'000u);
  EXPECT_EQ(captured.dump(), run_text(text).dump());
}

TEST(ScenarioRun, ACutIsAGapOnOnePathAndNoneThatMattersOnTwo) {
  const std::string cut = R"(
[[change]]
at = "2 s"
what = "cut"
link = "wifi"
lose_in_flight = true
[[change]]
at = "3 s"
what = "heal"
link = "wifi"
)";
  const Json one = run_text(kTwoPaths + "paths = [\"wifi\"]\n" + cut);
  const Json two = run_text(kTwoPaths + cut);
  EXPECT_GE(one["groups"]["f"]["longest_gap_s"].get<double>(), 0.98);
  EXPECT_LT(two["groups"]["f"]["longest_gap_s"].get<double>(), 0.8);
  EXPECT_GT(one["links"]["wifi"]["forth"]["drops"]["link_cut"].get<int>(), 0);
}

TEST(ScenarioRun, AnInterfaceThatGoesDownIsToldAndComesBack) {
  const Json run = run_text(kTwoPaths + R"(
[[change]]
at = "1500 ms"
what = "down"
path = "wifi"
host = "phone"
[[change]]
at = "2500 ms"
what = "up"
path = "wifi"
host = "phone"
)");
  EXPECT_LT(run["groups"]["f"]["longest_gap_s"].get<double>(), 0.3);
  EXPECT_GE(run["flows"][0]["subflows_opened"].get<int>(), 3);  // another one on wifi
  EXPECT_EQ(run["flows"][0]["subflows_alive"], 2);
}

TEST(ScenarioRun, ABackupPathCarriesNothingUntilItMust) {
  std::string text = kTwoPaths;
  text.insert(text.find("[[flow]]"), "backup = true\n");  // of lte
  const Json quiet = run_text(text);
  EXPECT_EQ(quiet["groups"]["f"]["paths"]["lte"]["received_bytes"], 0);
  const Json used = run_text(text + "[[change]]\nat = \"2 s\"\nwhat = \"cut\"\nlink = \"wifi\"\n");
  EXPECT_GT(used["groups"]["f"]["paths"]["lte"]["received_bytes"].get<int>(), 100'000);
}

TEST(ScenarioRun, ABoxLosesWhatItIsToldAndNoMore) {
  const Json run = run_text(kTwoPaths + R"(
size = "50 KB"
[[middlebox]]
path = "wifi"
drop = "syn"
times = 1
)");
  EXPECT_GE(run["flows"][0]["connected_s"].get<double>(), 1.0);  // the SYN again after a second
  const Json stripped = run_text(kTwoPaths + "[[middlebox]]\npath = \"wifi\"\nbox = \"strip_all\"\n");
  EXPECT_EQ(stripped["flows"][0]["protocol"], "tcp");
  EXPECT_EQ(stripped["flows"][0]["fallback"], "peer_refused");
}

TEST(ScenarioRun, RequestsAndMessagesTellTheirDelays) {
  const Json run = run_text(kTwoPaths + R"(
application = { kind = "requests", request = "1 KB", response = "1 KB", interval = "100 ms", count = 20 }
[[flow]]
name = "m"
from = "phone"
to = "server"
application = { kind = "messages", message = "200 B", interval = "20 ms", count = 50 }
)");
  const Json& delays = run["flows"][0]["delays"];
  EXPECT_EQ(delays["count"], 20);
  EXPECT_EQ(delays["unanswered"], 0);
  EXPECT_GE(delays["min_ms"].get<double>(), 20);
  EXPECT_EQ(delays["each_ms"].size(), 20u);
  EXPECT_EQ(run["groups"]["m"]["delays_ms"]["count"], 50);
  EXPECT_GE(run["groups"]["m"]["delays_ms"]["min"].get<double>(), 10);
}

TEST(ScenarioRun, ConnectionsArriveAndTrafficTakesItsShare) {
  const Json run = run_text(kTwoPaths + R"(
size = "20 KB"
arrivals = { rate = 10 }
[[traffic]]
name = "t"
link = "wifi"
rate = "4 Mb/s"
)");
  EXPECT_NEAR(run["groups"]["f"]["flows"].get<double>(), 40, 25);
  EXPECT_TRUE(run["flows"].empty());
  EXPECT_GT(run["groups"]["f"]["completion_s"]["mean"].get<double>(), 0.02);
  EXPECT_GT(run["links"]["wifi"]["forth"]["utilisation"].get<double>(), 0.5);
}

TEST(ScenarioRun, ARunMayEndWhenAllIsDone) {
  const Json run = run_text("stop = \"finished\"\n" + kTwoPaths + "size = \"100 KB\"\n");
  EXPECT_LT(run["end_s"].get<double>(), 1.0);
  EXPECT_EQ(run["groups"]["f"]["finished"], 1);
  EXPECT_EQ(run["flows"][0]["bytes"], 100'000);
}

TEST(ScenarioRun, MoreSubflowsFillMoreOfAFatTree) {
  const std::string text = R"(
duration = "600 ms"
detail = "groups"
[vars]
subflows = 1
[topology]
kind = "fat_tree"
k = 4
rate = "100 Mb/s"
delay = "100 us"
queue = "100 packets"
degrade = { links = 1, rate = "10 Mb/s" }
[[flow]]
name = "all"
matrix = "permutation"
subflows = "$subflows"
controller = "lia"
)";
  std::string eight = text;
  eight.replace(eight.find("subflows = 1"), 12, "subflows = 8");
  const Json one = run_text(text), many = run_text(eight);
  EXPECT_EQ(one["groups"]["all"]["flows"], 16);
  EXPECT_TRUE(one["flows"].empty());
  EXPECT_GT(group(many, "all"), group(one, "all"));
  EXPECT_LE(group(many, "all"), 100e6);  // one of them may read more than a link carries meanwhile: a hole was filled
  EXPECT_FALSE(many["links"].empty());
}

TEST(ScenarioRun, OtherTopologiesCarryTheirMatrices) {
  const Json vl2 = run_text(R"(
duration = "200 ms"
[topology]
kind = "vl2"
tors = 4
hosts = 2
rate = "100 Mb/s"
delay = "50 us"
trunk = { rate = "1 Gb/s" }
[[flow]]
name = "in"
matrix = "incast"
[[flow]]
name = "one"
from = "h1"
to = "h2"
)");
  EXPECT_EQ(vl2["groups"]["in"]["flows"], 7);
  EXPECT_GT(group(vl2, "one"), 1e6);
  const Json bcube = run_text(R"(
duration = "200 ms"
[topology]
kind = "bcube"
n = 2
levels = 2
rate = "100 Mb/s"
delay = "50 us"
[[flow]]
name = "p"
matrix = "permutation"
subflows = 2
)");
  EXPECT_EQ(bcube["groups"]["p"]["flows"], 4);
  EXPECT_EQ(bcube["flows"][0]["subflows_alive"], 2);
  const Json torus = run_text(R"(
duration = "200 ms"
[topology]
kind = "torus"
width = 3
height = 3
rate = "100 Mb/s"
delay = "50 us"
[[flow]]
name = "p"
matrix = "permutation"
subflows = 4
)");
  EXPECT_EQ(torus["groups"]["p"]["flows"], 9);
  EXPECT_GT(group(torus, "p", "min"), 1e6);
}

/// h0 sends to h15 of another pod, and what else the text says happens on the way.
const std::string kFatTree = R"(
duration = "400 ms"
warmup = "200 ms"
[topology]
kind = "fat_tree"
k = 4
rate = "100 Mb/s"
delay = "100 us"
queue = "100 packets"
[[flow]]
name = "f"
from = "h0"
to = "h15"
subflows = 4
)";

TEST(ScenarioRun, LinksOfATopologyChangeByName) {
  EXPECT_GT(group(run_text(kFatTree), "f"), 80e6);
  const Json cut = run_text(kFatTree + R"(
[[change]]
at = "150 ms"
what = "cut"
link = "h15"
[[change]]
at = "150 ms"
what = "set"
link = "agg3.1-core2"
rate = "1 Mb/s"
)");
  EXPECT_EQ(group(cut, "f"), 0);
  EXPECT_FALSE(cut["links"]["h15"]["back"]["drops"].empty());
}

TEST(ScenarioRun, TrafficCrossesLinksOfATopology) {
  const Json run = run_text(kFatTree + R"(
[[traffic]]
name = "cbr"
link = "h15"
direction = "back"
rate = "60 Mb/s"
)");
  EXPECT_LT(group(run, "f"), 60e6);
  EXPECT_GT(run["links"]["h15"]["back"]["utilisation"].get<double>(), 0.95);
}

TEST(ScenarioRun, LinksOfATopologyThatAreNotOfTheCoreAreLeftOutOfShortResults) {
  const Json run = run_text("detail = \"flows\"" + kFatTree);
  EXPECT_FALSE(run["links"].empty());
  EXPECT_FALSE(run["links"].contains("h0"));
}

TEST(ScenarioRun, PacketsOfATopologyAreCaptured) {
  trace::MemorySink sink;
  const Json run = run_text(kFatTree, 1, {.pcap = &sink, .points = 0});
  EXPECT_GT(sink.bytes().size(), run["flows"][0]["bytes"].get<std::size_t>());
}

/// Everything of a small run, to the last digit. ANABRANCH_UPDATE_GOLDEN=1 writes it anew.
TEST(ScenarioRun, TheResultOfASmallRunIsTheOneOnFile) {
  const Json run = run_text(R"(
duration = "1 s"
warmup = 0
sample = "250 ms"
[[path]]
name = "only"
between = ["a", "b"]
rate = "8 Mb/s"
delay = "10 ms"
[[flow]]
name = "ask"
from = "a"
to = "b"
application = { kind = "requests", request = 100, response = 1000, interval = "200 ms", count = 3 }
controller = "new_reno"
scheduler = "lowest_rtt"
)");
  const std::string file = support::tests_folder() + "/experiment/small.json";
  if (std::getenv("ANABRANCH_UPDATE_GOLDEN") != nullptr) { std::ofstream{file} << run.dump(1) << '\n'; }
  std::ifstream in{file};
  EXPECT_EQ(run.dump(1) + '\n', (std::string{std::istreambuf_iterator<char>{in}, {}}));
}

}  // namespace
}  // namespace anabranch::apps::experiment
