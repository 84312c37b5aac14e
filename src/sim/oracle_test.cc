#include "sim/oracle.hh"

#include "crypto/keys.hh"
#include "packet/assemble.hh"

#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

constexpr SocketAddress kClient{Address::v4(10, 1, 0, 1), 50000}, kServer{Address::v4(10, 1, 0, 2), 1000};
constexpr SocketAddress kClient2{Address::v4(10, 2, 0, 1), 50001};
constexpr wire::Key kClientKey{0x1111}, kServerKey{0x2222};

/// Two imaginary stacks that say whatever a test wants them to.
class OracleTest : public testing::Test {
 protected:
  OracleTest() { oracle.expect(1000, {up, 10'000}, {down, 10'000}); }

  static Segment ack(std::uint32_t seq, std::uint32_t acked, std::uint16_t window = 500) {
    Segment segment;
    segment.flags.ack = true;
    segment.seq = {seq};
    segment.ack = {acked};
    segment.window = window;
    return segment;
  }
  Segment data(std::uint32_t seq, std::uint64_t offset, std::size_t length) {
    Segment segment = ack(seq, 8001);
    std::vector<std::uint8_t> bytes(length);
    up.fill(offset, bytes);
    segment.payload = Packer{pool}.copy(bytes);
    return segment;
  }
  static wire::Dss data_ack(std::uint64_t position) {
    return {wire::DataSeqForm{crypto::idsn_of(kClientKey).raw + position, true}, {}, false};
  }
  static wire::Dss map(std::uint64_t position, std::uint32_t sub, std::uint16_t length, bool fin = false) {
    wire::Mapping mapping{{crypto::idsn_of(kClientKey).raw + position, true}, sub, length, {}};
    return {.ack = {}, .map = mapping, .data_fin = fin};
  }
  Frame frame(const SocketAddress& from, const SocketAddress& to, const Segment& segment) {
    return assemble({from, to}, segment, {}, arena);
  }
  void send(const SocketAddress& from, const SocketAddress& to, const Segment& segment, bool arrives = true) {
    const Frame made = frame(from, to, segment);
    oracle.sent(made);
    if (arrives) { oracle.delivered(made); }
  }
  void up_goes(const Segment& segment, bool arrives = true) { send(kClient, kServer, segment, arrives); }
  void down_goes(const Segment& segment, bool arrives = true) { send(kServer, kClient, segment, arrives); }

  /// SYN 4000, SYN/ACK 8000, third ACK; scale 4 at the server, 2 at the client.
  void handshake(bool multipath) {
    Segment syn;
    syn.flags.syn = true;
    syn.seq = {4000};
    syn.window = 60000;
    syn.tcp.window_scale = 2;
    if (multipath) { syn.mptcp = {wire::CapableSyn{}}; }
    up_goes(syn);
    Segment syn_ack = syn;
    syn_ack.flags.ack = true;
    syn_ack.seq = {8000};
    syn_ack.ack = {4001};
    syn_ack.tcp.window_scale = 4;
    if (multipath) { syn_ack.mptcp = {wire::CapableKey{{}, kServerKey}}; }
    down_goes(syn_ack);
    Segment third = ack(4001, 8001);
    if (multipath) { third.mptcp = {wire::CapableAck{{}, kClientKey, kServerKey}}; }
    up_goes(third);
  }
  bool complains_about(std::string_view what) {
    return oracle.violation() && oracle.violation()->find(what) != std::string::npos;
  }

  SlabPool pool;
  HeaderArena arena{pool};
  Pattern up{1}, down{2};
  Oracle oracle;
};

TEST_F(OracleTest, PlainTcpThatBehavesIsLeftInPeace) {
  handshake(false);
  up_goes(data(4001, 0, 1000));
  down_goes(ack(8001, 5001));
  up_goes(data(5001, 1000, 500), false);
  up_goes(data(5001, 1000, 500));
  down_goes(ack(8001, 5501));
  EXPECT_EQ(oracle.violation(), std::nullopt);
}

TEST_F(OracleTest, BytesThatWereNotWrittenAreNoticed) {
  handshake(false);
  up_goes(data(4001, 1, 1000));
  EXPECT_TRUE(complains_about("not those written")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, AnAckOfWhatNeverArrivedIsNoticed) {
  handshake(false);
  up_goes(data(4001, 0, 1000), false);
  down_goes(ack(8001, 5001));
  EXPECT_TRUE(complains_about("ACK 1001 of what was delivered up to 1")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, AFinBeforeTheLastByteIsNoticed) {
  handshake(false);
  Segment fin = data(4001, 0, 1000);
  fin.flags.fin = true;
  up_goes(fin);
  EXPECT_TRUE(complains_about("FIN at 1001")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, ARightEdgeThatMovesBackIsNoticedButRoundingIsNot) {
  handshake(false);
  down_goes(ack(8001, 4001, 500));
  up_goes(data(4001, 0, 10));
  down_goes(ack(8001, 4011, 499));  // 10 acknowledged, 16 taken: less than one step of the scale
  EXPECT_EQ(oracle.violation(), std::nullopt);
  down_goes(ack(8001, 4011, 498));
  EXPECT_TRUE(complains_about("right edge moved back")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, DataBeyondThePeersWindowIsNoticed) {
  oracle.expect(1000, {up, 100'000}, {down, 10'000});
  handshake(false);
  for (std::uint32_t at = 0; at < 61000; at += 1000) { up_goes(data(4001 + at, at, 1000), false); }
  EXPECT_TRUE(complains_about("beyond the peer's right edge 60001")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, MappedDataOnTwoSubflowsIsFollowed) {
  handshake(true);
  Segment first = data(4001, 0, 1000);
  first.mptcp = {map(1, 1, 1000)};
  up_goes(first);
  Segment acked = ack(8001, 5001);
  acked.mptcp = {data_ack(1001)};
  down_goes(acked);
  Segment join = ack(100, 0);
  join.flags = {.syn = true};
  join.tcp.window_scale = 4;
  join.mptcp = {wire::JoinSyn{}};
  send(kClient2, kServer, join);
  join.flags.ack = true;
  join.seq = {200};
  join.ack = {101};
  join.mptcp = {wire::JoinSynAck{}};
  send(kServer, kClient2, join);
  Segment second = data(101, 1000, 1000);
  second.ack = {201};
  second.mptcp = {map(1001, 1, 1000)};
  send(kClient2, kServer, second);
  Segment acked2 = ack(201, 1101);
  acked2.mptcp = {data_ack(2001)};
  send(kServer, kClient2, acked2);
  EXPECT_EQ(oracle.violation(), std::nullopt);
  second.seq = {1101};
  second.mptcp.clear();
  send(kClient2, kServer, second);
  EXPECT_TRUE(complains_about("has no mapping")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, ADataAckOfWhatDidNotArriveIsNoticed) {
  handshake(true);
  Segment first = data(4001, 0, 1000);
  first.mptcp = {map(1, 1, 2000)};  // only half of what is mapped
  up_goes(first);
  Segment acked = ack(8001, 5001);
  acked.mptcp = {data_ack(1002)};
  down_goes(acked);
  EXPECT_TRUE(complains_about("DATA_ACK 1002 of what was delivered up to 1001"))
      << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, AMappingThatContradictsAnEarlierOneIsNoticed) {
  handshake(true);
  Segment first = data(4001, 0, 1000);
  first.mptcp = {map(1, 1, 1000)};
  up_goes(first);
  Segment second = data(4501, 1000, 500);
  second.mptcp = {map(1001, 501, 500)};
  up_goes(second);
  EXPECT_TRUE(complains_about("contradicts 1:1+1000")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, ADataFinThatIsNotAtTheEndIsNoticed) {
  handshake(true);
  Segment fin = ack(4001, 8001);
  fin.mptcp = {map(10'001, 0, 1, true)};
  up_goes(fin);
  EXPECT_EQ(oracle.violation(), std::nullopt);
  fin.mptcp = {map(10'000, 0, 1, true)};
  up_goes(fin);
  EXPECT_TRUE(complains_about("DATA_FIN at 10000")) << oracle.violation().value_or("nothing");
}

TEST_F(OracleTest, ADataFinCountsAsOneOnceAllBytesArrived) {
  oracle.expect(1000, {up, 1000}, {down, 0});
  handshake(true);
  Segment last = data(4001, 0, 1000);
  last.mptcp = {map(1, 1, 1001, true)};
  up_goes(last);
  Segment acked = ack(8001, 5001);
  acked.mptcp = {data_ack(1002)};
  down_goes(acked);
  EXPECT_EQ(oracle.violation(), std::nullopt) << *oracle.violation();
}

TEST(Pattern, ItsBytesFitOnlyTheirOwnPlace) {
  const Pattern pattern{3};
  std::vector<std::uint8_t> bytes(200'000);
  pattern.fill(100, bytes);
  EXPECT_TRUE(pattern.matches(100, bytes));
  EXPECT_TRUE(pattern.matches(70'100, std::span{bytes}.subspan(70'000)));
  for (const std::uint64_t shift : {1, 1460, 4096, 65535, 65536}) { EXPECT_FALSE(pattern.matches(100 + shift, bytes)); }
  EXPECT_FALSE(Pattern{4}.matches(100, bytes));
}
}  // namespace
}  // namespace anabranch::sim
