#include "stack/demux.hh"

#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {

Addresses tuple(std::uint16_t local, std::uint16_t remote) {
  return {{Address::v4(10, 0, 0, 1), local}, {Address::v4(10, 0, 0, 2), remote}};
}

TEST(Demux, FindsAPlaceByAll4PartsOfItsAddresses) {
  Generator random{1};
  Demux demux{random};
  EXPECT_TRUE(demux.insert(tuple(80, 5000), {3, 1, {2}}));
  ASSERT_NE(demux.find(tuple(80, 5000)), nullptr);
  EXPECT_EQ(demux.find(tuple(80, 5000))->index, 3u);
  EXPECT_EQ(demux.find(tuple(80, 5000))->subflow, mptcp::SubflowId{2});
  EXPECT_EQ(demux.find(tuple(80, 5001)), nullptr);
  EXPECT_EQ(demux.find(tuple(81, 5000)), nullptr);
  EXPECT_EQ(demux.find({tuple(80, 5000).remote, tuple(80, 5000).local}), nullptr);
}

TEST(Demux, DoesNotGiveOneTupleTwice) {
  Generator random{1};
  Demux demux{random};
  EXPECT_TRUE(demux.insert(tuple(80, 5000), {1, 1, {0}}));
  EXPECT_FALSE(demux.insert(tuple(80, 5000), {2, 1, {0}}));
  EXPECT_EQ(demux.find(tuple(80, 5000))->index, 1u);
  demux.erase(tuple(80, 5000));
  EXPECT_FALSE(demux.contains(tuple(80, 5000)));
  EXPECT_TRUE(demux.insert(tuple(80, 5000), {2, 1, {0}}));
  EXPECT_EQ(demux.size(), 1u);
}
}  // namespace
}  // namespace anabranch::stack
