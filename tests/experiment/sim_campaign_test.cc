#include "apps/sim_campaign.hh"
#include "apps/file_sink.hh"
#include "apps/http_failure.hh"
#include "apps/sim_report.hh"

#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace anabranch::apps::experiment {
namespace {

class CampaignTest : public testing::Test {
 protected:
  CampaignTest() {
    std::filesystem::create_directories(folder_);
    save_file(path("s.toml"), R"(
duration = "500 ms"
[[path]]
name = "p"
between = ["a", "b"]
rate = "8 Mb/s"
delay = "5 ms"
loss = "1 %"
[[flow]]
name = "f"
from = "a"
to = "b"
)");
    campaign_.file = path("s.toml");
    campaign_.settings = {"flow.f.controller=cubic,lia", "path.p.delay=5 ms,10 ms"};
    campaign_.first_seed = 3;
    campaign_.last_seed = 5;
    campaign_.jobs = 2;
  }
  ~CampaignTest() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string shard(unsigned number, unsigned of) {
    Campaign part = campaign_;
    part.shard = number;
    part.shards = of;
    const std::string file = path(fmt::format("{}-{}.json", number, of));
    save_file(file, result_text(run_campaign(part)));
    return file;
  }
  static std::string complaint(const auto& action) {
    try {
      action();
    } catch (const Failure& failure) { return failure.what(); }
    return "";
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / fmt::format("anabranch-campaign-{}", getpid());
  Campaign campaign_;
};

TEST_F(CampaignTest, RunsAreInTheOrderOfSettingsThenSeeds) {
  const auto document = run_campaign(campaign_);
  ASSERT_EQ(document["runs"].size(), 12u);
  EXPECT_EQ(document["runs"][0]["set"]["flow.f.controller"], "cubic");
  EXPECT_EQ(document["runs"][4]["set"]["path.p.delay"], "10 ms");
  EXPECT_EQ(document["runs"][4]["seed"], 4);
  EXPECT_EQ(document["runs"][11]["set"]["flow.f.controller"], "lia");
  EXPECT_FALSE(any_failure(document));
}

TEST_F(CampaignTest, HowManyRunAtATimeDoesNotShow) {
  const std::string two = result_text(run_campaign(campaign_));
  campaign_.jobs = 5;
  EXPECT_EQ(result_text(run_campaign(campaign_)), two);
}

TEST_F(CampaignTest, ShardsInAnyOrderAreTheWhole) {
  const auto merged = merge_shards({shard(3, 3), shard(1, 3), shard(2, 3)});
  EXPECT_EQ(result_text(merged), result_text(run_campaign(campaign_)));
}

TEST_F(CampaignTest, AShardThatIsMissingTwiceThereOrAnothersIsRefused) {
  const std::string one = shard(1, 3), two = shard(2, 3), other = shard(1, 2);
  EXPECT_EQ(complaint([&] { merge_shards({one, two}); }), "4 of 12 runs are missing, the first is run 2: shard 3/3");
  EXPECT_NE(complaint([&] { merge_shards({one, two, one}); }).find("run 0 is there twice"), std::string::npos);
  EXPECT_NE(complaint([&] { merge_shards({one, other}); }).find("another number of shards"), std::string::npos);
  EXPECT_NE(complaint([&] { merge_shards({path("s.toml")}); }).find("not a shard's result"), std::string::npos);
}

TEST_F(CampaignTest, AMistakeInOneSettingIsFoundBeforeAnythingRuns) {
  campaign_.settings = {"flow.f.controller=cubic,best"};
  EXPECT_NE(complaint([&] { run_campaign(campaign_); }).find("'best' will not do"), std::string::npos);
}

TEST_F(CampaignTest, TablesAndPageAreMadeOfTheDocumentAlone) {
  const auto document = run_campaign(campaign_);
  const std::string tables = result_tables(document), page = result_page(document);
  EXPECT_NE(tables.find("flow.f.controller=lia path.p.delay=10 ms"), std::string::npos) << tables;
  EXPECT_NE(page.find("\"scenario\":\"s\""), std::string::npos);
  EXPECT_EQ(page.find("http"), page.find("http://www.w3.org/2000/svg"));  // a name, nothing that is fetched
}

}  // namespace
}  // namespace anabranch::apps::experiment
