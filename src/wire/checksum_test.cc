#include "wire/checksum.hh"

#include "base/random.hh"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace anabranch::wire {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer random_bytes(Generator& random, std::size_t n) {
  Buffer bytes(n);
  for (std::uint8_t& b : bytes) { b = static_cast<std::uint8_t>(random.next()); }
  return bytes;
}

/// The definition, word for word: RFC 1071 §1.
std::uint16_t by_definition(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) { sum += i % 2 == 0 ? unsigned{bytes[i]} << 8 : unsigned{bytes[i]}; }
  while (sum > 0xffff) { sum = (sum & 0xffff) + (sum >> 16); }
  return static_cast<std::uint16_t>(sum);
}

TEST(Checksum, OfTheExampleInRfc1071) {
  const std::uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(Sum{bytes}.folded(), 0xddf2);
  EXPECT_EQ(Sum{bytes}.checksum(), 0x220d);
}

TEST(Checksum, FollowsTheDefinitionForEveryLengthAndAlignment) {
  Generator random{1};
  const Buffer bytes = random_bytes(random, 700);
  for (std::size_t from = 0; from < 9; ++from) {
    for (std::size_t n = 0; n + from <= bytes.size(); ++n) {
      const auto part = std::span{bytes}.subspan(from, n);
      ASSERT_EQ(Sum{part}.folded(), by_definition(part)) << from << ' ' << n;
    }
  }
}

TEST(Checksum, OfEveryImplementationIsTheSameAndTheCopyIsFaithful) {
  Generator random{2};
  for (int round = 0; round < 400; ++round) {
    Buffer bytes = random_bytes(random, random.below(round < 300 ? 400 : 70'000));
    if (round % 10 == 0) { std::ranges::fill(bytes, 0xff); }
    const std::uint16_t expected = detail::sum_portable(bytes.data(), bytes.size());
    Buffer to(bytes.size() + 1, 0xaa);
    ASSERT_EQ(detail::copy_sum_portable(bytes.data(), to.data(), bytes.size()), expected);
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), to.begin()));
    ASSERT_EQ(to.back(), 0xaa);
    if (!detail::have_avx2()) { continue; }
    ASSERT_EQ(detail::sum_avx2(bytes.data(), bytes.size()), expected) << bytes.size();
    std::ranges::fill(to, 0xaa);
    ASSERT_EQ(detail::copy_sum_avx2(bytes.data(), to.data(), bytes.size()), expected);
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), to.begin()));
    ASSERT_EQ(to.back(), 0xaa);
  }
}

TEST(Checksum, AddsUpPieceByPieceOverOddAndEvenBoundaries) {
  Generator random{3};
  for (int round = 0; round < 2000; ++round) {
    const Buffer bytes = random_bytes(random, random.below(600));
    Sum bytewise, sumwise;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t n = std::min<std::size_t>(1 + random.below(200), bytes.size() - at);
      const auto piece = std::span{bytes}.subspan(at, n);
      bytewise.add(piece);
      sumwise.add(Sum{piece});
      at += n;
    }
    ASSERT_EQ(bytewise.folded(), by_definition(bytes));
    ASSERT_EQ(sumwise.folded(), by_definition(bytes));
    ASSERT_EQ(bytewise.odd(), bytes.size() % 2 != 0);
  }
}

TEST(Checksum, CopiesAndSumsInOnePass) {
  Generator random{4};
  const Buffer bytes = random_bytes(random, 4321);
  Buffer to(5000);
  const Sum sum = copy_and_sum(bytes, to);
  EXPECT_EQ(sum.folded(), by_definition(bytes));
  EXPECT_TRUE(sum.odd());
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), to.begin()));
}

TEST(Checksum, OfNumbersIsThatOfTheirBytesInNetworkOrder) {
  Sum numbers;
  numbers.add_u64(0x0102030405060708);
  numbers.add_u32(0x090a0b0c);
  numbers.add_u16(0x0d0e);
  Buffer bytes(14);
  std::iota(bytes.begin(), bytes.end(), 1);
  EXPECT_EQ(numbers.folded(), Sum{bytes}.folded());
}

// RFC 793 §3.1: source, destination, zero, protocol, length.
TEST(Checksum, OfAPseudoHeaderIsThatOfItsBytes) {
  const Buffer v4 = {10, 0, 0, 1, 192, 168, 7, 9, 0, 6, 0x05, 0xdc};
  EXPECT_EQ(pseudo_header_sum(Address::v4(10, 0, 0, 1), Address::v4(192, 168, 7, 9), 6, 0x05dc).folded(),
            by_definition(v4));
  const Address a = *address_from_text("2001:db8::1"), b = *address_from_text("fe80::abcd");
  Buffer v6(a.raw.begin(), a.raw.end());
  v6.insert(v6.end(), b.raw.begin(), b.raw.end());
  v6.insert(v6.end(), {0, 1, 0, 2, 0, 0, 0, 58});
  EXPECT_EQ(pseudo_header_sum(a, b, 58, 0x10002).folded(), by_definition(v6));
}

// RFC 8684 §3.3.1, figure 10: DSN, subflow number, length, zeros; then the data, padded.
TEST(Checksum, OfAMappingCoversPseudoHeaderAndData) {  // [8684-3.3.1-04]
  for (std::size_t n = 0; n < 20; ++n) {
    Buffer data(n);
    std::iota(data.begin(), data.end(), 0xe0);
    Buffer all = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x00, 0x01, 0x00, 0x02, 0x03, 0xe8, 0, 0};
    all.insert(all.end(), data.begin(), data.end());
    const std::uint16_t checksum = dss_checksum(0x1122334455667788, 0x00010002, 1000, Sum{data});
    EXPECT_EQ(checksum, static_cast<std::uint16_t>(~by_definition(all))) << n;
    EXPECT_TRUE(dss_checksum_intact(0x1122334455667788, 0x00010002, 1000, checksum, Sum{data}));
    EXPECT_FALSE(dss_checksum_intact(0x1122334455667788, 0x00010002, 1001, checksum, Sum{data}));
    EXPECT_FALSE(dss_checksum_intact(0x1122334455667788, 0x00010002, 1000, checksum ^ 1, Sum{data}));
  }
}

// RFC 8684 §3.3.3: a DATA_FIN on its own covers the pseudo header only.
TEST(Checksum, OfADataFinAloneIsThatOfItsPseudoHeader) {  // [8684-3.3.3-04]
  const std::uint16_t checksum = dss_checksum(7, 0, 1, {});
  EXPECT_EQ(checksum, static_cast<std::uint16_t>(~8));
  EXPECT_TRUE(dss_checksum_intact(7, 0, 1, checksum, {}));
}
}  // namespace
}  // namespace anabranch::wire
