// Coupled rules: that each is what its source says, in numbers worked out by hand; that alone each is Reno.
#include "cc/balia.hh"
#include "cc/flow_driver_test.hh"
#include "cc/lia.hh"
#include "cc/loss_based.hh"
#include "cc/new_reno.hh"
#include "cc/olia.hh"
#include "cc/references.hh"
#include "cc/registry.hh"

#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <rapidcheck/gtest.h>
#include <string>
#include <vector>

namespace anabranch::cc {
namespace {

constexpr Bytes kMss{1460};
constexpr LossBasedOptions kPlain{.hystart = false};

Flow flow(std::uint64_t segments, Duration rtt, std::uint64_t between_losses = 0) {
  return {.window = kMss * segments,
          .in_flight = kMss * segments,
          .srtt = rtt,
          .segment = kMss,
          .between_losses = {between_losses}};
}
using Flows = std::vector<Flow>;

/// Bytes by which the window of flows[i] grows when one segment of it is acknowledged.
template <class Formula>
double grows(const Flows& flows, std::size_t i) {
  const Acked acked{.now = {}, .bytes = kMss, .in_flight = kMss, .rtt = flows[i].srtt, .srtt = flows[i].srtt};
  return Coupled<Formula>{}.growth(acked, flows[i], flows);
}
template <class Formula>
Bytes shrinks(const Flows& flows, std::size_t i) {
  return flows[i].window - Coupled<Formula>{}.after_loss({}, flows[i], flows);
}

const Flows kSingle = {flow(20, 50_ms)};
const Flows kTwoEqual = {flow(10, 100_ms), flow(10, 100_ms)};
const Flows kUnequal = {flow(20, 50_ms), flow(10, 100_ms)};
const Flows kThree = {flow(40, 20_ms), flow(10, 200_ms), flow(10, 200_ms)};

// --- by hand, from the formulas; windows in segments of 1460 bytes, growth in bytes

TEST(Lia, GrowsAsComputedByHand) {  // RFC 6356 §3
  EXPECT_NEAR(LinkedIncreases::alpha(Together::of(kSingle)), 1.0, 1e-12);
  EXPECT_NEAR(LinkedIncreases::alpha(Together::of(kTwoEqual)), 0.5, 1e-12);
  EXPECT_NEAR(LinkedIncreases::alpha(Together::of(kUnequal)), 0.96, 1e-12);
  EXPECT_NEAR(LinkedIncreases::alpha(Together::of(kThree)), 1.360544, 1e-6);
  EXPECT_NEAR(grows<LinkedIncreases>(kSingle, 0), 73.0, 1e-9);
  EXPECT_NEAR(grows<LinkedIncreases>(kTwoEqual, 1), 36.5, 1e-9);
  EXPECT_NEAR(grows<LinkedIncreases>(kUnequal, 0), 46.72, 1e-9);
  EXPECT_NEAR(grows<LinkedIncreases>(kUnequal, 1), 46.72, 1e-9);
  EXPECT_NEAR(grows<LinkedIncreases>(kThree, 0), 33.1066, 1e-4);
  EXPECT_NEAR(grows<LinkedIncreases>(kThree, 1), 33.1066, 1e-4);
}

TEST(Lia, AFlowIsNeverFasterThanATcpOfItsOwn) {
  const Flows flows = {flow(2, 10_ms), flow(200, 10_ms)};
  EXPECT_LE(grows<LinkedIncreases>(flows, 1), 1460.0 / 200 + 1e-9);
}

TEST(Olia, GrowsByItsShareOfTheRatesWhereAllIsInBalance) {  // draft-khalili-05 §3
  const Flows unequal = {flow(20, 50_ms, 1000), flow(10, 100_ms, 1000)};
  const Flows three = {flow(40, 20_ms, 1000), flow(10, 200_ms, 1000), flow(10, 200_ms, 1000)};
  EXPECT_NEAR(grows<OpportunisticIncreases>(kSingle, 0), 73.0, 1e-9);
  EXPECT_NEAR(grows<OpportunisticIncreases>(kTwoEqual, 0), 36.5, 1e-9);
  EXPECT_NEAR(grows<OpportunisticIncreases>(unequal, 0), 46.72, 1e-9);
  EXPECT_NEAR(grows<OpportunisticIncreases>(unequal, 1), 5.84, 1e-9);
  EXPECT_NEAR(grows<OpportunisticIncreases>(three, 0), 33.1066, 1e-4);
  EXPECT_NEAR(grows<OpportunisticIncreases>(three, 2), 0.0828, 1e-4);
}

TEST(Olia, TheBestPathThatHasTheLargestWindowCollectsNothing) {
  const Flows flows = {flow(20, 50_ms, 146'000), flow(10, 100_ms, 29'200)};
  EXPECT_EQ(OpportunisticIncreases::view(flows[0], flows).alpha, 0);
  EXPECT_EQ(OpportunisticIncreases::view(flows[1], flows).alpha, 0);
}

TEST(Olia, ABestPathWithASmallWindowGrowsAtTheCostOfTheLargest) {
  const Flows flows = {flow(20, 50_ms, 146'000), flow(10, 100_ms, 730'000)};
  EXPECT_NEAR(OpportunisticIncreases::view(flows[0], flows).alpha, -0.5, 1e-12);
  EXPECT_NEAR(OpportunisticIncreases::view(flows[1], flows).alpha, +0.5, 1e-12);
  EXPECT_NEAR(grows<OpportunisticIncreases>(flows, 0), 10.22, 1e-9);
  EXPECT_NEAR(grows<OpportunisticIncreases>(flows, 1), 78.84, 1e-9);
}

TEST(Olia, PathsAreComparedByTheRateATcpWouldHaveThere) {
  // Once in 100 kB with 10 ms is as good as once in 10 MB with 100 ms; l * l / rtt would call the second 1000 times
  // better.
  const Flow near = flow(10, 10_ms, 100'000), far = flow(10, 100_ms, 10'000'000);
  EXPECT_NEAR(OpportunisticIncreases::score(near) / OpportunisticIncreases::score(far), 1, 1e-9);
}

TEST(Olia, AmongEqualsAlphaIsSharedOut) {
  const Flows flows = {flow(20, 50_ms, 1000), flow(20, 50_ms, 1000), flow(5, 50_ms, 9000), flow(5, 50_ms, 9000),
                       flow(5, 50_ms, 10)};
  const double wanted[] = {-0.1, -0.1, 0.1, 0.1, 0};
  for (std::size_t i = 0; i < flows.size(); ++i) {
    EXPECT_NEAR(OpportunisticIncreases::view(flows[i], flows).alpha, wanted[i], 1e-12) << i;
  }
}

TEST(Balia, GrowsAndShrinksAsComputedByHand) {  // draft-walid-04 §3
  EXPECT_NEAR(grows<BalancedAdaptation>(kSingle, 0), 73.0, 1e-9);
  EXPECT_NEAR(grows<BalancedAdaptation>(kTwoEqual, 0), 36.5, 1e-9);
  EXPECT_NEAR(grows<BalancedAdaptation>(kUnequal, 0), 46.72, 1e-9);
  EXPECT_NEAR(grows<BalancedAdaptation>(kUnequal, 1), 23.36, 1e-9);
  EXPECT_NEAR(grows<BalancedAdaptation>(kThree, 0), 33.1066, 1e-4);
  EXPECT_NEAR(grows<BalancedAdaptation>(kThree, 1), 14.9311, 1e-4);
  EXPECT_NEAR(BalancedAdaptation::ratio(Together::of(kUnequal), kUnequal[1]), 4, 1e-12);
  EXPECT_NEAR(BalancedAdaptation::ratio(Together::of(kThree), kThree[1]), 40, 1e-12);
  EXPECT_EQ(shrinks<BalancedAdaptation>(kSingle, 0), 14'600_B);
  EXPECT_EQ(shrinks<BalancedAdaptation>(kTwoEqual, 0), 7300_B);
  EXPECT_EQ(shrinks<BalancedAdaptation>(kUnequal, 0), 14'600_B);
  EXPECT_EQ(shrinks<BalancedAdaptation>(kUnequal, 1), 10'950_B);  // three quarters at most
  EXPECT_EQ(shrinks<BalancedAdaptation>(kThree, 2), 10'950_B);
}

TEST(FullyCoupled, GrowsAndShrinksWithTheSumOfAllWindows) {
  EXPECT_NEAR(grows<OneWindow>(kSingle, 0), 73.0, 1e-9);
  EXPECT_NEAR(grows<OneWindow>(kUnequal, 0), 1460.0 / 30, 1e-9);
  EXPECT_EQ(shrinks<OneWindow>(kUnequal, 0), kMss * 15);
  EXPECT_EQ(shrinks<OneWindow>(kUnequal, 1), kMss * 10);  // all there is; the caller keeps a segment
}

// --- what all have in common

template <class Rule>
class CoupledRule : public testing::Test {};
using Rules = testing::Types<Lia, Olia, Balia, Ewtcp, FullyCoupled>;
TYPED_TEST_SUITE(CoupledRule, Rules);

TYPED_TEST(CoupledRule, AloneIsRenoExactly) {
  for (const bool listed : {false, true}) {
    LossBased<TypeParam> coupled{1000_B, {}, kPlain};
    LossBased<NewReno> reno{1000_B, {}, kPlain};
    FlowDriver a{coupled, 50_ms}, b{reno, 50_ms};
    for (int i = 0; i < 200; ++i) {
      const Flows self = {Flow{coupled.window(), coupled.window(), 50_ms, 1000_B, coupled.between_losses()}};
      const Siblings siblings = listed ? Siblings{self} : Siblings{};
      a.round(2000_B, siblings);
      b.round();
      if (i % 37 == 3) {
        a.lose_and_recover(Sign::duplicate, siblings);
        b.lose_and_recover();
      }
      ASSERT_NEAR(a.segments(), b.segments(), 0.01) << i;
    }
    EXPECT_EQ(coupled.threshold(), reno.threshold());
  }
}

TYPED_TEST(CoupledRule, FlowsWithoutARoundTripTimeAreLeftOut) {
  const Flows flows = {flow(20, 50_ms), flow(10, {})};
  const Acked acked{.now = {}, .bytes = kMss, .in_flight = kMss, .rtt = {}, .srtt = {}};
  EXPECT_NEAR(TypeParam{}.growth(acked, flows[0], flows), 73.0, 1e-9);
  EXPECT_NEAR(TypeParam{}.growth(acked, flows[1], flows), 146.0, 1e-9);  // knows nothing yet: Reno
}

TYPED_TEST(CoupledRule, SlowStartIsNotCoupled) {
  const Flows many(8, flow(1000, 50_ms));
  LossBased<TypeParam> coupled{1000_B, {}, kPlain};
  FlowDriver path{coupled, 50_ms};
  path.round(2000_B, many);
  EXPECT_EQ(path.segments(), 20);
}

/// Counts how often the flows were gathered.
class Counting final : public Group {
 public:
  std::span<const Flow> flows() const override {
    ++count;
    return list;
  }
  Flows list = Flows(8, flow(100, 50_ms));
  mutable int count = 0;
};

TYPED_TEST(CoupledRule, SiblingsAreLookedAtAboutOnceARoundTrip) {
  Counting group;
  LossBased<TypeParam> coupled{1000_B, {}, kPlain};
  FlowDriver path{coupled, 50_ms};
  while (path.segments() < 100) { path.round(); }
  path.lose_and_recover(Sign::duplicate, group);
  group.count = 0;
  for (int i = 0; i < 20; ++i) { path.round(2000_B, group); }
  EXPECT_GE(group.count, 19);
  EXPECT_LE(group.count, 45);  // 40 acknowledgments a round trip
}

TEST(CoupledRule, AmongSiblingsTheThresholdOfOliaAndBaliaIsOneSegment) {
  const Flows two = {flow(100, 50_ms), flow(2, 50_ms)};
  for (const auto& [name, wanted] : {std::pair{"olia", 1000u}, {"balia", 1000u}, {"lia", 2000u}, {"new_reno", 2000u}}) {
    const auto controller = make_controller(name, 1000_B);
    FlowDriver path{*controller, 50_ms};
    for (int i = 0; i < 12; ++i) { path.lose_and_recover(Sign::duplicate, two); }
    EXPECT_EQ(controller->threshold().n, wanted) << name;
    EXPECT_EQ(controller->window().n, wanted) << name;
  }
}

RC_GTEST_PROP(Olia, AllAlphasTogetherAreZero, ()) {
  Flows flows;
  for (const auto& [window, between] : *rc::gen::nonEmpty<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()) {
    flows.push_back(flow(1u + window % 8, Duration{10'000'000 * (1 + between % 3)}, between % 7 * 1000));
  }
  double sum = 0;
  for (const Flow& self : flows) { sum += OpportunisticIncreases::view(self, flows).alpha; }
  RC_ASSERT(std::abs(sum) < 1e-9);
}

// --- what comes of it on paths with a fixed loss rate

/// Flows of one connection on paths that lose each packet with a fixed probability, whatever is sent: the model behind
/// all formulas. Rounds of one path do not wait for those of another. Returns packets a second, by path.
struct LossyPath {
  double loss;
  Duration rtt;
};
std::vector<double> throughput(std::string_view name, const std::vector<LossyPath>& paths, Duration span = 2000_s) {
  struct Running {
    std::unique_ptr<Controller> controller;
    FlowDriver driver;
    double sent = 0, debt = 0;
  };
  std::vector<std::unique_ptr<Running>> flows;
  for (const LossyPath& path : paths) {
    auto controller = make_controller(name, 1000_B);
    FlowDriver driver{*controller, path.rtt};
    flows.push_back(std::make_unique<Running>(std::move(controller), driver));
    flows.back()->driver.lose_and_recover();                        // slow start is over
    flows.back()->debt = 0.37 * static_cast<double>(flows.size());  // losses of two paths do not coincide
  }
  for (;;) {
    std::size_t i = 0;  // the path whose clock is furthest behind
    for (std::size_t k = 1; k < flows.size(); ++k) {
      if (flows[k]->driver.now() < flows[i]->driver.now()) { i = k; }
    }
    Running& r = *flows[i];
    if (r.driver.now() - Instant{} > span) { break; }
    Flows view;
    for (std::size_t k = 0; k < flows.size(); ++k) {
      const Controller& c = *flows[k]->controller;
      view.push_back({c.window(), c.window(), paths[k].rtt, 1000_B, c.between_losses()});
    }
    r.sent += r.driver.segments();
    r.debt += r.driver.segments() * paths[i].loss;
    r.driver.round(2000_B, view);
    if (r.debt >= 1) {
      r.debt -= 1;
      r.driver.lose_and_recover(Sign::duplicate, view);
    }
  }
  std::vector<double> out;
  for (const auto& r : flows) { out.push_back(r->sent / seconds(span)); }
  return out;
}
double sum(const std::vector<double>& rates) {
  double out = 0;
  for (const double rate : rates) { out += rate; }
  return out;
}

TEST(FixedLoss, LiaTakesWhatOneTcpTakesOnTheBestPath) {  // RFC 6356 goals 1 and 2
  const LossyPath near{0.002, 10_ms}, far{0.0005, 100_ms};
  const double best = sum(throughput("new_reno", {near}));
  EXPECT_NEAR(sum(throughput("lia", {near, far})), best, 0.15 * best);
  EXPECT_NEAR(sum(throughput("lia", {near, near})), best, 0.1 * best);
}

TEST(FixedLoss, ManyEwtcpFlowsOfOnePathTakeWhatOneTcpTakes) {
  const LossyPath path{0.0002, 50_ms};
  const double one = sum(throughput("new_reno", {path}));
  for (const std::size_t n : {1u, 2u, 4u, 8u}) {
    EXPECT_NEAR(sum(throughput("ewtcp", std::vector<LossyPath>(n, path))), one, 0.08 * one) << n;
  }
}

TEST(FixedLoss, OliaAndFullyCoupledLeaveTheWorsePathAndLiaBaliaStayInPart) {
  const std::vector<LossyPath> paths = {{0.0005, 50_ms}, {0.002, 50_ms}};
  const auto share = [&](std::string_view name) {
    const auto rates = throughput(name, paths);
    return rates[1] / sum(rates);
  };
  const double olia = share("olia"), lia = share("lia"), balia = share("balia"), reno = share("new_reno");
  const double coupled = share("fully_coupled");
  EXPECT_NEAR(reno, 1.0 / 3, 0.02);  // the square root of four
  EXPECT_NEAR(lia, 1.0 / 5, 0.03);   // 1/p: LIA's windows are inverse to the loss rates
  EXPECT_LT(balia, lia);
  EXPECT_LT(olia, balia);
  EXPECT_LT(coupled, lia);
}

TEST(FixedLoss, EveryCoupledRuleTakesOneTcpsShareOfOnePath) {
  const LossyPath path{0.0005, 50_ms};
  const double one = sum(throughput("new_reno", {path}));
  for (const char* name : {"lia", "olia", "balia", "ewtcp", "fully_coupled"}) {
    EXPECT_NEAR(sum(throughput(name, {path, path})), one, 0.2 * one) << name;
  }
}
}  // namespace
}  // namespace anabranch::cc
