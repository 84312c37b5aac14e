// Memory for all connections of a stack: never more than its cap, and nobody starves.
#include "sim/world.hh"

#include <algorithm>
#include <gtest/gtest.h>

namespace anabranch::sim {
namespace {

/// Eight connections at a time over two lossy paths, each of which would like megabytes.
struct Crowd {
  explicit Crowd(std::uint64_t seed, Bytes memory) : world{seed}, cap{memory} {
    world.link(phone, server, {.rate = 40_Mbps, .delay = 10_ms, .queue = 64_KiB, .loss = 0.01});
    world.link(phone, server, {.rate = 20_Mbps, .delay = 60_ms, .queue = 256_KiB, .loss = 0.01});
    for (int i = 0; i < 8; ++i) {
      TransferOptions options{.back = 256_KiB, .start = 1_us * i};
      options.server_manners.read_every = i % 2 == 0 ? 50_ms : Duration{};  // somebody reads late
      transfers.push_back(&world.transfer(phone, server, 1_MiB, options));
    }
  }
  testing::AssertionResult completes() {
    const auto all = [this] { return std::ranges::all_of(transfers, [](const Transfer* t) { return t->complete(); }); };
    if (!world.run_until(all, 600_s)) { return testing::AssertionFailure() << world.replay(); }
    return testing::AssertionSuccess();
  }
  World world;
  Bytes cap;
  Host& phone = world.host("phone", {.limits = {.memory = cap}});
  Host& server = world.host("server", {.limits = {.memory = cap}});
  std::vector<Transfer*> transfers;
};

class MemoryOf : public testing::TestWithParam<std::uint64_t> {};

TEST_P(MemoryOf, TheTotalStaysBelowTheCapAndAllTransfersComplete) {
  for (const Bytes cap : {160_KiB, 400_KiB, 2_MiB}) {
    Crowd crowd{GetParam(), cap};
    ASSERT_TRUE(crowd.completes()) << cap.n;
    const Host& server = crowd.server;
    EXPECT_LE(server.stack().memory_highest(), cap);
    EXPECT_LE(crowd.phone.stack().memory_highest(), cap);
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, MemoryOf, testing::Range<std::uint64_t>(1, 9));

TEST(Memory, WhereItIsShortBuffersStopGrowingAndWhatComesOutOfOrderIsDropped) {
  Crowd crowd{1, 160_KiB};
  ASSERT_TRUE(crowd.completes());
  const auto& at_server = crowd.server.stack().counters();
  const auto& at_phone = crowd.phone.stack().counters();
  EXPECT_GT(at_phone[stack::Counter::memory_growth_refused], 0u);
  EXPECT_GT(at_server[stack::Counter::memory_dropped], 0u);
}

TEST(Memory, ReturnsWhenConnectionsAreGone) {
  Crowd crowd{1, 2_MiB};
  ASSERT_TRUE(crowd.completes());
  ASSERT_TRUE(crowd.world.run_for(200_s)) << crowd.world.replay();  // TIME-WAIT
  EXPECT_EQ(crowd.phone.stack().connection_count(), 0u);
  EXPECT_EQ(crowd.phone.stack().memory_used(), 0_B);
  EXPECT_EQ(crowd.server.stack().memory_used(), 0_B);
}

TEST(Memory, AConnectionForWhichNothingIsLeftIsRefused) {
  Crowd crowd{1, 48_KiB};
  (void)crowd.world.run_for(30_ms);
  EXPECT_EQ(crowd.phone.stack().connection_count(), 3u);
  EXPECT_GT(crowd.phone.stack().counters()[stack::Counter::memory_refused_connections], 0u);
}
}  // namespace
}  // namespace anabranch::sim
