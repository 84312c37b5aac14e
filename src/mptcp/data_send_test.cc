#include "mptcp/data_send.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <set>

namespace anabranch::mptcp {
namespace {

using stream::AckKind;
constexpr SubflowId kFirst{0}, kSecond{1};

class DataSendTest : public testing::Test {
 protected:
  Bytes write(std::size_t n) { return send.write(std::vector<std::uint8_t>(n, 'x')); }
  SlabPool pool;
  DataSend send{pool, 1000_B};
};

TEST_F(DataSendTest, TakesWhatFitsTheBufferUntilItIsDataAcked) {  // [8684-3.3.2-04 8684-3.3.6-03]
  EXPECT_EQ(write(700), 700_B);
  EXPECT_EQ(write(700), 300_B);
  EXPECT_EQ(write(1), 0_B);
  send.raise_limit({2000});
  (void)send.take_fresh(500_B);
  EXPECT_EQ(send.room(), 0_B);
  EXPECT_EQ(send.on_data_ack({401}), AckKind::advanced);
  EXPECT_EQ(send.room(), 400_B);
}
TEST_F(DataSendTest, SendsNoFurtherThanThePeersEdgeWhichNeverMovesBack) {  // [8684-3.3.5-01]
  write(1000);
  EXPECT_EQ(send.sendable(), 0_B);
  EXPECT_TRUE(send.window_closed());
  EXPECT_TRUE(send.raise_limit({301}));
  EXPECT_FALSE(send.raise_limit({201}));
  EXPECT_EQ(send.limit(), DataPos{301});
  EXPECT_EQ(send.take_fresh(1000_B).bytes.size(), 300_B);
  EXPECT_EQ(send.sendable(), 0_B);
}
TEST_F(DataSendTest, AnAckOfTheUnsentMeansNothing) {
  write(100);
  send.raise_limit({2000});
  (void)send.take_fresh(50_B);
  EXPECT_EQ(send.on_data_ack({52}), AckKind::unsent);
  EXPECT_EQ(send.una(), DataPos{1});
  EXPECT_EQ(send.on_data_ack({51}), AckKind::advanced);
  EXPECT_EQ(send.on_data_ack({51}), AckKind::repeated);
  EXPECT_EQ(send.on_data_ack({20}), AckKind::old);
}
TEST_F(DataSendTest, WhatIsQueuedAgainIsOldestFirstAndOnlyOnce) {
  write(300);
  send.raise_limit({2000});
  (void)send.take_fresh(300_B);
  EXPECT_EQ(send.reinject({101}, {201}, kFirst), 100_B);
  EXPECT_EQ(send.reinject({51}, {251}, kSecond), 100_B);  // the hundred in the middle waits already
  EXPECT_EQ(send.next_again()->begin, DataPos{51});
  EXPECT_EQ(send.take_again(1000_B).bytes.size(), 50_B);
  EXPECT_EQ(send.next_again()->from, kFirst);
  EXPECT_EQ(send.take_again(30_B).at, DataPos{101});
  EXPECT_EQ(send.take_again(1000_B).at, DataPos{131});
  EXPECT_EQ(send.take_again(1000_B).at, DataPos{201});
  EXPECT_EQ(send.next_again(), nullptr);
}
TEST_F(DataSendTest, OnlyWhatIsSentAndNotDataAckedIsQueuedAgain) {
  write(300);
  send.raise_limit({2000});
  (void)send.take_fresh(200_B);
  send.on_data_ack({51});
  EXPECT_EQ(send.reinject({1}, {500}, kFirst), 150_B);
  send.on_data_ack({101});
  EXPECT_EQ(send.next_again()->begin, DataPos{101});
  send.on_data_ack({201});
  EXPECT_EQ(send.next_again(), nullptr);
}
TEST_F(DataSendTest, ADataFinTakesThePositionAfterTheLastByte) {
  write(10);
  send.raise_limit({2000});
  (void)send.take_fresh(10_B);
  send.fin_sent();
  EXPECT_EQ(send.next(), DataPos{12});
  EXPECT_EQ(send.reinject({1}, {12}, kFirst), 10_B);  // it is not a byte
  send.on_data_ack({11});
  EXPECT_FALSE(send.fin_acknowledged());
  send.on_data_ack({12});
  EXPECT_TRUE(send.fin_acknowledged());
  EXPECT_EQ(send.outstanding(), 0_B);
}

TEST_F(DataSendTest, SharesWhatItIsGivenAsAChain) {
  const Chain block = Packer{pool}.copy(std::vector<std::uint8_t>(600, 'y'));
  EXPECT_EQ(send.write(block), 600_B);
  EXPECT_EQ(send.write(block), 400_B);  // what fits
  send.raise_limit({2000});
  const auto piece = send.take_fresh(700_B);
  EXPECT_EQ(piece.bytes.slices().front().bytes().data(), block.slices().front().bytes().data());
  EXPECT_EQ(piece.bytes.to_vector(), std::vector<std::uint8_t>(700, 'y'));
  EXPECT_TRUE(send.is_consistent());
}

RC_GTEST_PROP(DataSend, BehavesAsAListOfBytesWithThreeMarks, ()) {
  SlabPool pool;
  constexpr std::uint64_t kBuffer = 200;
  DataSend send{pool, {kBuffer}};
  const auto byte_at = [](std::uint64_t p) { return static_cast<std::uint8_t>(p * 73); };
  std::uint64_t una = 1, next = 1, end = 1, limit = 1;
  std::set<std::uint64_t> again;
  const auto same_bytes = [&](const DataSend::Piece& piece) {
    const auto v = piece.bytes.to_vector();
    for (std::size_t i = 0; i < v.size(); ++i) { RC_ASSERT(v[i] == byte_at(piece.at.n + i)); }
  };
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
    const auto n = *rc::gen::inRange<std::uint64_t>(1, 90);
    switch (*rc::gen::inRange(0, 6)) {
      case 0: {
        std::vector<std::uint8_t> bytes(n);
        for (std::uint64_t k = 0; k < n; ++k) { bytes[k] = byte_at(end + k); }
        const std::uint64_t fits = std::min(n, kBuffer - (end - una));
        RC_ASSERT(send.write(bytes).n == fits);
        end += fits;
        break;
      }
      case 1: {
        const auto piece = send.take_fresh({n});
        RC_ASSERT(piece.at.n == next);
        RC_ASSERT(piece.bytes.size().n == std::min({n, end - next, limit > next ? limit - next : 0}));
        same_bytes(piece);
        next += piece.bytes.size().n;
        break;
      }
      case 2:
        send.raise_limit({una + n});
        limit = std::max(limit, una + n);
        break;
      case 3: {
        const std::uint64_t ack = *rc::gen::inRange<std::uint64_t>(una > 5 ? una - 5 : 1, next + 3);
        send.on_data_ack({ack});
        if (ack <= next) { una = std::max(una, ack); }
        again.erase(again.begin(), again.lower_bound(una));
        break;
      }
      case 4: {
        const auto begin = *rc::gen::inRange<std::uint64_t>(1, end + 1);
        std::uint64_t fresh = 0;
        for (std::uint64_t p = std::max(begin, una); p < std::min(begin + n, next); ++p) {
          fresh += again.insert(p).second ? 1 : 0;
        }
        RC_ASSERT(send.reinject({begin}, {begin + n}, kFirst).n == fresh);
        break;
      }
      default: {
        RC_ASSERT((send.next_again() == nullptr) == again.empty());
        if (again.empty()) { break; }
        const auto piece = send.take_again({n});
        RC_ASSERT(piece.at.n == *again.begin());
        RC_ASSERT(!piece.bytes.empty());
        same_bytes(piece);
        for (std::uint64_t k = 0; k < piece.bytes.size().n; ++k) { RC_ASSERT(again.erase(piece.at.n + k) == 1u); }
        break;
      }
    }
    RC_ASSERT(send.una().n == una);
    RC_ASSERT(send.next().n == next);
    RC_ASSERT(send.end().n == end);
    RC_ASSERT(send.limit().n == limit);
    RC_ASSERT(send.is_consistent());
  }
}
}  // namespace
}  // namespace anabranch::mptcp
