#include "wire/notation.hh"

#include "wire/arbitrary.hh"
#include "wire/examples.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace anabranch::wire {
namespace {

TEST(Notation, CanonicalLinesAreReadAndWrittenBack) {
  for (const char* text : kExamples) {
    const auto line = parse_notation(text);
    ASSERT_TRUE(line.has_value()) << text << "\nat " << line.error().at << " expected " << line.error().what;
    EXPECT_EQ(format_notation(*line), text);
  }
}

RC_GTEST_PROP(Notation, ReadingWhatWasWrittenGivesTheSameSegment, ()) {
  SegmentLine line = line_of(arbitrary::header(), *rc::gen::inRange(0u, 70'000u));
  if (arbitrary::coin()) { line.window.reset(); }
  const Origins origins{{arbitrary::bits<std::uint32_t>()},
                        {arbitrary::bits<std::uint32_t>()},
                        {arbitrary::bits<std::uint64_t>()},
                        {arbitrary::bits<std::uint64_t>()}};
  const std::string text = format_notation(line, origins);
  const auto read = parse_notation(text, origins);
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == line);
  RC_ASSERT(format_notation(*read, origins) == text);
}

TEST(Notation, NumbersCountFromTheOrigins) {
  const Origins origins{.seq = {1000}, .ack = {0xffffffff}, .data = {5'000'000'000}, .data_ack = {7}};
  const char* text = "P. 1:11(10) ack 1 <sack 2:3, dss ack=1 map=1:1+10, fail dsn=1>";
  const auto line = parse_notation(text, origins);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(format_notation(*line, origins), text);
  EXPECT_EQ(line->seq.raw, 1001u);
  EXPECT_EQ(line->ack.raw, 0u);
  EXPECT_EQ(line->tcp.sack[0], (SackBlock{{1}, {2}}));
  const Dss& dss = *find<Dss>(line->mptcp);
  EXPECT_EQ(dss.ack->bits, 8u);
  EXPECT_EQ(dss.map->data.bits, 5'000'000'001u);
  EXPECT_EQ(dss.map->subflow, 1u);  // relative on the wire already (RFC 8684 §3.3.1)
  EXPECT_EQ(find<Fail>(line->mptcp)->data, 8u);
}

TEST(Notation, NarrowNumbersCountFromTheLowHalfOfTheOrigin) {
  const Origins origins{.seq = {}, .ack = {}, .data = {0x1'ffff'ffff}, .data_ack = {0x2'ffff'fff0}};
  const char* text = ". 1:2(1) ack 1 <dss ack4=32 map4=2:1+1>";
  const auto line = parse_notation(text, origins);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(format_notation(*line, origins), text);
  const Dss& dss = *find<Dss>(line->mptcp);
  EXPECT_EQ(*dss.ack, (DataSeqForm{0x10, false}));
  EXPECT_EQ(dss.map->data, (DataSeqForm{1, false}));
}

TEST(Notation, NamesMayStandForNumbers) {
  const Symbols symbols = [](std::string_view name) -> std::optional<std::uint64_t> {
    if (name == "A") { return 10; }
    if (name == "B") { return 11; }
    return std::nullopt;
  };
  const auto line = parse_notation(". 1:1(0) ack 1 <capable v1 keys=A,B>", {}, symbols);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->mptcp[0], MptcpOption(CapableAck{{}, {10}, {11}}));
  EXPECT_FALSE(parse_notation(". 1:1(0) ack 1 <capable v1 keys=A,C>", {}, symbols).has_value());
  EXPECT_FALSE(parse_notation(". 1:1(0) ack 1 <capable v1 keys=A,B>").has_value());
}

TEST(Notation, MistakesAreFoundWhereTheyAre) {
  struct Row {
    const char* text;
    std::size_t at;
  };
  const Row rows[] = {
      {"", 0},
      {"X 0:0(0)", 0},
      {"SS 0:0(0)", 0},
      {"S", 1},
      {"S 0:1(0)", 2},
      {"S 0:0(0", 2},
      {"S 0:0(0) ack 1", 9},
      {". 0:0(0)", 8},
      {". 0:0(0) ack x", 9},
      {". 0:0(0) ack 1 win 65536", 15},
      {". 0:0(0) ack 1 <mss 70000>", 16},
      {". 0:0(0) ack 1 <mss>", 16},
      {". 0:0(0) ack 1 <mss 1460,>", 16},
      {". 0:0(0) ack 1 <dss fin ack=1>", 24},
      {". 0:0(0) ack 1 <dss ack4=4294967296>", 16},
      {". 0:0(0) ack 1 <dss map=1:1>", 16},
      {". 0:0(0) ack 1 <join id=1>", 16},
      {". 0:0(0) ack 1 <add_addr id=1 nowhere>", 16},
      {". 0:0(0) ack 1 <remove_addr>", 16},
      {". 0:0(0) ack 1 <reset reason=sorry>", 16},
      {". 0:0(0) ack 1 <sack 1:2 3:4 5:6 7:8 9:10>", 16},
      {". 0:0(0) ack 1 <mss 1460> x", 27},
      {". 0:0(0) ack 1 <mss 1460", 24},
  };
  for (const Row& row : rows) {
    const auto line = parse_notation(row.text);
    ASSERT_FALSE(line.has_value()) << row.text;
    EXPECT_EQ(line.error().at, row.at) << row.text << ": " << line.error().what;
  }
}

TEST(Notation, SpacingAndTheOrderOfFlagsAreFree) {
  const auto line = parse_notation("  .P   1:2(1)  ack  1 < mss 1460 ,sackOK,wscale 7 >  ");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(format_notation(*line), "P. 1:2(1) ack 1 <mss 1460, sackOK, wscale 7>");
}

TEST(Notation, AnExpectationMayLeaveThingsOpen) {
  const char* seen = ". 1:1(0) ack 1 win 256 <TS val 5 ecr 6, join mac=0x0102030405060708 id=2 nonce=0x0a0b0c0d>";
  const auto matches = [&](const char* expected) { return matches_notation(expected, seen); };
  EXPECT_TRUE(matches(seen));
  EXPECT_TRUE(matches(". 1:1(0) ack 1 <TS val 5 ecr 6, join mac=0x102030405060708 id=2 nonce=0xa0b0c0d>"));
  EXPECT_TRUE(matches(". 1:1(0) ack 1 <TS *, join mac=* id=2 nonce=*>"));
  EXPECT_TRUE(matches(". 1:1(0) ack 1 <TS *, join *>"));
  EXPECT_TRUE(matches(". 1:1(0) ack * win 256 <*>"));
  EXPECT_FALSE(matches(". 1:1(0) ack 1"));
  EXPECT_FALSE(matches(". 1:1(0) ack 1 win 255 <*>"));
  EXPECT_FALSE(matches(". 1:1(0) ack 2 <*>"));
  EXPECT_FALSE(matches(". 1:1(0) ack 1 <TS *>"));
  EXPECT_FALSE(matches(". 1:1(0) ack 1 <TS *, join mac=* id=3 nonce=*>"));
  EXPECT_FALSE(matches(". 1:1(0) ack 1 <TS *, join mac=0x02*>"));
}
}  // namespace
}  // namespace anabranch::wire
