// The witnesses of a loss that was none: timestamps, D-SACKs, F-RTO, and a tail probe's own.
#include "tcp/needless.hh"
#include "tcp/frto.hh"
#include "tcp/tail_probe.hh"

#include <gtest/gtest.h>
#include <vector>

namespace anabranch::tcp {
namespace {
constexpr Instant at(std::int64_t ms) { return {ms * 1'000'000}; }

TEST(DuplicateReport, IsTheFirstBlockBelowTheAckOrWithinTheSecond) {  // RFC 2883 §4
  struct Row {
    std::vector<Block> blocks;
    bool is;
  };
  const Row rows[] = {
      {{}, false},
      {{{{101}, {201}}}, true},                      // below
      {{{{401}, {501}}}, true},                      // up to the acknowledgment
      {{{{401}, {502}}}, false},                     // neither
      {{{{601}, {701}}}, false},                     // a SACK block
      {{{{601}, {701}}, {{601}, {801}}}, true},      // within the second
      {{{{601}, {701}}, {{650}, {801}}}, false},     // not wholly
      {{{{601}, {701}}, {{801}, {901}}}, false},     //
      {{{{0}, {101}}}, false},                       // the SYN is not data
      {{{{201}, {201}}}, false},                     //
      {{{{1101}, {1201}}, {{1101}, {1301}}}, false}  // never sent
  };
  for (const Row& row : rows) {
    const auto found = duplicate_report(row.blocks, {501}, {1001});
    EXPECT_EQ(row.is, found.has_value()) << &row - rows;
    if (found) { EXPECT_EQ(row.blocks[0], *found); }
  }
}

TEST(Needless, WhenEveryRepetitionIsReported) {  // RFC 3708 §3
  Needless needless;
  needless.begin();
  needless.on_again({1}, {1001}, true, at(1));
  needless.on_again({3001}, {5001}, true, at(1));
  EXPECT_FALSE(needless.by_duplicate({{1}, {1001}}));
  EXPECT_FALSE(needless.by_duplicate({{3001}, {4001}}));
  EXPECT_FALSE(needless.by_duplicate({{3001}, {4001}}));  // the network repeated something too
  EXPECT_TRUE(needless.by_duplicate({{4001}, {5001}}));
  EXPECT_FALSE(needless.by_duplicate({{4001}, {5001}}));  // said once
}

TEST(Needless, NothingFollowsFromReportsOfWhatWasRepeatedTwice) {
  Needless needless;
  needless.begin();
  needless.on_again({1}, {1001}, true, at(1));
  needless.on_again({1}, {1001}, false, at(2));
  EXPECT_FALSE(needless.by_duplicate({{1}, {1001}}));
}

TEST(Needless, NothingFollowsFromReportsWhenNothingWasRepeated) {
  Needless needless;
  EXPECT_FALSE(needless.by_duplicate({{1}, {1001}}));
  needless.begin();
  EXPECT_FALSE(needless.by_duplicate({{1}, {1001}}));
}

TEST(Needless, MoreRepetitionsThanAreRememberedAreNotJudged) {
  Needless needless;
  needless.begin();
  for (std::uint64_t i = 0; i <= Needless::kMostRepeats; ++i) {
    needless.on_again({i * 20}, {i * 20 + 10}, true, at(1));
  }
  bool said = false;
  for (std::uint64_t i = 0; i <= Needless::kMostRepeats; ++i) {
    said |= needless.by_duplicate({{i * 20}, {i * 20 + 10}});
  }
  EXPECT_FALSE(said);
}

TEST(Needless, TheTimestampOfTheFirstAnswerTellsAndIsAskedOnce) {  // RFC 3522
  Needless needless;
  needless.begin();
  needless.on_again({1}, {1001}, true, at(50));
  EXPECT_FALSE(needless.by_timestamp({1}, at(10)));  // covers nothing repeated
  EXPECT_TRUE(needless.by_timestamp({1001}, at(10)));
  EXPECT_FALSE(needless.by_timestamp({1001}, at(10)));
  needless.begin();
  needless.on_again({1}, {1001}, true, at(50));
  EXPECT_FALSE(needless.by_timestamp({1001}, at(50)));  // the repetition's own
  EXPECT_FALSE(needless.by_timestamp({2001}, at(10)));
}

// --- F-RTO

constexpr Frto::Answer ack(std::uint64_t una, std::uint64_t next, std::uint64_t news) {
  return {.advanced = true, .una = {una}, .next = {next}, .news = {news}, .highest = {una}};
}
constexpr Frto::Answer duplicate(std::uint64_t una, std::uint64_t next) {
  return {.duplicate = true, .una = {una}, .next = {next}, .highest = {una}};
}
constexpr Frto::Answer sacked(std::uint64_t una, std::uint64_t next, std::uint64_t up_to) {
  return {.una = {una}, .next = {next}, .news = {10}, .highest = {up_to}};
}
using V = Frto::Verdict;

TEST(Frto, AnAnswerToWhatWasNotRepeatedProvesTheTimeoutNeedless) {  // RFC 5682 §2.1 and §3.1, 3b
  for (const bool sack : {false, true}) {
    Frto frto;
    frto.begin(sack, {101});
    EXPECT_EQ(V::try_fresh, frto.on_ack(ack(11, 101, 10)));
    EXPECT_TRUE(frto.wants_fresh());
    EXPECT_EQ(V::needless, frto.on_ack(ack(21, 121, 10)));
    EXPECT_FALSE(frto.wants_fresh());
  }
}

TEST(Frto, WithSackAReportOfOldDataDoesAsWell) {
  Frto frto;
  frto.begin(true, {101});
  frto.on_ack(ack(11, 101, 10));
  EXPECT_EQ(V::needless, frto.on_ack(sacked(11, 121, 41)));
}

TEST(Frto, FreshDataThatArrivesBeforeTheOldSaysThatTheOldIsLost) {  // §3.1, 3a
  Frto frto;
  frto.begin(true, {101});
  frto.on_ack(ack(11, 101, 10));
  EXPECT_EQ(V::real, frto.on_ack(sacked(11, 121, 111)));
}

TEST(Frto, ADuplicateSaysSoToo) {  // §2.1, 3a
  Frto frto;
  frto.begin(false, {101});
  frto.on_ack(ack(11, 101, 10));
  EXPECT_EQ(V::real, frto.on_ack(duplicate(11, 121)));
}

TEST(Frto, TheFirstAnswerEndsItWhenItIsADuplicateOrCoversEverything) {  // §2.1, 2a
  Frto frto;
  frto.begin(false, {101});
  EXPECT_EQ(V::real, frto.on_ack(duplicate(1, 101)));
  frto.begin(false, {101});
  EXPECT_EQ(V::real, frto.on_ack(ack(101, 101, 100)));
  EXPECT_FALSE(frto.waits());
}

TEST(Frto, WithSackDuplicatesBeforeTheFirstAnswerAreWaitedOut) {  // §3.1, 2
  Frto frto;
  frto.begin(true, {101});
  EXPECT_EQ(V::nothing, frto.on_ack(duplicate(1, 101)));
  EXPECT_EQ(V::nothing, frto.on_ack(sacked(1, 101, 51)));
  EXPECT_EQ(V::try_fresh, frto.on_ack(ack(11, 101, 10)));
}

TEST(Frto, ASegmentThatIsNoAnswerChangesNothing) {
  Frto frto;
  frto.begin(true, {101});
  frto.on_ack(ack(11, 101, 10));
  EXPECT_EQ(V::nothing, frto.on_ack({.una = {11}, .next = {121}, .highest = {11}}));
  EXPECT_TRUE(frto.wants_fresh());
}

// --- the tail probe's own

TEST(TailProbe, OfFreshDataMendsNothing) {
  TailProbe probe;
  probe.left({101}, false, at(1));
  EXPECT_TRUE(probe.outstanding());
  EXPECT_FALSE(probe.mended({.ack = {101}}));
  EXPECT_FALSE(probe.outstanding());
}

TEST(TailProbe, ThatRepeatedMendedALossIfNothingSaysThatBothArrived) {  // RFC 8985 §7.4.2
  TailProbe probe;
  probe.left({101}, true, at(1));
  EXPECT_FALSE(probe.mended({.ack = {51}}));
  EXPECT_FALSE(probe.mended({.ack = {101}}));  // a D-SACK may follow
  EXPECT_TRUE(probe.outstanding());
  EXPECT_TRUE(probe.mended({.ack = {111}}));
  EXPECT_FALSE(probe.outstanding());
}

TEST(TailProbe, WhoseOriginalArrivedTooMendedNothing) {
  const TailProbe::Answer both[] = {{.ack = {101}, .duplicate = Block{{91}, {101}}},
                                    {.ack = {102}, .duplicate = Block{{91}, {101}}},  // the FIN is beyond the block
                                    {.ack = {101}, .bare_duplicate = true},
                                    {.ack = {101}, .echoed = at(20)}};
  for (const TailProbe::Answer& answer : both) {
    TailProbe probe;
    probe.left(answer.ack, true, at(50));
    EXPECT_FALSE(probe.mended(answer));
    EXPECT_FALSE(probe.outstanding());
  }
}

TEST(TailProbe, WaitsTwoRoundTripsAndForALoneSegmentALateAcknowledgment) {  // RFC 8985 §7.2
  const Duration rtt{30'000'000};
  EXPECT_EQ(at(60), TailProbe::when(at(0), rtt, false));
  EXPECT_EQ(at(260), TailProbe::when(at(0), rtt, true));
  EXPECT_EQ(at(10), TailProbe::when(at(0), Duration{100'000}, false));
}
}  // namespace
}  // namespace anabranch::tcp
