#include "sim/scenario.hh"

#include <gtest/gtest.h>
#include <set>

namespace anabranch::sim {
namespace {

TEST(Scenario, ASeedAlwaysDrawsTheSameAndAnotherSeedAnother) {
  std::set<std::string> texts;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    EXPECT_EQ(to_text(draw(seed)), to_text(draw(seed)));
    texts.insert(to_text(draw(seed)));
  }
  EXPECT_EQ(texts.size(), 100u);
}

TEST(Scenario, WhatIsDrawnStaysWithinItsLimits) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const Scenario scenario = draw(seed);
    ASSERT_FALSE(scenario.links.empty());
    ASSERT_FALSE(scenario.transfers.empty());
    for (const LinkPlan& link : scenario.links) {
      EXPECT_TRUE(link.options.v4 || link.options.v6);
      EXPECT_GE(link.options.mtu, 1280u);
      EXPECT_GE(link.forth.rate, 1_Mbps);
      EXPECT_LE(link.forth.rate, 100_Mbps);
      EXPECT_LE(link.forth.delay, 150_ms);
      EXPECT_LE(link.forth.loss, 0.03);
    }
    for (const TransferPlan& transfer : scenario.transfers) {
      EXPECT_TRUE(transfer.up || transfer.down);
      EXPECT_LE(transfer.up + transfer.down, 6_MiB);
      EXPECT_LT(transfer.options.link, scenario.links.size());
      const bool both_late = transfer.options.client_manners.finish_late && transfer.options.server_manners.finish_late;
      EXPECT_FALSE(both_late);  // each would wait for the other
    }
    EXPECT_TRUE(std::ranges::is_sorted(scenario.events, {}, &Event::at));
  }
}

TEST(Scenario, EveryKindOfTroubleIsDrawnNowAndThen) {
  std::set<Trouble> troubles;
  std::set<Meddling> meddlings;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Scenario scenario = draw(seed);
    for (const Event& event : scenario.events) { troubles.insert(event.what); }
    for (const LinkPlan& link : scenario.links) { meddlings.insert(link.meddling); }
  }
  EXPECT_EQ(troubles.size(), std::size(Names<Trouble>::list));
  EXPECT_GE(meddlings.size(), 7u);  // those that leave every transfer a chance
}

TEST(Scenario, AHealedLinkHasNoFaultsOfItsOwn) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    for (const LinkPlan& link : draw(seed).links) {
      const LinkSpec spec = healed(link.forth);
      EXPECT_EQ(spec.loss, 0);
      EXPECT_EQ(spec.burst, BurstLoss{});
      EXPECT_EQ(spec.reorder, 0);
      EXPECT_EQ(spec.duplicate, 0);
      EXPECT_EQ(spec.jitter, Duration{});
      EXPECT_EQ(spec.rate, link.forth.rate);
      EXPECT_EQ(spec.delay, link.forth.delay);
    }
  }
}

TEST(Scenario, TheBoundGrowsWithTheBytesAndTheTimeOfTrouble) {
  Scenario scenario = draw(1);
  const Duration bound = completion_bound(scenario);
  scenario.heal_at = scenario.heal_at + 1_s;
  EXPECT_EQ(completion_bound(scenario), bound + 3_s);
  scenario.transfers.front().up += 1_MiB;
  EXPECT_GT(completion_bound(scenario), bound + 3_s);
}
}  // namespace
}  // namespace anabranch::sim
