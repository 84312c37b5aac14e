#include "mptcp/addresses.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {

constexpr wire::AddressId id(unsigned n) { return {static_cast<std::uint8_t>(n)}; }
LocalAddress local(unsigned n) { return {{n}, Address::v4(10, static_cast<std::uint8_t>(n), 0, 1)}; }
SocketAddress remote(unsigned n, std::uint16_t port = 80) {
  return {Address::v4(10, static_cast<std::uint8_t>(n), 0, 2), port};
}
wire::AddAddr echo_of(const wire::AddAddr& a) {
  return {.echo = true, .id = a.id, .address = a.address, .port = a.port, .mac = {}};
}

class AddressesTest : public testing::Test {
 protected:
  AddressesTest() { addresses.set_initial_local(local(0)); }
  std::optional<wire::AddAddr> due(Instant when) { return addresses.due_announcement(when, 1_s); }
  Addresses addresses{4};
  const Instant start{5'000'000'000};
};

TEST_F(AddressesTest, AnAddressKeepsItsIdAndEachHasItsOwn) {  // [8684-3.2-02 8684-3.2-04 8684-3.4.1-02]
  EXPECT_EQ(addresses.id_of(local(0)), id(0));
  EXPECT_EQ(addresses.id_of(local(1)), id(1));
  EXPECT_EQ(addresses.id_of(local(2)), id(2));
  EXPECT_EQ(addresses.id_of(local(1)), id(1));
}
TEST_F(AddressesTest, ThereAreNoMoreThan256Ids) {
  for (unsigned n = 1; n < 256; ++n) { EXPECT_TRUE(addresses.id_of(local(n))); }
  EXPECT_FALSE(addresses.id_of({{1}, Address::v4(11, 0, 0, 1)}));
  EXPECT_TRUE(addresses.id_of(local(255)));
}
TEST_F(AddressesTest, AnAnnouncementIsRepeatedThreeTimesInDoublingIntervals) {  // [8684-3.4.1-06 8684-3.4.1-14]
  (void)addresses.id_of(local(1));
  addresses.announce(id(1));
  Instant now = start;
  for (const Duration wait : {1_s, 2_s, 4_s, 8_s}) {
    EXPECT_TRUE(due(now));
    EXPECT_EQ(addresses.deadline(), now + wait);
    EXPECT_FALSE(due(now + wait - 1_ns));
    now = now + wait;
  }
  EXPECT_FALSE(due(now));
  EXPECT_TRUE(addresses.deadline().is_never());
}
TEST_F(AddressesTest, AnnouncementsGoOutOneAtATime) {
  (void)addresses.id_of(local(1));
  (void)addresses.id_of(local(2));
  addresses.announce(id(1));
  addresses.announce(id(2));
  const auto first = due(start);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id, id(1));
  EXPECT_FALSE(due(start));
  addresses.echoed(echo_of(*first));
  const auto second = due(start);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, id(2));
}
TEST_F(AddressesTest, AnAnnouncementNobodyEchoesGivesWayToTheNext) {
  (void)addresses.id_of(local(1));
  (void)addresses.id_of(local(2));
  addresses.announce(id(1));
  addresses.announce(id(2));
  for (Instant now = start; now <= start + 7_s; now = addresses.deadline()) { EXPECT_EQ(due(now)->id, id(1)); }
  EXPECT_EQ(due(start + 15_s)->id, id(2));
}
// RFC 6824 §3.4.1: no echo, and one ADD_ADDR a round trip so that they keep their order.
TEST_F(AddressesTest, WhereNobodyEchoesEachIsAnnouncedOnceAndTheNextAfterARoundTrip) {
  Addresses quiet{4, false};
  for (const unsigned n : {1u, 2u}) {
    (void)quiet.id_of(local(n));
    quiet.announce(id(n));
  }
  EXPECT_EQ(quiet.due_announcement(start, 1_s)->id, id(1));
  EXPECT_FALSE(quiet.due_announcement(start + 1_s - 1_ns, 1_s));
  EXPECT_EQ(quiet.due_announcement(start + 1_s, 1_s)->id, id(2));
  EXPECT_FALSE(quiet.due_announcement(start + 2_s, 1_s));
  EXPECT_TRUE(quiet.deadline().is_never());
}
TEST_F(AddressesTest, OnlyTheExactEchoCounts) {
  EXPECT_EQ(addresses.door(local(1), 8080), id(1));
  addresses.announce(id(1));
  const wire::AddAddr sent = *due(start);
  EXPECT_EQ(sent.port, 8080);
  wire::AddAddr wrong = echo_of(sent);
  wrong.id = id(2);
  addresses.echoed(wrong);
  wrong = echo_of(sent);
  wrong.port = std::nullopt;
  addresses.echoed(wrong);
  wrong = echo_of(sent);
  wrong.address = local(3).address;
  addresses.echoed(wrong);
  EXPECT_TRUE(due(start + 1_s));
  addresses.echoed(echo_of(sent));
  EXPECT_TRUE(addresses.deadline().is_never());
}
TEST_F(AddressesTest, AnEchoOfWhatWasNotSentYetMeansNothing) {
  (void)addresses.id_of(local(1));
  addresses.announce(id(1));
  addresses.echoed({.echo = true, .id = id(1), .address = local(1).address, .port = {}, .mac = {}});
  EXPECT_TRUE(due(start));
}
TEST_F(AddressesTest, AnnouncingTwiceIsAnnouncingOnce) {
  (void)addresses.id_of(local(1));
  addresses.announce(id(1));
  addresses.announce(id(1));
  addresses.announce(id(9));  // not ours
  const wire::AddAddr sent = *due(start);
  addresses.echoed(echo_of(sent));
  EXPECT_FALSE(addresses.anything_due(start + 100_s));
}
TEST_F(AddressesTest, AWithdrawalEndsItsAnnouncementAndIsSaidThreeTimes) {
  (void)addresses.id_of(local(1));
  addresses.announce(id(1));
  addresses.withdraw(id(1));
  addresses.withdraw(id(1));
  EXPECT_FALSE(due(start));
  for (const Duration after : {0_ms, 200_ms, 600_ms}) {
    EXPECT_EQ(addresses.deadline() <= start, after == 0_ms);
    const auto said = addresses.due_withdrawal(start + after, 200_ms);
    ASSERT_TRUE(said);
    EXPECT_EQ(said->ids.size(), 1u);
    EXPECT_FALSE(addresses.due_withdrawal(start + after, 200_ms));
  }
  EXPECT_FALSE(addresses.anything_due(start + 100_s));
}
TEST_F(AddressesTest, AWithdrawalIsNotRepeatedOnceTheAddressIsBack) {
  (void)addresses.id_of(local(1));
  addresses.withdraw(id(1));
  EXPECT_TRUE(addresses.due_withdrawal(start, 200_ms));
  addresses.back(id(1));
  EXPECT_FALSE(addresses.anything_due(start + 100_s));
}
TEST_F(AddressesTest, AnAddressThatIsBackInTimeIsNotWithdrawn) {
  (void)addresses.id_of(local(1));
  addresses.withdraw(id(1));
  addresses.back(id(1));
  EXPECT_FALSE(addresses.due_withdrawal(start, 200_ms));
}
TEST_F(AddressesTest, MoreThanEightWithdrawalsTakeTwoOptions) {
  for (unsigned n = 1; n <= 10; ++n) { addresses.withdraw(*addresses.id_of(local(n))); }
  EXPECT_EQ(addresses.due_withdrawal(start, 200_ms)->ids.size(), 8u);
  EXPECT_EQ(addresses.due_withdrawal(start, 200_ms)->ids.size(), 2u);
}
TEST_F(AddressesTest, TheInitialAddressGetsANewIdOnceItWasWithdrawn) {  // [8684-3.4.1-17 8684-3.4.1-19]
  addresses.withdraw(id(0));
  EXPECT_EQ(addresses.id_of(local(0)), id(0));  // not said yet
  (void)addresses.due_withdrawal(start, 200_ms);
  EXPECT_EQ(addresses.id_of(local(0)), id(1));
}
TEST_F(AddressesTest, ADoorHasAnIdOfItsOwnUnlessTheAddressIsKnownByItAlone) {
  EXPECT_EQ(addresses.door(local(0), 8080), id(1));  // the initial address, another port
  EXPECT_EQ(addresses.id_of(local(0)), id(0));
  EXPECT_EQ(addresses.door(local(0), 8081), id(2));
  EXPECT_EQ(addresses.door(local(0), 8080), id(1));
  EXPECT_EQ(addresses.door(local(4), 8080), id(3));
  EXPECT_EQ(addresses.id_of(local(4)), id(3));
  EXPECT_EQ(addresses.id_at(local(0), 8081), id(2));
  EXPECT_EQ(addresses.id_at(local(0), 80), id(0));
}
TEST_F(AddressesTest, RemoteAddressesAreLearnedOnceAndUpToALimit) {  // [8684-3.2-04 8684-3.4.1-03 8684-3.4.1-05]
  addresses.set_initial_remote(remote(0));
  EXPECT_EQ(addresses.learn(id(1), remote(1)), Addresses::Learned::fresh);
  EXPECT_EQ(addresses.learn(id(1), remote(1)), Addresses::Learned::known);
  EXPECT_EQ(addresses.learn(id(2), remote(0)), Addresses::Learned::known);  // the initial one by another name
  EXPECT_EQ(addresses.learn(id(2), remote(0, 81)), Addresses::Learned::fresh);
  EXPECT_EQ(addresses.learn(id(3), remote(3)), Addresses::Learned::fresh);
  EXPECT_EQ(addresses.learn(id(4), remote(4)), Addresses::Learned::too_many);
  EXPECT_EQ(addresses.learn(id(3), remote(4)), Addresses::Learned::contradicts);
  EXPECT_EQ(addresses.learn(id(3), remote(3, 81)), Addresses::Learned::fresh);  // another port is another path
  EXPECT_TRUE(addresses.forget(id(1)));
  EXPECT_FALSE(addresses.forget(id(1)));
  EXPECT_EQ(addresses.remote(id(1)), nullptr);
  EXPECT_EQ(addresses.remote_id(remote(3, 81)), id(3));
  EXPECT_FALSE(addresses.remote_id(remote(3)));
}
}  // namespace
}  // namespace anabranch::mptcp
