#include "stack/version_memory.hh"

#include <gtest/gtest.h>

namespace anabranch::stack {
namespace {

constexpr SocketAddress kServer{Address::v4(10, 0, 0, 1), 80}, kOther{Address::v4(10, 0, 0, 1), 81};
constexpr Instant kStart{5'000'000'000};
constexpr auto v0 = wire::Version::v0, v1 = wire::Version::v1;

TEST(VersionMemory, OffersVersion1ToStrangers) { EXPECT_EQ(v1, VersionMemory{}.offer(kServer, kStart)); }

TEST(VersionMemory, OffersVersion0WhereVersion1WasRefused) {
  VersionMemory memory;
  memory.note(kServer, v1, false, kStart);
  EXPECT_EQ(v0, memory.offer(kServer, kStart + 1_s));
  EXPECT_EQ(v1, memory.offer(kOther, kStart + 1_s));
}

TEST(VersionMemory, KeepsToVersion0ForAnHourAndNoLonger) {
  VersionMemory memory;
  memory.note(kServer, v1, false, kStart);
  memory.note(kServer, v0, true, kStart + 1_s);
  EXPECT_EQ(v0, memory.offer(kServer, kStart + VersionMemory::kKept - Duration{1}));
  EXPECT_EQ(v1, memory.offer(kServer, kStart + VersionMemory::kKept));
}

TEST(VersionMemory, StartsAgainWhereNeitherIsTaken) {
  VersionMemory memory;
  memory.note(kServer, v1, false, kStart);
  memory.note(kServer, v0, false, kStart + 1_s);
  EXPECT_EQ(v1, memory.offer(kServer, kStart + 2_s));
  EXPECT_EQ(0u, memory.size());
}

TEST(VersionMemory, ForgetsWhenVersion1IsTaken) {
  VersionMemory memory;
  memory.note(kServer, v1, false, kStart);
  memory.note(kServer, v1, true, kStart + 1_s);
  EXPECT_EQ(v1, memory.offer(kServer, kStart + 2_s));
}

TEST(VersionMemory, HoldsSoManyAndGivesUpTheOldest) {
  VersionMemory memory;
  const auto nth = [](std::size_t i) { return SocketAddress{kServer.address, static_cast<std::uint16_t>(i)}; };
  for (std::size_t i = 0; i <= VersionMemory::kMost; ++i) {
    memory.note(nth(i), v1, false, kStart + Duration{static_cast<std::int64_t>(i)});
  }
  EXPECT_EQ(VersionMemory::kMost, memory.size());
  EXPECT_EQ(v1, memory.offer(nth(0), kStart + 1_s));
  EXPECT_EQ(v0, memory.offer(nth(1), kStart + 1_s));
  EXPECT_EQ(v0, memory.offer(nth(VersionMemory::kMost), kStart + 1_s));
}
}  // namespace
}  // namespace anabranch::stack
