#include "stack/syn_cookies.hh"

#include "stack/join_table.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::stack {
namespace {

constexpr Instant kNow{1'000'000'000'000};

struct Bench {
  Generator random{1};
  SynCookies cookies{random};
  mptcp::Config config;
  mptcp::Way way{
      .addresses = {{Address::v4(10, 1, 0, 1), 80}, {Address::v4(10, 1, 0, 2), 5000}}, .interface = {1}, .isn = {}};

  static Segment syn() {
    Segment out;
    out.seq = {0xfffffff0u};
    out.flags.syn = true;
    out.tcp = {
        .mss = 1460, .window_scale = 7, .sack_permitted = true, .timestamps = wire::Timestamps{100, 0}, .sack = {}};
    out.mptcp.push_back(wire::CapableSyn{});
    return out;
  }
  static Segment third(const Segment& syn, const Segment& syn_ack) {
    Segment out;
    out.seq = {syn.seq.raw + 1};
    out.ack = {syn_ack.seq.raw + 1};
    out.flags.ack = true;
    if (syn_ack.tcp.timestamps) { out.tcp.timestamps = wire::Timestamps{110, syn_ack.tcp.timestamps->value}; }
    if (const auto* o = wire::find<wire::CapableKey>(syn_ack.mptcp)) {
      out.mptcp.push_back(wire::CapableAck{{}, {1234}, o->sender});
    }
    return out;
  }
  SynCookies::Recall recall(const Segment& third, Instant now = kNow) {
    return cookies.recall(way.addresses, third, config, now);
  }
};

// RFC 4987 §3.6 with RFC 7323: with timestamps nothing of the SYN is lost but the exact MSS.
RC_GTEST_PROP(SynCookies, RecallTheSynAsFarAsItWasAnswered,
              (std::uint8_t scale, bool scales, bool sack, bool stamps, bool ecn, bool capable, std::uint32_t isn,
               std::uint16_t later_ms)) {
  Bench bench;
  Segment syn = Bench::syn();
  syn.seq = {isn};
  syn.tcp.window_scale = scales ? std::optional<std::uint8_t>{static_cast<std::uint8_t>(scale % 15)} : std::nullopt;
  syn.tcp.sack_permitted = sack;
  syn.flags.ece = syn.flags.cwr = ecn;
  if (!stamps) { syn.tcp.timestamps.reset(); }
  if (!capable) { syn.mptcp.clear(); }
  const Segment answer = bench.cookies.answer(syn, bench.config, bench.way, kNow);
  RC_ASSERT(answer.ack.raw == isn + 1);
  RC_ASSERT(answer.tcp.timestamps.has_value() == stamps);
  RC_ASSERT(answer.tcp.window_scale.has_value() == (stamps && scales));
  RC_ASSERT(answer.tcp.sack_permitted == (stamps && sack));
  RC_ASSERT(answer.flags.ece == (stamps && ecn) && !answer.flags.cwr);

  const auto recall = bench.recall(Bench::third(syn, answer), kNow + Duration{later_ms * std::int64_t{1'000'000}});
  const auto* r = std::get_if<SynCookies::Recalled>(&recall);
  RC_ASSERT(r != nullptr);
  RC_ASSERT(r->isn == answer.seq);
  RC_ASSERT(r->syn.seq == syn.seq);
  RC_ASSERT(r->syn.tcp.mss == syn.tcp.mss);
  RC_ASSERT(r->syn.tcp.window_scale == (stamps ? syn.tcp.window_scale : std::nullopt));
  RC_ASSERT(r->syn.tcp.sack_permitted == (stamps && sack));
  RC_ASSERT(r->syn.flags.ece == (stamps && ecn) && r->syn.flags.cwr == (stamps && ecn));
  RC_ASSERT(r->syn.mptcp.empty() == !capable);
  if (capable) { RC_ASSERT(wire::find<wire::CapableKey>(answer.mptcp)->sender == r->key); }
}

TEST(SynCookies, ATimestampThatWasNeverSentIsAStrangers) {
  Bench bench;
  Segment third = Bench::third(Bench::syn(), bench.cookies.answer(Bench::syn(), bench.config, bench.way, kNow));
  third.tcp.timestamps->echo += 1000;  // from the future
  EXPECT_TRUE(std::holds_alternative<SynCookies::Stranger>(bench.recall(third)));
  third.tcp.timestamps->echo -= 1000 + 200'000;  // older than any cookie
  EXPECT_TRUE(std::holds_alternative<SynCookies::Stranger>(bench.recall(third)));
}

TEST(SynCookies, WaitOnlyAsLongAsACookieLives) {
  Bench bench;
  EXPECT_FALSE(bench.cookies.waiting(kNow));
  (void)bench.cookies.answer(Bench::syn(), bench.config, bench.way, kNow);
  EXPECT_TRUE(bench.cookies.waiting(kNow + crypto::SynCookie::kLife));
  EXPECT_FALSE(bench.cookies.waiting(kNow + crypto::SynCookie::kLife + Duration{1}));
}

// --- joins

Segment join_syn(std::uint32_t token, std::uint32_t nonce) {
  Segment out = Bench::syn();
  out.mptcp.clear();
  out.mptcp.push_back(wire::JoinSyn{false, {1}, {token}, nonce});
  return out;
}
Addresses from(std::uint32_t host) {
  const auto byte = [&](unsigned i) { return static_cast<std::uint8_t>(host >> 8 * i); };
  return {{Address::v4(10, 1, 0, 1), 80}, {Address::v4(10, byte(2), byte(1), byte(0)), 5000}};
}
Segment third_of(const PendingJoin& join) {
  Segment out;
  out.seq = {join.peer_isn.raw + 1};
  out.ack = {join.our_isn.raw + 1};
  out.flags.ack = true;
  return out;
}

TEST(JoinTable, FindsAJoinByItsThirdSegmentUntilItIsErasedOrOld) {
  Generator random{1};
  JoinTable table{64, random};
  const auto join = PendingJoin::of(from(1), join_syn(5, 6), {99}, 7, kNow);
  table.put(join);
  ASSERT_TRUE(table.find(from(1), third_of(join), kNow + JoinTable::kLife));
  EXPECT_EQ(table.find(from(1), third_of(join), kNow)->syn({}).tcp.mss, 1460);
  EXPECT_FALSE(table.find(from(1), third_of(join), kNow + JoinTable::kLife + Duration{1}));
  EXPECT_FALSE(table.find(from(2), third_of(join), kNow));
  Segment other = third_of(join);
  other.ack.raw += 1;
  EXPECT_FALSE(table.find(from(1), other, kNow));
  EXPECT_TRUE(table.repeated(from(1), join_syn(5, 6)));
  EXPECT_FALSE(table.repeated(from(1), join_syn(5, 7)));
  table.erase(from(1));
  EXPECT_FALSE(table.find(from(1), third_of(join), kNow));
  EXPECT_EQ(table.size(), 0u);
}

// RFC 7430 §4: half-open joins must not cost unbounded memory, nor let one connection's flood reach another's joins.
TEST(JoinTable, AFloodForOneTokenStaysBoundedAndDrivesOutNobodyElse) {
  Generator random{1};
  JoinTable table{1024, random};
  const auto honest = PendingJoin::of(from(1), join_syn(5, 6), {99}, 7, kNow);
  table.put(honest);
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    table.put(PendingJoin::of(from(1000 + i), join_syn(1, i), {i}, i, kNow + Duration{i}));
    ASSERT_LE(table.size(), 1 + JoinTable::kPlaces);
  }
  EXPECT_TRUE(table.find(from(1), third_of(honest), kNow));
  EXPECT_EQ(table.most(), 1024u);
}

TEST(JoinTable, AFloodForManyTokensFillsItAndNoMore) {
  Generator random{1};
  JoinTable table{1024, random};
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    table.put(PendingJoin::of(from(1000 + i), join_syn(i, i), {i}, i, kNow + Duration{i}));
  }
  EXPECT_EQ(table.size(), 1024u);
}
}  // namespace
}  // namespace anabranch::stack
