// ndiffports, single_path, backup, and the rules that all keep to: one table of facts and requests each.
#include "base/result.hh"
#include "mptcp/path_manager.hh"

#include <gtest/gtest.h>

#include <string>

namespace anabranch::mptcp {
namespace {
constexpr wire::AddressId id(unsigned n) { return {static_cast<std::uint8_t>(n)}; }
constexpr Pair pair(unsigned local, unsigned remote) { return {id(local), id(remote)}; }
/// 10.network.0.host
Address at(unsigned network, unsigned host) {
  return Address::v4(10, static_cast<std::uint8_t>(network), 0, static_cast<std::uint8_t>(host));
}

std::string text(const Request& r) {
  const auto of = [](const Pair& p) { return std::to_string(p.local.raw) + "-" + std::to_string(p.remote.raw); };
  return std::visit(Overloaded{
                        [&](const Open& o) { return of(o.pair) + (o.backup ? "b" : ""); },
                        [&](const Announce& a) { return "announce " + std::to_string(a.id.raw); },
                        [&](const Prioritise& p) { return (p.backup ? "spare " : "use ") + of(p.pair); },
                        [&](const Close& c) { return "close " + of(c.pair); },
                    },
                    r);
}

/// Answers with the requests as words: "1-0" opens a subflow from address 1 to address 0, "1-0b" as a backup.
class Told {
 public:
  explicit Told(std::string_view name, const PathRules& rules = {}) : manager_{make_path_manager(name, rules)} {}
  std::string tell(const Fact& fact) {
    std::vector<Request> out;
    manager_->on(fact, now, out);
    return words(out);
  }
  std::string after(Duration d) {
    now = now + d;
    std::vector<Request> out;
    manager_->on_deadline(now, out);
    return words(out);
  }
  /// The initial subflow is there: 10.1.0.1 to 10.9.0.1.
  std::string established(const AddressUse& use = {}, bool we_connected = true) {
    tell(LocalUp{id(0), at(1, 1), use, 24});
    tell(RemoteKnown{id(0), {at(9, 1), 80}});
    std::string out = tell(SubflowUp{pair(0, 0)});
    return out + tell(Established{we_connected});
  }
  Instant deadline() const { return manager_->deadline(); }

  Instant now{1'000'000'000};

 private:
  static std::string words(const std::vector<Request>& requests) {
    std::string out;
    for (const Request& r : requests) { out += (out.empty() ? "" : ", ") + text(r); }
    return out;
  }
  std::unique_ptr<PathManager> manager_;
};
Fact up(unsigned local, unsigned remote, bool backup = false) { return SubflowUp{pair(local, remote), backup}; }
Fact down(unsigned local, unsigned remote) { return SubflowLost{pair(local, remote), Loss::failed, true, false}; }

// --- ndiffports

TEST(Ndiffports, HasSoManySubflowsBetweenTheFirstTwoAddressesAndNoneElsewhere) {
  Told pm{"ndiffports", {.ndiffports = 4}};
  EXPECT_EQ(pm.established(), "0-0, 0-0, 0-0");
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "");
  EXPECT_EQ(pm.tell(RemoteKnown{id(5), {at(8, 1), 80}}), "");
  for (int i = 0; i < 3; ++i) { EXPECT_EQ(pm.tell(up(0, 0)), ""); }
  EXPECT_TRUE(pm.deadline().is_never());
}
TEST(Ndiffports, ReplacesEachThatIsLostAfterAPause) {
  Told pm{"ndiffports", {.ndiffports = 3}};
  EXPECT_EQ(pm.established(), "0-0, 0-0");
  pm.tell(up(0, 0));
  pm.tell(up(0, 0));
  EXPECT_EQ(pm.tell(down(0, 0)), "");
  EXPECT_EQ(pm.after(1_s), "0-0");
}
TEST(Ndiffports, OneIsNoMoreThanTheInitialSubflow) {
  EXPECT_EQ(Told("ndiffports", {.ndiffports = 1}).established(), "");
}
TEST(Ndiffports, TheSideThatWasConnectedToOpensNone) { EXPECT_EQ(Told("ndiffports").established({}, false), ""); }
TEST(Ndiffports, MovesAsAWholeWhenItsAddressIsGone) {
  Told pm{"ndiffports", {.ndiffports = 3}};
  pm.established();
  pm.tell(LocalUp{id(1), at(2, 1), {}});
  EXPECT_EQ(pm.tell(LocalDown{id(0)}), "1-0, 1-0, 1-0");
}

// --- single_path

TEST(SinglePath, OpensNoSecondSubflowWhileThereIsOne) {
  Told pm{"single_path"};
  EXPECT_EQ(pm.established(), "");
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "");
  EXPECT_EQ(pm.tell(RemoteKnown{id(5), {at(8, 1), 80}}), "");
  EXPECT_TRUE(pm.deadline().is_never());
}
TEST(SinglePath, OpensAnotherAtOnceWhenTheAddressOfTheFirstIsGone) {
  Told pm{"single_path"};
  pm.established();
  pm.tell(LocalUp{id(1), at(2, 1), {}});
  EXPECT_EQ(pm.tell(LocalDown{id(0)}), "1-0");
  EXPECT_EQ(pm.tell(LocalUp{id(2), at(1, 1), {}}), "");  // and does not go back
}
TEST(SinglePath, OpensOneAsSoonAsThereIsAnAddress) {
  Told pm{"single_path"};
  pm.established();
  EXPECT_EQ(pm.tell(LocalDown{id(0)}), "");
  EXPECT_EQ(pm.after(60_s), "");
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "1-0");
}
TEST(SinglePath, TriesTheNextBestWhenOneFailsAndThenTheFirstAgain) {
  Told pm{"single_path"};
  pm.established();
  pm.tell(LocalUp{id(1), at(2, 1), {}});
  pm.tell(LocalUp{id(2), at(3, 1), {.preference = 1}});
  EXPECT_EQ(pm.tell(down(0, 0)), "1-0");
  EXPECT_EQ(pm.tell(SubflowLost{pair(1, 0), Loss::failed, false}), "2-0");
  EXPECT_EQ(pm.tell(SubflowLost{pair(2, 0), Loss::failed, false}), "");
  EXPECT_EQ(pm.after(1_s), "0-0");
}
TEST(SinglePath, LeavesAPathThatIsSilentForLongIfThereIsAnother) {
  Told pm{"single_path"};
  pm.established();
  EXPECT_EQ(pm.tell(SubflowStalled{pair(0, 0)}), "");
  EXPECT_TRUE(pm.deadline().is_never());
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "");
  EXPECT_EQ(pm.deadline(), pm.now + 600_ms);
  EXPECT_EQ(pm.after(600_ms), "close 0-0");
  EXPECT_EQ(pm.tell(SubflowLost{pair(0, 0), Loss::closed, true, true}), "1-0");
}
TEST(SinglePath, StaysWithAPathThatAnswersInTime) {
  Told pm{"single_path"};
  pm.established();
  pm.tell(LocalUp{id(1), at(2, 1), {}});
  pm.tell(SubflowStalled{pair(0, 0)});
  EXPECT_EQ(pm.after(599_ms), "");
  EXPECT_EQ(pm.tell(SubflowRecovered{pair(0, 0)}), "");
  EXPECT_TRUE(pm.deadline().is_never());
}

// --- backup

TEST(BackupPaths, OthersAreJoinedWithFlagB) {
  Told pm{"backup"};
  EXPECT_EQ(pm.established(), "");
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "1-0b");
  EXPECT_EQ(pm.tell(up(1, 0, true)), "");
}
TEST(BackupPaths, ABackupIsPromotedWhenTheOneInUseIsSilentAndDemotedWhenItIsBack) {
  Told pm{"backup"};
  pm.established();
  pm.tell(LocalUp{id(1), at(2, 1), {}});
  pm.tell(up(1, 0, true));
  EXPECT_EQ(pm.tell(SubflowStalled{pair(0, 0)}), "use 1-0");
  EXPECT_EQ(pm.tell(SubflowRecovered{pair(0, 0)}), "spare 1-0");
}
TEST(BackupPaths, ABackupIsPromotedWhenTheOneInUseIsGoneAndWhoComesBackWaits) {
  Told pm{"backup"};
  pm.established();
  pm.tell(LocalUp{id(1), at(2, 1), {}});
  pm.tell(up(1, 0, true));
  EXPECT_EQ(pm.tell(LocalDown{id(0)}), "use 1-0");
  EXPECT_EQ(pm.tell(LocalUp{id(2), at(1, 1), {}}), "2-0b");
}
TEST(BackupPaths, ThePreferredAddressTakesOverWhenItWorks) {
  Told pm{"backup"};
  pm.established({.preference = 5});
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "1-0");
  EXPECT_EQ(pm.tell(up(1, 0)), "spare 0-0");
}
TEST(BackupPaths, AMeteredAddressServesOnlyWhenNothingElseWorks) {
  Told pm{"backup"};
  pm.established({.metered = true});
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}}), "1-0");
  EXPECT_EQ(pm.tell(up(1, 0)), "spare 0-0");
  EXPECT_EQ(pm.tell(down(1, 0)), "use 0-0");
}
TEST(BackupPaths, TheSideThatWasConnectedToLeavesPrioritiesToTheOther) {
  Told pm{"backup"};
  pm.established({}, false);
  EXPECT_EQ(pm.tell(up(0, 1)), "");
  EXPECT_EQ(pm.tell(SubflowStalled{pair(0, 0)}), "");
}

// --- rules for all

TEST(PathRules, ASubnetOfOursIsReachedFromWithinOnly) {  // RFC 8041 §3.4, figure 3: two subflows, not four
  Told pm{"same_subnet"};
  pm.tell(LocalUp{id(0), at(1, 1), {}, 24});
  pm.tell(RemoteKnown{id(0), {at(1, 2), 80}});
  pm.tell(SubflowUp{pair(0, 0)});
  pm.tell(Established{true});
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {}, 24}), "");
  EXPECT_EQ(pm.tell(RemoteKnown{id(1), {at(2, 2), 80}}), "1-1");
  EXPECT_EQ(pm.tell(RemoteKnown{id(2), {at(7, 7), 80}}), "0-2, 1-2");  // neither's
}
TEST(PathRules, WithoutThatRuleAllPairsAreTried) {
  Told pm{"full_mesh"};
  pm.established();
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(9, 7), {}, 24}), "1-0");
}
TEST(PathRules, AMeteredAddressHasBackupsByDefaultAndIsLikeOthersOnRequest) {
  Told spared{"full_mesh"};
  spared.established();
  EXPECT_EQ(spared.tell(LocalUp{id(1), at(2, 1), {.metered = true}}), "1-0b");
  Told like_others{"full_mesh", {.metered = Metered::as_others}};
  like_others.established();
  EXPECT_EQ(like_others.tell(LocalUp{id(1), at(2, 1), {.metered = true}}), "1-0");
}
TEST(PathRules, AnInitialSubflowOnAMeteredAddressBecomesABackup) {
  EXPECT_EQ(Told("full_mesh").established({.metered = true}), "spare 0-0");
}
TEST(PathRules, TheUseOfAnAddressMayChange) {
  Told pm{"full_mesh"};
  pm.established();
  EXPECT_EQ(pm.tell(LocalUp{id(0), at(1, 1), {.backup = true}, 24}), "spare 0-0");
  EXPECT_EQ(pm.tell(LocalUp{id(0), at(1, 1), {}, 24}), "use 0-0");
}
TEST(PathRules, ALastResortIsOpenedWhenNothingUnmeteredWorksAndClosedWhenThatHasLastedAWhile) {
  Told pm{"full_mesh", {.metered = Metered::last_resort}};
  pm.established();
  EXPECT_EQ(pm.tell(LocalUp{id(1), at(2, 1), {.metered = true}}), "");
  EXPECT_EQ(pm.tell(SubflowStalled{pair(0, 0)}), "1-0");
  EXPECT_EQ(pm.tell(up(1, 0)), "");
  EXPECT_EQ(pm.tell(SubflowRecovered{pair(0, 0)}), "");
  EXPECT_EQ(pm.deadline(), pm.now + 5_s);
  EXPECT_EQ(pm.after(5_s), "close 1-0");
  EXPECT_EQ(pm.tell(SubflowLost{pair(1, 0), Loss::closed, true, false}), "");
  EXPECT_EQ(pm.tell(LocalDown{id(0)}), "1-0");  // as good as never used
}
TEST(PathRules, BetterAddressesAreAskedFirst) {
  Told pm{"full_mesh"};
  pm.tell(LocalUp{id(0), at(1, 1), {}});
  pm.tell(LocalUp{id(1), at(2, 1), {.metered = true}});
  pm.tell(LocalUp{id(2), at(3, 1), {}});
  pm.tell(LocalUp{id(3), at(4, 1), {.preference = 9}});
  pm.tell(RemoteKnown{id(0), {at(9, 1), 80}});
  pm.tell(SubflowUp{pair(0, 0)});
  EXPECT_EQ(pm.tell(Established{true}), "2-0, 3-0, 1-0b");
}
TEST(PathManagers, AllNamesMakeOne) {
  for (const std::string_view name : path_manager_names()) { EXPECT_EQ(make_path_manager(name)->name(), name); }
  EXPECT_EQ(make_path_manager("nonsense"), nullptr);
}
}  // namespace
}  // namespace anabranch::mptcp
