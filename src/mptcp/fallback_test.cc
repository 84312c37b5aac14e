#include "mptcp/fallback.hh"

#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace anabranch::mptcp {
namespace {

std::vector<Evidence> all_evidence() {
  std::vector<Evidence> out;
  for (std::size_t finding = 0; finding < std::size(Names<Finding>::list); ++finding) {
    for (unsigned bits = 0; bits < 32; ++bits) {
      out.push_back({.finding = static_cast<Finding>(finding),
                     .only_subflow = (bits & 1) != 0,
                     .joined = (bits & 2) != 0,
                     .in_sequence = (bits & 4) != 0,
                     .checksum_seen = (bits & 8) != 0,
                     .data_acked = (bits & 16) != 0});
    }
  }
  return out;
}
bool becomes_tcp(Verdict v) {
  return v == Verdict::become_tcp || v == Verdict::fail_and_become_tcp || v == Verdict::infinite_mapping;
}
std::string text(const Evidence& e) {
  return std::string{name(e.finding)} + (e.only_subflow ? " alone" : "") + (e.joined ? " joined" : "") +
         (e.in_sequence ? " in_sequence" : "") + (e.checksum_seen ? " checksum_seen" : "") +
         (e.data_acked ? " data_acked" : "");
}
Evidence first_subflow(Finding finding, bool checksum_seen = false) {
  return {
      .finding = finding, .only_subflow = true, .joined = false, .in_sequence = true, .checksum_seen = checksum_seen};
}

TEST(Fallback, AJoinedSubflowNeverBecomesTcp) {  // [8684-3.7-03]
  for (const Evidence& e : all_evidence()) { EXPECT_FALSE(e.joined && becomes_tcp(judge(e))) << text(e); }
}
TEST(Fallback, WithOtherSubflowsAliveNoneBecomesTcpButInTheHandshake) {
  for (const Evidence& e : all_evidence()) {
    if (e.finding == Finding::no_option_in_handshake) { continue; }
    EXPECT_FALSE(!e.only_subflow && becomes_tcp(judge(e))) << text(e);
  }
}
TEST(Fallback, OnceDataWentElsewhereNoneBecomesTcpButInTheHandshake) {
  for (const Evidence& e : all_evidence()) {
    if (e.finding == Finding::no_option_in_handshake) { continue; }
    EXPECT_FALSE(!e.in_sequence && becomes_tcp(judge(e))) << text(e);
  }
}
TEST(Fallback, NothingFoundChangesNothingAndAnythingFoundChangesSomething) {
  for (const Evidence& e : all_evidence()) {
    EXPECT_EQ(judge(e) == Verdict::carry_on, e.finding == Finding::nothing) << text(e);
  }
}
TEST(Fallback, OnlyWhatThePeerCannotKnowIsAnsweredWithMpFail) {  // [8684-3.7-14 8684-3.7-15]
  for (const Evidence& e : all_evidence()) {
    const Verdict v = judge(e);
    const bool reports = v == Verdict::fail_and_become_tcp || v == Verdict::fail_and_reset_subflow;
    const bool reason = e.finding == Finding::checksum_wrong || e.finding == Finding::peer_reports_failure ||
                        e.finding == Finding::mapping_missing || e.finding == Finding::mapping_contradicts;
    EXPECT_FALSE(reports && !reason) << text(e);
  }
}
TEST(Fallback, TheRulesForTheOnlySubflow) {  // [8684-3.7-05 8684-3.7-13]
  const std::pair<Evidence, Verdict> rules[] = {
      {first_subflow(Finding::no_option_in_handshake), Verdict::become_tcp},
      {first_subflow(Finding::no_dss_from_peer), Verdict::infinite_mapping},
      {first_subflow(Finding::mapping_missing), Verdict::fail_and_become_tcp},
      {first_subflow(Finding::mapping_contradicts), Verdict::fail_and_become_tcp},
      {first_subflow(Finding::checksum_wrong, false), Verdict::become_tcp},
      {first_subflow(Finding::checksum_wrong, true), Verdict::fail_and_become_tcp},
      {first_subflow(Finding::peer_reports_failure), Verdict::fail_and_become_tcp},
      {first_subflow(Finding::infinite_mapping), Verdict::become_tcp},
  };
  for (const auto& [evidence, verdict] : rules) { EXPECT_EQ(judge(evidence), verdict) << text(evidence); }
}
TEST(Fallback, WhoHasDataAckedSomethingDoesNotDropTheMappingsInSilence) {
  for (const Evidence& e : all_evidence()) {
    const bool lost = e.finding == Finding::mapping_missing || e.finding == Finding::mapping_contradicts;
    if (lost && e.data_acked) { EXPECT_EQ(judge(e), Verdict::reset_subflow) << text(e); }
  }
}
TEST(Fallback, EveryVerdictIsReached) {
  std::set<Verdict> seen;
  for (const Evidence& e : all_evidence()) { seen.insert(judge(e)); }
  EXPECT_EQ(seen.size(), std::size(Names<Verdict>::list));
}
}  // namespace
}  // namespace anabranch::mptcp
