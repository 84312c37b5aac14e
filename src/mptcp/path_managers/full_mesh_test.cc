#include "mptcp/path_managers/full_mesh.hh"

#include "base/result.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {

constexpr wire::AddressId id(unsigned n) { return {static_cast<std::uint8_t>(n)}; }
constexpr Pair pair(unsigned local, unsigned remote) { return {id(local), id(remote)}; }
Address v4(unsigned n) { return Address::v4(10, static_cast<std::uint8_t>(n), 0, 1); }
Address v6(unsigned n) {
  Address a{.family = Family::v6, .raw = {0x20, 0x01}};
  a.raw[15] = static_cast<std::uint8_t>(n);
  return a;
}

class FullMeshTest : public testing::Test {
 protected:
  explicit FullMeshTest(bool both_sides = false) : mesh{both_sides} {}
  /// The pairs that are asked for in answer to a fact.
  std::vector<Pair> tell(const Fact& fact) {
    std::vector<Request> out;
    mesh.on(fact, now, out);
    return pairs(out);
  }
  std::vector<Pair> at(Instant then) {
    now = then;
    std::vector<Request> out;
    mesh.on_deadline(now, out);
    return pairs(out);
  }
  std::vector<Pair> pairs(const std::vector<Request>& requests) {
    std::vector<Pair> out;
    for (const Request& r : requests) {
      if (const auto* open = std::get_if<Open>(&r)) {
        out.push_back(open->pair);
      } else {
        announced.push_back(std::get<Announce>(r).id);
      }
    }
    return out;
  }
  /// A client with its initial subflow; id 0 on both sides.
  void established(bool we_connected = true) {
    tell(LocalUp{id(0), v4(1)});
    tell(RemoteKnown{id(0), {v4(9), 80}});
    tell(SubflowUp{pair(0, 0)});
    EXPECT_EQ(tell(Established{we_connected}), std::vector<Pair>{});
  }

  FullMesh mesh;
  Instant now{1'000'000'000};
  std::vector<wire::AddressId> announced;
};
using Pairs = std::vector<Pair>;

TEST_F(FullMeshTest, OpensEveryPairOnce) {
  established();
  EXPECT_EQ(tell(LocalUp{id(1), v4(2)}), Pairs{pair(1, 0)});
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), (Pairs{pair(0, 5), pair(1, 5)}));
  EXPECT_EQ(tell(SubflowUp{pair(1, 5)}), Pairs{});
  EXPECT_EQ(at(now + 3600_s), Pairs{});
  EXPECT_TRUE(announced.empty());
}
TEST_F(FullMeshTest, OpensNothingBeforeTheConnectionIsEstablished) {
  EXPECT_EQ(tell(LocalUp{id(0), v4(1)}), Pairs{});
  EXPECT_EQ(tell(LocalUp{id(1), v4(2)}), Pairs{});
  EXPECT_EQ(tell(RemoteKnown{id(0), {v4(9), 80}}), Pairs{});
  EXPECT_EQ(tell(SubflowUp{pair(0, 0)}), Pairs{});
  EXPECT_EQ(tell(Established{true}), Pairs{pair(1, 0)});
}
TEST_F(FullMeshTest, PairsOnlyAddressesOfOneFamily) {
  established();
  EXPECT_EQ(tell(LocalUp{id(1), v6(2)}), Pairs{});
  EXPECT_EQ(tell(RemoteKnown{id(5), {v6(8), 80}}), Pairs{pair(1, 5)});
}
TEST_F(FullMeshTest, TheSideThatWasConnectedToOpensNothingAndAnnouncesAllButIdZero) {
  tell(LocalUp{id(1), v4(2)});
  established(false);
  EXPECT_EQ(tell(LocalUp{id(2), v4(3)}), Pairs{});
  EXPECT_EQ(announced, (std::vector{id(1), id(2)}));
  EXPECT_TRUE(mesh.deadline().is_never());
}
TEST_F(FullMeshTest, AnAddressThatIsBackIsAnnouncedAgainUntilASubflowUsesIt) {
  tell(LocalUp{id(1), v4(2)});
  established(false);
  tell(LocalDown{id(1)});
  announced.clear();
  tell(LocalUp{id(2), v4(2)});
  EXPECT_EQ(announced, std::vector{id(2)});
  EXPECT_EQ(mesh.deadline(), now + 1_s);
  at(now + 1_s);
  EXPECT_EQ(announced, (std::vector{id(2), id(2)}));
  EXPECT_EQ(mesh.deadline(), now + 2_s);
  tell(SubflowUp{pair(2, 7)});
  EXPECT_TRUE(mesh.deadline().is_never());
}
TEST_F(FullMeshTest, NobodyIsRemindedForEver) {
  tell(LocalUp{id(1), v4(2)});
  established(false);
  tell(LocalDown{id(1)});
  tell(LocalUp{id(1), v4(2)});
  announced.clear();
  for (int i = 0; i < 20 && !mesh.deadline().is_never(); ++i) { at(mesh.deadline()); }
  EXPECT_EQ(announced.size(), FullMesh::kReminders);
  EXPECT_TRUE(mesh.deadline().is_never());
}
TEST_F(FullMeshTest, WhatFailedIsTriedAgainInGrowingIntervals) {
  established();
  tell(LocalUp{id(1), v4(2)});
  for (const Duration wait : {1_s, 2_s, 4_s, 8_s, 16_s, 30_s, 30_s}) {
    EXPECT_EQ(tell(SubflowLost{pair(1, 0), Loss::failed, false}), Pairs{});
    EXPECT_EQ(mesh.deadline(), now + wait);
    EXPECT_EQ(at(now + wait - 1_ns), Pairs{});
    EXPECT_EQ(at(now + 1_ns), Pairs{pair(1, 0)});
  }
  tell(SubflowLost{pair(1, 0), Loss::failed, false});  // the eighth time
  EXPECT_TRUE(mesh.deadline().is_never());
  EXPECT_EQ(at(now + 3600_s), Pairs{});
}
TEST_F(FullMeshTest, APairThatHasWorkedIsTriedForEver) {
  established();
  tell(LocalUp{id(1), v4(2)});
  tell(SubflowUp{pair(1, 0)});
  tell(SubflowLost{pair(1, 0), Loss::failed, true});
  for (int i = 0; i < 100; ++i) {
    ASSERT_LE(mesh.deadline(), now + 30_s);
    ASSERT_EQ(at(mesh.deadline()), Pairs{pair(1, 0)});
    tell(SubflowLost{pair(1, 0), Loss::failed, false});
  }
}
TEST_F(FullMeshTest, APairThatWorkedStartsOverWhenItIsLost) {
  established();
  tell(LocalUp{id(1), v4(2)});
  for (int i = 0; i < 5; ++i) {
    tell(SubflowLost{pair(1, 0), Loss::failed, false});
    at(mesh.deadline());
  }
  tell(SubflowUp{pair(1, 0)});
  tell(SubflowLost{pair(1, 0), Loss::failed, true});
  EXPECT_EQ(mesh.deadline(), now + 1_s);
}
TEST_F(FullMeshTest, WhatWasClosedInOrderIsNotOpenedAgain) {
  established();
  tell(LocalUp{id(1), v4(2)});
  tell(SubflowUp{pair(1, 0)});
  EXPECT_EQ(tell(SubflowLost{pair(1, 0), Loss::closed, true}), Pairs{});
  EXPECT_EQ(at(now + 3600_s), Pairs{});
}
TEST_F(FullMeshTest, APairWithoutARouteWaitsForAChangeOfTheNetwork) {
  established();
  tell(LocalUp{id(1), v4(2)});
  EXPECT_EQ(tell(Refused{pair(1, 0), Errc::no_such_path}), Pairs{});
  EXPECT_TRUE(mesh.deadline().is_never());
  EXPECT_EQ(at(now + 3600_s), Pairs{});
  EXPECT_EQ(tell(LocalUp{id(1), v4(2)}), Pairs{pair(1, 0)});
}
TEST_F(FullMeshTest, ARefusalForAnotherReasonIsTriedAgain) {
  established();
  tell(LocalUp{id(1), v4(2)});
  tell(Refused{pair(1, 0), Errc::limit_reached});
  EXPECT_EQ(at(now + 1_s), Pairs{pair(1, 0)});
}
TEST_F(FullMeshTest, ALocalAddressThatIsGoneIsForgotten) {
  established();
  tell(LocalUp{id(1), v4(2)});
  tell(LocalDown{id(1)});
  tell(SubflowLost{pair(1, 0), Loss::failed, true});
  EXPECT_TRUE(mesh.deadline().is_never());
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{pair(0, 5)});
  EXPECT_EQ(tell(LocalUp{id(1), v4(2)}), (Pairs{pair(1, 0), pair(1, 5)}));
}
TEST_F(FullMeshTest, ARemoteAddressThatIsGoneIsForgotten) {
  established();
  tell(RemoteKnown{id(5), {v4(8), 80}});
  tell(SubflowLost{pair(0, 5), Loss::failed, false});
  tell(RemoteGone{id(5)});
  EXPECT_TRUE(mesh.deadline().is_never());
  EXPECT_EQ(at(now + 3600_s), Pairs{});
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{pair(0, 5)});
}
TEST_F(FullMeshTest, WhatWasRefusedForGoodIsLeftAloneWhileThereIsAnother) {
  established();
  EXPECT_EQ(tell(LocalUp{id(1), v4(2)}), Pairs{pair(1, 0)});
  EXPECT_EQ(tell(SubflowLost{pair(1, 0), Loss::refused, false}), Pairs{});
  EXPECT_TRUE(mesh.deadline().is_never());
  EXPECT_EQ(tell(NetworkChanged{}), Pairs{});
}
TEST_F(FullMeshTest, WhatWasRefusedForGoodIsAskedAgainWhenItsAddressIsAnnouncedAgainButNotAtEachOfThese) {
  established();
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{pair(0, 5)});
  tell(SubflowLost{pair(0, 5), Loss::refused, false});
  now = now + 10_s;
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{pair(0, 5)});
  tell(SubflowLost{pair(0, 5), Loss::refused, false});
  now = now + 10_ms;
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{});
  EXPECT_EQ(mesh.deadline(), now + 990_ms);
}
TEST_F(FullMeshTest, WhatIsAnnouncedWithAnotherPortIsAnotherPath) {
  established();
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{pair(0, 5)});
  tell(SubflowUp{pair(0, 5)});
  now = now + 10_s;
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 80}}), Pairs{});
  EXPECT_EQ(tell(RemoteKnown{id(5), {v4(8), 8080}}), Pairs{pair(0, 5)});
}
TEST_F(FullMeshTest, WhenNothingElseIsLeftWhatWasRefusedOrClosedIsTriedAgain) {
  established();
  tell(LocalUp{id(1), v4(2)});
  tell(SubflowLost{pair(1, 0), Loss::refused, false});
  EXPECT_EQ(tell(SubflowLost{pair(0, 0), Loss::closed, true}), Pairs{});
  EXPECT_EQ(mesh.deadline(), now + 1_s);
  EXPECT_EQ(at(now + 1_s), (Pairs{pair(0, 0), pair(1, 0)}));
}
TEST_F(FullMeshTest, NothingIsRefusedForEver) {
  established();
  unsigned asked = 0;
  tell(SubflowLost{pair(0, 0), Loss::refused, true});
  while (!mesh.deadline().is_never() && asked < 100) {
    asked += static_cast<unsigned>(at(mesh.deadline()).size());
    tell(SubflowLost{pair(0, 0), Loss::refused, false});
  }
  EXPECT_EQ(asked, FullMesh::kTries - 1);
}

class BothSidesTest : public FullMeshTest {
 protected:
  BothSidesTest() : FullMeshTest{true} {}
};
TEST_F(BothSidesTest, TheSideThatWasConnectedToOpensWhatTheOtherHasNot) {
  tell(LocalUp{id(1), v4(2)});
  established(false);
  EXPECT_EQ(announced, std::vector{id(1)});
  tell(RemoteKnown{id(5), {v4(8), 80}});
  EXPECT_EQ(tell(SubflowUp{pair(0, 5)}), Pairs{});
  EXPECT_EQ(at(now + 1_s - 1_ns), Pairs{});
  EXPECT_EQ(at(now + 1_ns), (Pairs{pair(1, 0), pair(1, 5)}));
}
TEST_F(BothSidesTest, TheSideThatConnectedOpensAtOnceAndAnnounces) {
  established();
  EXPECT_EQ(tell(LocalUp{id(1), v4(2)}), Pairs{pair(1, 0)});
  EXPECT_EQ(announced, std::vector{id(1)});
}

TEST_F(FullMeshTest, AnAddressThatIsNotForSubflowsOpensNone) {
  established();
  EXPECT_EQ(tell(LocalUp{id(1), v4(2), {.subflows = false}}), Pairs{});
  EXPECT_TRUE(mesh.deadline().is_never());
  EXPECT_EQ(tell(LocalUp{id(1), v4(2), {}}), Pairs{pair(1, 0)});
}

TEST_F(FullMeshTest, AnAddressThatIsNotToBeAnnouncedIsNot) {
  established(false);
  tell(LocalUp{id(1), v4(2), {.announced = false}});
  tell(LocalUp{id(2), v4(3), {}});
  EXPECT_EQ(announced, std::vector{id(2)});
}

TEST_F(FullMeshTest, SubflowsFromABackupAddressAreBackups) {
  established();
  std::vector<Request> out;
  mesh.on(LocalUp{id(1), v4(2), {.backup = true}}, now, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(std::get<Open>(out[0]).backup);
}
}  // namespace
}  // namespace anabranch::mptcp
