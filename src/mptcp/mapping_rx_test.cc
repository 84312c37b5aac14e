#include "mptcp/mapping_rx.hh"

#include "wire/checksum.hh"

#include <gtest/gtest.h>
#include <map>
#include <rapidcheck/gtest.h>

namespace anabranch::mptcp {
namespace {

std::uint8_t byte_at(std::uint64_t sub) { return static_cast<std::uint8_t>(sub * 37 + 5); }

RxMapping mapping(std::uint64_t data, std::uint64_t sub, std::uint64_t length) {
  return {.data = {data},
          .sub = {sub},
          .length = length,
          .checksum = {},
          .wire_data = 1'000 + data,
          .wire_subflow = static_cast<std::uint32_t>(sub),
          .wire_length = static_cast<std::uint16_t>(length)};
}
RxMapping summed(RxMapping m, bool right = true) {
  wire::Sum sum;
  for (std::uint64_t p = m.sub.n; p < m.end().n; ++p) {
    const std::uint8_t b = byte_at(p);
    sum.add(std::span{&b, 1});
  }
  m.checksum = static_cast<std::uint16_t>(wire::dss_checksum(m.wire_data, m.wire_subflow, m.wire_length, sum) ^
                                          (right ? 0 : 0x10));
  return m;
}

class MappingRxTest : public testing::Test {
 protected:
  Chain bytes(std::uint64_t at, std::uint64_t length) {
    std::vector<std::uint8_t> out(length);
    for (std::uint64_t i = 0; i < length; ++i) { out[i] = byte_at(at + i); }
    return packer.copy(out);
  }
  /// Delivers [at, at + length) and tells what came out: "data+length" for each piece, then the trouble.
  std::string deliver(std::uint64_t at, std::uint64_t length, bool checksums = false) {
    last = rx.deliver({at}, bytes(at, length), checksums);
    std::string out;
    for (const auto& piece : last.pieces) {
      out += std::to_string(piece.at.n) + "+" + std::to_string(piece.bytes.size().n) + " ";
    }
    if (last.trouble == MapTrouble::missing) { out += "missing at " + std::to_string(last.at.n); }
    if (last.trouble == MapTrouble::checksum) { out += "checksum at " + std::to_string(last.at.n); }
    return out;
  }
  SlabPool pool;
  Packer packer{pool};
  MappingRx rx;
  MappingRx::Translated last;
};

TEST_F(MappingRxTest, AMappingTurnsSubflowBytesIntoDataPositions) {
  EXPECT_EQ(rx.add(mapping(501, 1, 100)), MapAdded::fresh);
  EXPECT_EQ(deliver(1, 60), "501+60 ");
  EXPECT_EQ(deliver(61, 40), "561+40 ");
  EXPECT_EQ(rx.next(), SubPos{101});
}
TEST_F(MappingRxTest, MappingsMayComeBeforeTheirDataAndInAnyOrder) {
  EXPECT_EQ(rx.add(mapping(901, 101, 100)), MapAdded::fresh);
  EXPECT_EQ(rx.add(mapping(1, 1, 100)), MapAdded::fresh);
  EXPECT_EQ(deliver(1, 200), "1+100 901+100 ");
}
TEST_F(MappingRxTest, ARepeatedMappingSaysNothingNew) {  // [8684-3.1-15]
  rx.add(mapping(1, 1, 100));
  EXPECT_EQ(rx.add(mapping(1, 1, 100)), MapAdded::known);
  EXPECT_EQ(deliver(1, 100), "1+100 ");
  EXPECT_EQ(rx.add(mapping(1, 1, 100)), MapAdded::late);
}
TEST_F(MappingRxTest, AnEmptyMappingSaysNothing) { EXPECT_EQ(rx.add(mapping(1, 1, 0)), MapAdded::known); }
TEST_F(MappingRxTest, WhatContradictsAnEarlierMappingIsRefused) {  // [8684-3.3.1-02]
  rx.add(mapping(101, 101, 100));
  EXPECT_EQ(rx.add(mapping(601, 101, 100)), MapAdded::contradicts);  // other data
  EXPECT_EQ(rx.add(mapping(101, 101, 99)), MapAdded::contradicts);   // shorter
  EXPECT_EQ(rx.add(mapping(51, 51, 100)), MapAdded::contradicts);    // over its front
  EXPECT_EQ(rx.add(mapping(151, 151, 100)), MapAdded::contradicts);  // over its end
  EXPECT_EQ(rx.add(mapping(1, 1, 100)), MapAdded::fresh);            // beside it
  EXPECT_EQ(rx.add(mapping(201, 201, 100)), MapAdded::fresh);
  EXPECT_EQ(deliver(1, 300), "1+100 101+100 201+100 ");
}
TEST_F(MappingRxTest, BytesWithoutAMappingAreTroubleAndAreGivenBack) {
  rx.add(mapping(1, 1, 10));
  EXPECT_EQ(deliver(1, 25), "1+10 missing at 11");
  EXPECT_EQ(last.rest.to_vector(), bytes(11, 15).to_vector());
  EXPECT_EQ(rx.next(), SubPos{11});
}
TEST_F(MappingRxTest, AGapBetweenMappingsIsTrouble) {
  rx.add(mapping(1, 1, 10));
  rx.add(mapping(21, 21, 10));
  EXPECT_EQ(deliver(1, 30), "1+10 missing at 11");
}
TEST_F(MappingRxTest, WithChecksumsNothingIsPassedOnBeforeTheMappingIsComplete) {
  rx.add(summed(mapping(501, 1, 101)));
  EXPECT_EQ(deliver(1, 100, true), "");
  EXPECT_FALSE(rx.ever_verified());
  EXPECT_EQ(deliver(101, 1, true), "501+101 ");
  EXPECT_TRUE(rx.ever_verified());
}
TEST_F(MappingRxTest, AWrongChecksumIsTroubleWithAllBytesOfTheMappingAndAfter) {  // [8684-3.7-11 8684-3.7-16]
  rx.add(summed(mapping(1, 1, 10)));
  rx.add(summed(mapping(11, 11, 10), false));
  rx.add(summed(mapping(21, 21, 10)));
  EXPECT_EQ(deliver(1, 15, true), "1+10 ");
  EXPECT_EQ(deliver(16, 15, true), "checksum at 11");
  EXPECT_EQ(last.data, DataPos{11});
  EXPECT_EQ(last.rest.to_vector(), bytes(11, 20).to_vector());
}
TEST_F(MappingRxTest, AMissingChecksumIsAsGoodAsAWrongOne) {
  rx.add(mapping(1, 1, 10));
  EXPECT_EQ(deliver(1, 10, true), "checksum at 1");
}
TEST_F(MappingRxTest, ThereIsALimitToMappingsThatWait) {
  for (std::size_t i = 0; i < MappingRx::kMostMappings; ++i) {
    ASSERT_EQ(rx.add(mapping(1 + i, 1 + i, 1)), MapAdded::fresh);
  }
  EXPECT_EQ(rx.add(mapping(1, 1 + MappingRx::kMostMappings, 1)), MapAdded::too_many);
}

RC_GTEST_PROP(MappingRx, AnyCutOfTheBytesGivesTheSameData, ()) {
  const bool checksums = *rc::gen::arbitrary<bool>();
  SlabPool pool;
  Packer packer{pool};
  MappingRx rx;
  std::map<std::uint64_t, std::uint8_t> expected, got;
  std::uint64_t sub = 1;
  for (int i = *rc::gen::inRange(1, 10); i > 0; --i) {
    const auto length = *rc::gen::inRange<std::uint64_t>(1, 30);
    const std::uint64_t data = 1 + 1000 * static_cast<std::uint64_t>(i);
    rx.add(checksums ? summed(mapping(data, sub, length)) : mapping(data, sub, length));
    for (std::uint64_t k = 0; k < length; ++k) { expected[data + k] = byte_at(sub + k); }
    sub += length;
  }
  for (std::uint64_t at = 1; at < sub;) {
    const auto n = *rc::gen::inRange<std::uint64_t>(1, sub - at + 1);
    std::vector<std::uint8_t> bytes(n);
    for (std::uint64_t k = 0; k < n; ++k) { bytes[k] = byte_at(at + k); }
    const auto out = rx.deliver({at}, packer.copy(bytes), checksums);
    RC_ASSERT(out.trouble == MapTrouble::none);
    for (const auto& piece : out.pieces) {
      const auto v = piece.bytes.to_vector();
      for (std::size_t k = 0; k < v.size(); ++k) { RC_ASSERT(got.emplace(piece.at.n + k, v[k]).second); }
    }
    at += n;
  }
  RC_ASSERT(got == expected);
}
}  // namespace
}  // namespace anabranch::mptcp
