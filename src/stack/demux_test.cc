#include "stack/demux.hh"

#include <gtest/gtest.h>
#include <map>

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

/// Against a map: however tuples come and go, none is lost and none is found that is not there.
TEST(Demux, IsATableWhateverComesAndGoes) {
  Generator random{7};
  Demux demux{random};
  std::map<Addresses, std::uint32_t> model;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const Addresses a =
        tuple(static_cast<std::uint16_t>(random.below(4)), static_cast<std::uint16_t>(random.below(60)));
    if (random.below(2) == 0) {
      EXPECT_EQ(demux.insert(a, {i, 1, {0}}), model.emplace(a, i).second);
    } else {
      demux.erase(a);
      model.erase(a);
    }
    ASSERT_EQ(demux.size(), model.size());
    if (i % 100 != 0) { continue; }
    for (std::uint16_t local = 0; local < 4; ++local) {
      for (std::uint16_t remote = 0; remote < 60; ++remote) {
        const auto it = model.find(tuple(local, remote));
        const Place* found = demux.find(tuple(local, remote));
        ASSERT_EQ(found != nullptr, it != model.end());
        if (found != nullptr) { ASSERT_EQ(found->index, it->second); }
      }
    }
  }
}
}  // namespace
}  // namespace anabranch::stack
