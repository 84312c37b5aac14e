#include "apps/lab_value.hh"
#include "support/paths.hh"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace anabranch::apps {
namespace {

using namespace anabranch::literals;

TEST(LabValues, RatesAreBitsPerSecondWithDecimalPrefixes) {
  EXPECT_EQ(rate_from_text("40Mbps"), 40_Mbps);
  EXPECT_EQ(rate_from_text("1.5Gbit"), (Rate{187'500'000}));
  EXPECT_EQ(rate_from_text("800kbps"), (Rate{100'000}));
  EXPECT_EQ(rate_from_text("0"), Rate{});
}

TEST(LabValues, TimesSharesAndSizesHaveTheirUnits) {
  EXPECT_EQ(duration_from_text("10ms"), 10_ms);
  EXPECT_EQ(duration_from_text("1.5s"), 1500_ms);
  EXPECT_EQ(duration_from_text("0"), Duration{});
  EXPECT_EQ(share_from_text("1%"), 0.01);
  EXPECT_EQ(share_from_text("100%"), 1.0);
  EXPECT_EQ(bytes_from_text("100KB"), Bytes{100'000});
  EXPECT_EQ(bytes_from_text("64KiB"), 64_KiB);
  EXPECT_EQ(bytes_from_text("1500"), Bytes{1500});
}

TEST(LabValues, WhatIsNoValueIsRefused) {
  for (const char* bad : {"", "40", "-1Mbps", "40 Mbps", "Mbps", "fast", "1e3Mbps", "nan", "inf", "40MBps", "1bps"}) {
    EXPECT_FALSE(rate_from_text(bad)) << bad;
  }
  for (const char* bad : {"", "10", "10m", "-1ms", "1h", "61s"}) { EXPECT_FALSE(duration_from_text(bad)) << bad; }
  for (const char* bad : {"", "1", "101%", "-1%", "%", "0.5"}) { EXPECT_FALSE(share_from_text(bad)) << bad; }
  for (const char* bad : {"", "1bdpx", "0bdp", "-1bdp", "bdp", "10Mb"}) { EXPECT_FALSE(queue_from_text(bad)) << bad; }
}

TEST(LabSettings, WhatIsPrintedReadsBackTheSame) {
  LinkSettings settings;
  for (const char* word :
       {"rate=40Mbps", "delay=10ms", "jitter=500us", "queue=2bdp", "loss=0.5%", "reorder=2%", "duplicate=1%", "down"}) {
    EXPECT_EQ(apply_setting(settings, word), std::nullopt) << word;
  }
  LinkSettings again;
  std::string text = to_text(settings) + " ";
  for (std::size_t space; (space = text.find(' ')) != std::string::npos; text.erase(0, space + 1)) {
    EXPECT_EQ(apply_setting(again, text.substr(0, space)), std::nullopt) << text;
  }
  EXPECT_EQ(settings, again);
}

TEST(LabSettings, TheCarrierCanBeMissingAtOneEnd) {
  LinkSettings settings;
  EXPECT_TRUE(to_text(settings).ends_with(" up"));
  for (const auto& [word, carrier] :
       {std::pair{"down", Carrier::none}, {"down:a", Carrier::none_at_a}, {"down:b", Carrier::none_at_b}}) {
    EXPECT_EQ(apply_setting(settings, word), std::nullopt);
    EXPECT_EQ(settings.carrier, carrier);
    EXPECT_TRUE(to_text(settings).ends_with(std::string{" "} + word));
  }
  EXPECT_TRUE(apply_setting(settings, "down:c").has_value());
}

TEST(LabSettings, ABoxIsChosenByNameAndWay) {
  LinkSettings settings;
  EXPECT_EQ(apply_setting(settings, "middlebox=strip-dss:forth"), std::nullopt);
  EXPECT_EQ(settings.middlebox, (BoxChoice{sim::Meddling::strip_dss, sim::Ways::forth}));
  EXPECT_NE(to_text(settings).find("middlebox=strip_dss:forth"), std::string::npos);
  EXPECT_EQ(apply_setting(settings, "middlebox=none"), std::nullopt);
  EXPECT_EQ(settings, LinkSettings{});
  for (const char* bad : {"middlebox=", "middlebox=gremlin", "middlebox=nat:sideways", "middlebox=nat:"}) {
    EXPECT_TRUE(apply_setting(settings, bad).has_value()) << bad;
  }
}

/// The guide names every box, with what it does, and no other.
TEST(LabSettings, TheGuideListsTheBoxesThereAre) {
  std::ifstream file{support::tests_folder() + "/../docs/guide/lab.md"};
  const std::string guide{std::istreambuf_iterator<char>{file}, {}};
  for (std::size_t i = 1; i < std::size(Names<sim::Meddling>::list); ++i) {
    const auto kind = static_cast<sim::Meddling>(i);
    const std::string line = "| `" + std::string{name(kind)} + "` | " + std::string{describe(kind)} + " |\n";
    EXPECT_NE(guide.find(line), std::string::npos) << line;
  }
}

TEST(LabSettings, AComplaintNamesKeyValueAndAnExample) {
  LinkSettings settings;
  EXPECT_EQ(apply_setting(settings, "loss=lots"), "bad value 'lots' for loss: write for example 1%");
  EXPECT_TRUE(apply_setting(settings, "speed=1Mbps")->starts_with("unknown setting 'speed=1Mbps'"));
  EXPECT_TRUE(apply_setting(settings, "rate").has_value());
  EXPECT_EQ(settings, LinkSettings{});
}

TEST(LabSettings, AQueueInProductsFollowsRateAndDelay) {
  LinkSettings settings{.rate = 40_Mbps, .delay = 10_ms, .queue = {.bytes = {}, .bdp = 1}};
  EXPECT_EQ(link_spec(settings, 1500).queue, Bytes{100'000});
  settings.rate = 20_Mbps;
  EXPECT_EQ(link_spec(settings, 1500).queue, Bytes{50'000});
  settings.delay = {};
  EXPECT_EQ(link_spec(settings, 1500).queue, Bytes{3000});  // never less than two packets
}

}  // namespace
}  // namespace anabranch::apps
