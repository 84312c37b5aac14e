// Patience: how long a gap may be late before it is lost (RFC 8985 §6.2).
#include "tcp/rack.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
constexpr Instant at(std::int64_t ms) { return {ms * 1'000'000}; }
constexpr Duration ms(std::int64_t n) { return Duration{n * 1'000'000}; }
constexpr Duration kMinRtt = ms(40), kSrtt = ms(50);

/// [from, to), which left at `left` and only once, has arrived.
Covered arrived(SubPos to, Instant left) {
  Covered covered;
  covered.add({.from = {to.n - 1}, .to = to, .sent_at = left}, left);
  return covered;
}
/// A round in which one D-SACK came; positions grow by 10.
void round_with_duplicate(Rack& rack, std::uint64_t n) {
  rack.on_ack({.now = at(50), .una = {n * 10}, .next = {n * 10 + 10}, .duplicate_reported = true}, {});
}
Duration window(const Rack& rack) { return rack.patience(false, kMinRtt, kSrtt) - rack.patience(true, kMinRtt, kSrtt); }

TEST(Rack, WaitsARoundTripAndAQuarterOfTheSmallest) {
  Rack rack;
  rack.on_ack({.now = at(50), .una = {11}, .next = {50}}, arrived({11}, at(0)));
  EXPECT_EQ(ms(60), rack.patience(false, kMinRtt, kSrtt));
  EXPECT_EQ(ms(50), rack.patience(true, kMinRtt, kSrtt));  // nothing ever came out of order
  EXPECT_EQ((Departure{at(0), {11}}), rack.newest());
}

TEST(Rack, APathThatReordersIsGivenTheTimeEvenWhenSure) {
  Rack rack;
  rack.on_ack({.now = at(50), .una = {1}, .next = {50}}, arrived({31}, at(1)));
  EXPECT_FALSE(rack.reordering_seen());
  rack.on_ack({.now = at(50), .una = {11}, .next = {50}}, arrived({11}, at(0)));  // sent once, below what had arrived
  EXPECT_TRUE(rack.reordering_seen());
  EXPECT_EQ(ms(60), rack.patience(true, kMinRtt, kSrtt));
  EXPECT_EQ(at(1), rack.newest()->at);
}

TEST(Rack, ARepetitionThatFillsAGapIsNoReordering) {
  Rack rack;
  rack.on_ack({.now = at(50), .una = {1}, .next = {50}}, arrived({31}, at(1)));
  Covered covered;
  covered.add({.from = {1}, .to = {11}, .sent_at = at(60), .sendings = 2}, at(100));
  rack.on_ack({.now = at(110), .una = {31}, .next = {50}}, covered);
  EXPECT_FALSE(rack.reordering_seen());
}

TEST(Rack, ADuplicateReportWidensTheWindowOnceARound) {
  Rack rack;
  EXPECT_EQ(ms(10), window(rack));
  round_with_duplicate(rack, 1);
  EXPECT_EQ(ms(20), window(rack));
  rack.on_ack({.now = at(50), .una = {11}, .next = {30}, .duplicate_reported = true}, {});  // the same round
  EXPECT_EQ(ms(20), window(rack));
  round_with_duplicate(rack, 2);
  EXPECT_EQ(ms(30), window(rack));
  for (std::uint64_t n = 3; n < 10; ++n) { round_with_duplicate(rack, n); }
  EXPECT_EQ(kSrtt, window(rack));  // never more than a round trip
}

TEST(Rack, SixteenRecoveriesWithoutADuplicateReportForgetIt) {
  Rack rack;
  round_with_duplicate(rack, 1);
  for (unsigned i = 1; i < Rack::kPersist; ++i) { rack.recovery_ended(); }
  EXPECT_EQ(ms(20), window(rack));
  rack.recovery_ended();
  EXPECT_EQ(ms(10), window(rack));
}
}  // namespace
}  // namespace anabranch::tcp
