#include "mptcp/mapping_tx.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp {
namespace {

class MappingTxTest : public testing::Test {
 protected:
  Chain bytes(std::size_t n) { return packer.copy(std::vector<std::uint8_t>(n, static_cast<std::uint8_t>(next++))); }
  SlabPool pool;
  Packer packer{pool};
  int next = 1;
  MappingTx tx;
};

TEST_F(MappingTxTest, MappingsStandOneBehindTheOther) {
  EXPECT_EQ(tx.end(), SubPos{1});
  EXPECT_EQ(tx.bind({501}, bytes(100), {}).sub, SubPos{1});
  EXPECT_EQ(tx.bind({1}, bytes(50), 7).sub, SubPos{101});
  EXPECT_EQ(tx.end(), SubPos{151});
  EXPECT_EQ(tx.at({100})->data, DataPos{501});
  EXPECT_EQ(tx.at({101})->data, DataPos{1});
  EXPECT_EQ(tx.at({101})->checksum, 7);
  EXPECT_EQ(tx.at({151}), nullptr);
  EXPECT_EQ(tx.at({0}), nullptr);
}
TEST_F(MappingTxTest, BytesEndWithTheirMapping) {
  tx.bind({1}, bytes(100), {});
  tx.bind({101}, bytes(100), {});
  EXPECT_EQ(tx.bytes({91}, 50_B).size(), 10_B);
  EXPECT_EQ(tx.bytes({91}, 5_B).size(), 5_B);
  EXPECT_EQ(tx.bytes({101}, 1_B).to_vector().front(), 2);
}
TEST_F(MappingTxTest, AMappingStaysWholeUntilItsLastByteIsAcknowledged) {  // [8684-3.3.1-01 8684-3.3.2-04]
  tx.bind({1}, bytes(100), {});
  tx.acknowledged({100});
  ASSERT_NE(tx.at({1}), nullptr);
  EXPECT_EQ(tx.at({100})->length(), 100u);
  tx.acknowledged({101});
  EXPECT_TRUE(tx.empty());
  EXPECT_EQ(tx.end(), SubPos{101});
}

RC_GTEST_PROP(MappingTx, EveryBoundByteIsFoundUntilItIsAcknowledged, ()) {
  SlabPool pool;
  Packer packer{pool};
  MappingTx tx;
  std::vector<std::pair<std::uint64_t, std::uint8_t>> model(1);  // by subflow position: data position and byte
  std::uint64_t acknowledged = 1;
  for (int i = *rc::gen::inRange(1, 30); i > 0; --i) {
    if (*rc::gen::inRange(0, 3) != 0) {
      const auto length = *rc::gen::inRange<std::size_t>(1, 40);
      const auto data = *rc::gen::inRange<std::uint64_t>(1, 10'000);
      std::vector<std::uint8_t> bytes(length);
      for (std::size_t k = 0; k < length; ++k) {
        bytes[k] = static_cast<std::uint8_t>(model.size() * 7);
        model.emplace_back(data + k, bytes[k]);
      }
      tx.bind({data}, packer.copy(bytes), {});
    } else {
      acknowledged = *rc::gen::inRange<std::uint64_t>(acknowledged, model.size() + 1);
      tx.acknowledged({acknowledged});
    }
    RC_ASSERT(tx.end().n == model.size());
    for (std::uint64_t p = acknowledged; p < model.size(); ++p) {
      const TxMapping* m = tx.at({p});
      RC_ASSERT(m != nullptr);
      RC_ASSERT((m->data + (SubPos{p} - m->sub)).n == model[p].first);
      RC_ASSERT(tx.bytes({p}, 1_B).to_vector().front() == model[p].second);
    }
  }
}
}  // namespace
}  // namespace anabranch::mptcp
