// Explicit congestion notification (RFC 3168): who agrees, what may be marked, how a mark is answered.
#include "solo.hh"

#include <gtest/gtest.h>

namespace anabranch::tcp {
namespace {
using support::Pair;
using wire::Ecn;

Config with(EcnMode mode) {
  Config config = Solo::plain();
  config.ecn = mode;
  return config;
}

TEST(Ecn, IsAgreedOnWhenTheClientAsksAndTheServerAccepts) {  // §6.1.1
  constexpr EcnMode kModes[] = {EcnMode::off, EcnMode::accept, EcnMode::request};
  for (const EcnMode client : kModes) {
    for (const EcnMode server : kModes) {
      Pair::Options options;
      options.client.ecn = client;
      options.server.ecn = server;
      Pair pair{options};
      pair.connect();
      pair.run_for(50_ms);
      const bool agreed = client == EcnMode::request && server != EcnMode::off;
      EXPECT_EQ(agreed, pair.client()->negotiated().ecn) << name(client) << name(server);
      EXPECT_EQ(agreed, pair.server()->negotiated().ecn) << name(client) << name(server);
      const wire::TcpFlags syn = pair.client().left[0].segment.flags, answer = pair.server().left[0].segment.flags;
      EXPECT_EQ(client == EcnMode::request, syn.ece && syn.cwr);
      EXPECT_EQ(agreed, answer.ece);
      EXPECT_FALSE(answer.cwr);
    }
  }
}

TEST(Ecn, ASecondSynDoesNotAsk) {  // §6.1.1.1
  Solo solo{with(EcnMode::request)};
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  const auto first = solo.take();
  ASSERT_EQ(1u, first.size());
  EXPECT_TRUE(first[0].flags.ece && first[0].flags.cwr);
  const auto second = solo.wait(1500_ms);
  ASSERT_EQ(1u, second.size());
  EXPECT_FALSE(second[0].flags.ece || second[0].flags.cwr);
  Segment answer = solo.syn();
  answer.flags.ack = answer.flags.ece = true;
  answer.ack = {Solo::kOurs + 1};
  solo.give(answer);
  EXPECT_EQ(Phase::open, solo.endpoint->phase());
  EXPECT_FALSE(solo.endpoint->negotiated().ecn);
}

TEST(Ecn, APeerThatMirrorsTheFlagsDidNotAgree) {  // §6.1.1
  Solo solo{with(EcnMode::request)};
  solo.endpoint->connect({Solo::kOurs}, solo.now);
  solo.take();
  Segment answer = solo.syn();
  answer.flags.ack = answer.flags.ece = answer.flags.cwr = true;
  answer.ack = {Solo::kOurs + 1};
  solo.give(answer);
  EXPECT_FALSE(solo.endpoint->negotiated().ecn);
}

/// Established, we connected, ECN agreed on.
class Agreed {
 public:
  Agreed() {
    solo.endpoint->connect({Solo::kOurs}, solo.now);
    solo.take();
    solo.now = solo.now + 10_ms;
    Segment answer = solo.syn();
    answer.flags.ack = answer.flags.ece = true;
    answer.ack = {Solo::kOurs + 1};
    solo.give(answer);
    acks = solo.take();
  }
  Segment echo(std::uint64_t ack) {
    Segment s = solo.segment(1, ack);
    s.flags.ece = true;
    return s;
  }
  Solo solo{with(EcnMode::request)};
  std::vector<Segment> acks;
};
constexpr std::uint64_t nth(std::uint64_t n) { return 1 + n * 1460; }

TEST(Ecn, OnlyFreshDataMayBeMarked) {  // §6.1.1, §6.1.4, §6.1.5, §6.1.6
  Agreed a;
  ASSERT_TRUE(a.solo.endpoint->negotiated().ecn);
  EXPECT_EQ(Ecn::not_ect, a.acks.at(0).ecn);
  a.solo.source.write_pattern(5 * 1460, 1);
  for (const Segment& s : a.solo.take()) { EXPECT_EQ(Ecn::ect0, s.ecn); }
  a.solo.now = a.solo.now + 10_ms;
  Segment hole = a.solo.segment(1, 1);
  hole.tcp.sack.push_back(Solo::block(nth(1), nth(5)));
  a.solo.give(hole);
  const auto again = a.solo.take();
  ASSERT_EQ(1u, again.size());
  EXPECT_EQ(Ecn::not_ect, again[0].ecn);
  EXPECT_FALSE(again[0].flags.cwr);
  a.solo.give(a.solo.segment(1, nth(5)));
  a.solo.endpoint->send_probe();
  for (const Segment& s : a.solo.take()) { EXPECT_EQ(Ecn::not_ect, s.ecn); }
  a.solo.endpoint->finish();
  for (const Segment& s : a.solo.take()) { EXPECT_EQ(Ecn::not_ect, s.ecn); }
}

TEST(Ecn, AnEchoReducesTheWindowOnceAndIsAnsweredWithTheNextFreshData) {  // §6.1.2
  Agreed a;
  a.solo.source.write_pattern(60 * 1460, 1);
  a.solo.take();
  a.solo.now = a.solo.now + 10_ms;
  const Bytes before = a.solo.endpoint->info().window;
  a.solo.give(a.echo(nth(2)));
  const Bytes after = a.solo.endpoint->info().window;
  EXPECT_LT(after, before);
  EXPECT_EQ(1u, a.solo.endpoint->info().marks);
  std::vector<Segment> fresh;
  for (std::uint64_t i = 3; i <= 10; ++i) {  // until the last of that window: still the same mark
    a.solo.give(a.echo(nth(i)));
    for (Segment& s : a.solo.take()) { fresh.push_back(std::move(s)); }
  }
  EXPECT_EQ(1u, a.solo.endpoint->info().marks);
  ASSERT_FALSE(fresh.empty());
  EXPECT_TRUE(fresh[0].flags.cwr);
  EXPECT_EQ(1, std::count_if(fresh.begin(), fresh.end(), [](const Segment& s) { return s.flags.cwr; }));
  a.solo.give(a.echo(nth(11)));  // the peer has seen CWR: this is another mark
  EXPECT_EQ(2u, a.solo.endpoint->info().marks);
  EXPECT_EQ(0u, a.solo.endpoint->info().retransmits);
}

TEST(Ecn, AnyReductionIsToldToThePeer) {  // §6.1.2: also after a retransmission
  Agreed a;
  a.solo.source.write_pattern(30 * 1460, 1);
  a.solo.take();
  a.solo.now = a.solo.now + 10_ms;
  Segment hole = a.solo.segment(1, 1);
  hole.tcp.sack.push_back(Solo::block(nth(1), nth(8)));
  a.solo.give(hole);
  auto fresh = a.solo.take();
  a.solo.now = a.solo.now + 10_ms;
  a.solo.give(a.solo.segment(1, nth(10)));
  for (Segment& s : a.solo.take()) { fresh.push_back(std::move(s)); }
  ASSERT_FALSE(fresh.empty());
  EXPECT_EQ(1, std::count_if(fresh.begin(), fresh.end(), [](const Segment& s) { return s.flags.cwr; }));
  EXPECT_FALSE(fresh[0].flags.cwr);  // the retransmission
}

TEST(Ecn, AMarkIsEchoedUntilThePeerHasReduced) {  // §6.1.3
  Agreed a;
  Segment marked = a.solo.segment(1, 1, 1000);
  marked.ecn = Ecn::ce;
  a.solo.give(marked);
  auto out = a.solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_TRUE(out[0].flags.ece);
  a.solo.give(a.solo.segment(1001, 1, 1000));
  out = a.solo.take();
  ASSERT_FALSE(out.empty());
  EXPECT_TRUE(out[0].flags.ece);
  Segment reduced = a.solo.segment(2001, 1, 1000);
  reduced.flags.cwr = true;
  a.solo.give(reduced);
  out = a.solo.take();
  ASSERT_EQ(1u, out.size());
  EXPECT_FALSE(out[0].flags.ece);
}

TEST(Ecn, WithoutAgreementMarksAndEchoesMeanNothing) {
  Solo solo = Solo::open();
  Segment marked = solo.segment(1, 1, 1000);
  marked.ecn = Ecn::ce;
  solo.give(marked);
  for (const Segment& s : solo.wait(100_ms)) { EXPECT_FALSE(s.flags.ece); }
  solo.source.write_pattern(20 * 1460, 1);
  for (const Segment& s : solo.take()) { EXPECT_EQ(Ecn::not_ect, s.ecn); }
  const Bytes before = solo.endpoint->info().window;
  Segment echo = solo.segment(1001, nth(2));
  echo.flags.ece = true;
  solo.give(echo);
  EXPECT_GE(solo.endpoint->info().window, before);
}

TEST(Ecn, ARouterThatMarksInsteadOfDroppingCostsNoRetransmission) {
  Pair::Options options;
  options.client.ecn = EcnMode::request;
  options.client.super_segment = 65'000;
  Pair pair{options};
  pair.client().source.write_pattern(3'000'000, 1);
  std::size_t marks = 0;
  pair.hook = [&](Segment& s, bool forth, std::size_t number) {
    if (forth && number % 50 == 49 && s.ecn == Ecn::ect0) {
      s.ecn = Ecn::ce;
      ++marks;
    }
    return true;
  };
  pair.connect();
  pair.client()->finish();
  ASSERT_TRUE(pair.run_until([&] { return pair.server().sink.finished(); }, 60_s)) << pair.report();
  EXPECT_EQ(pair.client().source.written(), pair.server().sink.got());
  const Info info = pair.client()->info();
  EXPECT_GT(marks, 10u);
  EXPECT_GT(info.marks, 3u);
  EXPECT_LE(info.marks, marks);
  EXPECT_EQ(0u, info.retransmits);
  EXPECT_NE(cc::kNoThreshold, info.threshold);
}
}  // namespace
}  // namespace anabranch::tcp
