#include "mptcp/data_receive.hh"

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp {
namespace {

std::uint8_t byte_at(std::uint64_t p) { return static_cast<std::uint8_t>(p * 73); }
constexpr Instant kNow{1'000'000'000};

class DataReceiveTest : public testing::Test {
 protected:
  DataReceiveTest() { (void)receive.window(); }
  void insert(std::uint64_t at, std::uint64_t n) {
    std::vector<std::uint8_t> bytes(n);
    for (std::uint64_t i = 0; i < n; ++i) { bytes[i] = byte_at(at + i); }
    receive.insert({at}, packer.copy(bytes));
  }
  SlabPool pool;
  Packer packer{pool};
  DataReceive receive{{.initial = 4000_B, .cap = 4000_B}};
};

TEST_F(DataReceiveTest, OffersTheBufferAndKeepsItsWord) {  // [8684-3.3.4-02]
  EXPECT_EQ(receive.window(), 4000_B);
  EXPECT_EQ(receive.edge(), DataPos{4001});
  insert(1, 1000);
  EXPECT_EQ(receive.window(), 3000_B);
  EXPECT_EQ(receive.edge(), DataPos{4001});
  (void)receive.read(1000_B, kNow, {});
  EXPECT_EQ(receive.window(), 4000_B);
  EXPECT_EQ(receive.edge(), DataPos{5001});
}
TEST_F(DataReceiveTest, CountsDataBeyondTheEdgeAndForgivesASmallStep) {
  insert(1, 4000);
  EXPECT_EQ(receive.window(), 0_B);
  insert(4001, 100);
  EXPECT_EQ(receive.beyond_window(), 100u);
  EXPECT_EQ(receive.next(), DataPos{4101});
  EXPECT_EQ(receive.window(), 0_B);
}
TEST_F(DataReceiveTest, APeerThatIgnoresTheWindowFillsTwoBuffersAtMost) {  // [8684-3.8-02]
  for (int i = 0; i < 100; ++i) { insert(receive.next().n, 1000); }
  EXPECT_EQ(receive.readable(), 8000_B);
  insert(receive.next().n + 1, 1000);
  EXPECT_EQ(receive.held(), 0_B);
  (void)receive.read(8000_B, kNow, {});
  insert(receive.next().n, 1000);
  EXPECT_EQ(receive.readable(), 1000_B);
}
TEST_F(DataReceiveTest, PutsDataInOrderAndCountsWhatComesTwice) {
  insert(101, 100);
  EXPECT_EQ(receive.readable(), 0_B);
  EXPECT_EQ(receive.held(), 100_B);
  insert(51, 100);
  insert(1, 50);
  EXPECT_EQ(receive.readable(), 200_B);
  EXPECT_EQ(receive.received(), 200u);
  EXPECT_EQ(receive.duplicates(), 50u);
}
TEST_F(DataReceiveTest, ADataFinTakesOnePositionOnceAllDataIsHere) {
  insert(11, 10);
  EXPECT_TRUE(receive.fin_at({21}));
  EXPECT_FALSE(receive.finished());
  insert(1, 10);
  EXPECT_TRUE(receive.finished());
  EXPECT_EQ(receive.next(), DataPos{22});
  EXPECT_EQ(receive.readable(), 20_B);
}
TEST_F(DataReceiveTest, ADataFinMayComeAgainButNotElsewhere) {
  insert(1, 20);
  EXPECT_FALSE(receive.fin_at({11}));  // data beyond it is here
  EXPECT_FALSE(receive.finished());
  EXPECT_TRUE(receive.fin_at({21}));
  EXPECT_TRUE(receive.fin_at({21}));
  EXPECT_FALSE(receive.fin_at({31}));
  insert(21, 100);  // nothing follows a DATA_FIN
  EXPECT_EQ(receive.readable(), 20_B);
  EXPECT_EQ(receive.next(), DataPos{22});
}
TEST_F(DataReceiveTest, AWindowUpdateIsWorthASegmentWhenTheOfferDoublesOrMore) {  // [9293-MUST-39]
  insert(1, 4000);
  EXPECT_EQ(receive.window(), 0_B);
  EXPECT_FALSE(receive.window_update_due(1000_B));
  (void)receive.read(500_B, kNow, {});
  EXPECT_FALSE(receive.window_update_due(1000_B));
  (void)receive.read(1500_B, kNow, {});
  EXPECT_TRUE(receive.window_update_due(1000_B));
}

RC_GTEST_PROP(DataReceive, BehavesAsAMapOfBytes, ()) {
  SlabPool pool;
  Packer packer{pool};
  DataReceive receive{{.initial = 2000_B, .cap = 2000_B}};
  std::map<std::uint64_t, std::uint8_t> model;  // what was taken, by position
  std::uint64_t next = 1, read = 1, edge = 1 + receive.window().n;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
    const auto n = *rc::gen::inRange<std::uint64_t>(1, 900);
    if (*rc::gen::inRange(0, 4) != 0) {
      const auto at = *rc::gen::inRange<std::uint64_t>(next > 300 ? next - 300 : 1, next + 2500);
      std::vector<std::uint8_t> bytes(n);
      const std::uint64_t limit = next + std::min<std::uint64_t>(2000, 4000 - (next - read));
      for (std::uint64_t k = 0; k < n; ++k) {
        bytes[k] = byte_at(at + k);
        if (at + k < limit) { model.emplace(at + k, bytes[k]); }
      }
      receive.insert({at}, packer.copy(bytes));
      while (model.contains(next)) { ++next; }
    } else {
      const auto v = receive.read({n}, kNow, {}).to_vector();
      RC_ASSERT(v.size() == std::min(n, next - read));
      for (const std::uint8_t b : v) { RC_ASSERT(b == byte_at(read++)); }
    }
    RC_ASSERT(receive.next().n == next);
    RC_ASSERT(receive.readable().n == next - read);
    const std::uint64_t offered = next + receive.window().n;
    RC_ASSERT(offered >= edge);                         // never back
    RC_ASSERT(offered <= std::max(read + 2000, next));  // never more than there is room for
    edge = offered;
    RC_ASSERT(receive.is_consistent());
  }
}
}  // namespace
}  // namespace anabranch::mptcp
