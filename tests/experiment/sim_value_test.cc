#include "apps/sim_value.hh"

#include <gtest/gtest.h>
#include <numeric>

namespace anabranch::apps::experiment {
namespace {

using namespace anabranch::literals;

TEST(ScenarioValues, UnitsMayStandApartFromTheirNumbers) {
  EXPECT_EQ(rate_value("8 Mb/s")->rate, 8_Mbps);
  EXPECT_EQ(rate_value("8Mbps")->rate, 8_Mbps);
  EXPECT_EQ(time_value("1.5 s"), 1500_ms);
  EXPECT_EQ(time_value("1000 s"), Duration{1'000'000'000'000});
  EXPECT_EQ(size_value("64 KiB"), 64_KiB);
  EXPECT_EQ(size_value("20 GB"), Bytes{20'000'000'000});
  EXPECT_EQ(share_value("0.5 %"), 0.005);
}

TEST(ScenarioValues, PacketsASecondAreOfTheLinksSize) {
  const auto rate = rate_value("1000 pkt/s");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->resolve(1000), (Rate{1'000'000}));
  EXPECT_EQ(rate->resolve(1500), (Rate{1'500'000}));
}

TEST(ScenarioValues, AQueueIsASumOfBytesPacketsTimeAndProducts) {
  EXPECT_EQ(queue_value("100 KB")->resolve({}, {}, 1500), Bytes{100'000});
  EXPECT_EQ(queue_value("80 ms")->resolve(8_Mbps, {}, 1500), Bytes{80'000});
  EXPECT_EQ(queue_value("1 bdp")->resolve(8_Mbps, 100_ms, 1500), Bytes{100'000});
  EXPECT_EQ(queue_value("1 bdp + 3 packets")->resolve(8_Mbps, 100_ms, 1000), Bytes{103'000});
  EXPECT_TRUE(queue_value("50 packets")->in_packets());
  EXPECT_FALSE(queue_value("1 bdp + 3 packets")->in_packets());
  EXPECT_EQ(queue_value("1 B")->resolve(8_Mbps, {}, 1500), Bytes{3000});  // two packets at least
  EXPECT_EQ(queue_value("0")->resolve(8_Mbps, {}, 1500), Bytes{});        // the engine's default
}

TEST(ScenarioValues, WhatIsNoValueIsRefused) {
  for (const char* bad : {"", "8", "8 Mx/s", "-1 Mb/s", "pkt/s", "0 pkt/s", "1e3 3 pkt/s"}) {
    EXPECT_FALSE(rate_value(bad)) << bad;
  }
  for (const char* bad : {"", "5", "5 m", "11 d", "-1 ms"}) { EXPECT_FALSE(time_value(bad)) << bad; }
  for (const char* bad : {"", "1 bdp +", "+ 1 bdp", "much", "-5 packets"}) { EXPECT_FALSE(queue_value(bad)) << bad; }
}

TEST(ScenarioValues, ExpressionsFollowTheUsualRules) {
  const auto value = [](std::string_view name) -> std::optional<double> {
    return name == "n" ? std::optional{4.0} : std::nullopt;
  };
  EXPECT_EQ(evaluate("1 + 2 * 3", value), 7);
  EXPECT_EQ(evaluate("(1 + 2) * 3", value), 9);
  EXPECT_EQ(evaluate("n * 2.5 - -1", value), 11);
  EXPECT_EQ(evaluate("8 / n / 2", value), 1);
  for (const char* bad : {"", "1 +", "m", "1 / 0", "(1", "1 2", "n n"}) { EXPECT_FALSE(evaluate(bad, value)) << bad; }
}

TEST(ScenarioValues, DistributionsHaveTheMeanTheyAreGiven) {
  const auto mean_of = [](const Draw& draw) {
    Generator generator{7};
    double sum = 0;
    for (int i = 0; i < 200'000; ++i) { sum += draw.draw(generator); }
    return sum / 200'000;
  };
  EXPECT_EQ(mean_of({Draw::Kind::fixed, 5, 0}), 5);
  EXPECT_NEAR(mean_of({Draw::Kind::uniform, 2, 4}), 3, 0.01);
  EXPECT_NEAR(mean_of({Draw::Kind::exponential, 10, 0}), 10, 0.1);
  EXPECT_NEAR(mean_of({Draw::Kind::pareto, 10, 3}), 10, 0.1);
}

}  // namespace
}  // namespace anabranch::apps::experiment
