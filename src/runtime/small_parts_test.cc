#include "runtime/clock.hh"
#include "runtime/os_random.hh"
#include "runtime/pcapng_file.hh"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

namespace anabranch::runtime {
TEST(Clock, DoesNotGoBackwardsAndKnowsTheYear) {
  const Instant before = monotonic_now();
  EXPECT_LE(before, monotonic_now());
  const std::int64_t since_1970 = (monotonic_now() + wall_clock_at_zero()).ns;
  EXPECT_GT(since_1970, 1'600'000'000'000'000'000);
}
TEST(OsRandom, DoesNotRepeatItself) {
  OsRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(random.visible());
    seen.insert(random.secret_word());
  }
  EXPECT_EQ(2000u, seen.size());
}
TEST(PcapngFile, ThatCannotBeWrittenIsNamed) {
  const auto file = PcapngFile::create("/nonexistent/x.pcapng");
  ASSERT_FALSE(file.has_value());
  EXPECT_NE(std::string::npos, file.error().text.find("/nonexistent/x.pcapng"));
}
TEST(PcapngFile, HoldsPacketsWithTheRemarksBeforeThem) {
  struct Nowhere final : device::Device {
    device::Traits traits() const override { return {.interface = {3}}; }
    std::size_t receive(std::span<Frame>) override { return 0; }
    std::size_t transmit(std::span<const Frame>) override { return 0; }
    int descriptor() const override { return -1; }
    std::string_view name() const override { return "nowhere0"; }
  } device;
  const std::string path = testing::TempDir() + "anabranch_pcapng_test_" + std::to_string(::getpid());
  {
    SlabPool pool;
    auto file = PcapngFile::create(path).value();
    file->remark("a remark");
    const Frame frame{.bytes = Packer{pool}.copy(std::vector<std::uint8_t>(40, 'x'))};
    file->on_sent(device, frame);
    file->on_received(device, frame);
  }
  std::ifstream in{path, std::ios::binary};
  const std::string all{std::istreambuf_iterator<char>{in}, {}};
  std::remove(path.c_str());
  EXPECT_NE(std::string::npos, all.find("nowhere0"));
  EXPECT_EQ(all.find("a remark"), all.rfind("a remark"));
  EXPECT_NE(std::string::npos, all.find("a remark"));
  EXPECT_NE(all.find(std::string(40, 'x')), all.rfind(std::string(40, 'x')));
}
}  // namespace anabranch::runtime
