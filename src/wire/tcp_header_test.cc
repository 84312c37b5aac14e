#include "wire/tcp_header.hh"

#include "wire/arbitrary.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::wire {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer written(const TcpHeader& header) {
  Buffer buffer(TcpHeader::kMaxSize);
  Writer out{buffer};
  write_tcp_header(out, header);
  EXPECT_TRUE(out.ok());
  buffer.resize(out.size());
  return buffer;
}

struct Options {
  TcpOptions tcp;
  MptcpOptions mptcp;
};
std::expected<Options, TcpFailure> options_of(const Buffer& bytes) {
  Options out;
  if (const auto read = parse_options(bytes, out.tcp, out.mptcp); !read) { return std::unexpected{read.error()}; }
  return out;
}

RC_GTEST_PROP(TcpHeader, SurvivesTheWire, ()) {
  const TcpHeader header = arbitrary::header();
  const Buffer bytes = written(header);
  RC_ASSERT(bytes.size() == written_size(header));
  RC_ASSERT(bytes.size() % 4 == 0u);
  TcpHeader read;
  const auto size = parse_tcp_header(bytes, read);
  RC_ASSERT(size.has_value());
  RC_ASSERT(*size == bytes.size());
  RC_ASSERT(read == header);
}

RC_GTEST_PROP(TcpHeader, CutAnywhereIsRefused, ()) {
  const Buffer bytes = written(arbitrary::header());
  const auto length = *rc::gen::inRange<std::size_t>(0, bytes.size());
  TcpHeader read;
  const auto size = parse_tcp_header(std::span{bytes}.first(length), read);
  RC_ASSERT(!size.has_value());
  RC_ASSERT(size.error() == (length < 20 ? TcpFailure::too_short : TcpFailure::bad_data_offset));
}

TEST(TcpHeader, RefusesADataOffsetBelowFiveWords) {
  Buffer bytes = written({});
  for (unsigned words = 0; words < 16; ++words) {
    bytes[TcpHeader::kOffsetAt] = static_cast<std::uint8_t>(words << 4);
    TcpHeader read;
    EXPECT_EQ(parse_tcp_header(bytes, read).has_value(), words == 5) << words;
  }
}

TEST(TcpHeader, FlagBitsAndFlagsAreTheSameThing) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    EXPECT_EQ(flag_bits(flags_from_bits(static_cast<std::uint8_t>(bits))), bits);
  }
  EXPECT_EQ(flag_bits({.syn = true, .ack = true}), 0x12);
}

// RFC 9293 §3.1 (MUST-7): an implementation must be prepared to handle an illegal option length.
TEST(TcpOptions, AnOptionThatBreaksTheListSpoilsTheHeader) {  // [9293-MUST-7]
  for (const Buffer& bytes : {Buffer{2}, Buffer{2, 0}, Buffer{2, 1, 0, 0}, Buffer{2, 5, 0, 0}, Buffer{1, 1, 1, 8},
                              Buffer{30, 0, 0, 0}, Buffer{99, 1}, Buffer{1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0}}) {
    const auto read = options_of(bytes);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error(), TcpFailure::bad_option_length);
  }
}

TEST(TcpOptions, AKnownOptionOfAnotherLengthIsAsIfAbsent) {                               // [9293-MUST-7]
  const auto read = options_of({2, 3, 5, 3, 4, 7, 7, 4, 3, 0, 8, 9, 0, 0, 0, 0, 0, 0, 0,  //
                                5, 9, 0, 0, 0, 0, 0, 0, 0, 5, 2});
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->tcp, TcpOptions{});
}

TEST(TcpOptions, UnknownKindsAreSkippedAndNothingAfterTheEndIsRead) {  // [9293-MUST-4 9293-MUST-6]
  const auto read = options_of({254, 4, 0, 0, 2, 4, 5, 0xb4, 0, 3, 3, 7});
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->tcp.mss, 1460);
  EXPECT_FALSE(read->tcp.window_scale.has_value());
}

TEST(TcpOptions, ALongSackOptionKeepsFourBlocks) {
  Buffer bytes = {5, 34};
  bytes.resize(34, 1);
  const auto read = options_of(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->tcp.sack.size(), 4u);
}

// RFC 7413 §4.1.1: 2 bytes ask, 6 to 18 and even are a cookie, all else is ignored.
TEST(TcpOptions, AFastOpenOptionHasNoCookieOrOneOfFourToSixteenBytes) {
  for (std::size_t size = 2; size < 30; ++size) {
    Buffer bytes(size, 0xab);
    bytes[0] = 34;
    bytes[1] = static_cast<std::uint8_t>(size);
    const auto read = options_of(bytes);
    ASSERT_TRUE(read.has_value());
    const bool good = size == 2 || (size >= 6 && size <= 18 && size % 2 == 0);
    ASSERT_EQ(read->tcp.fast_open.has_value(), good) << size;
    if (good) { EXPECT_EQ(read->tcp.fast_open->cookie.size(), size - 2); }
  }
}

// RFC 5482 §3: one bit for minutes, 15 bits of time, 0 is reserved.
TEST(TcpOptions, AUserTimeoutIsSecondsOrMinutes) {
  EXPECT_EQ(options_of({28, 4, 0, 30})->tcp.user_timeout->duration(), 30_s);
  EXPECT_EQ(options_of({28, 4, 0x80, 2})->tcp.user_timeout->duration(), 120_s);
  EXPECT_FALSE(options_of({28, 4, 0, 0})->tcp.user_timeout.has_value());
  EXPECT_FALSE(options_of({28, 4, 0x80, 0})->tcp.user_timeout.has_value());
  EXPECT_FALSE(options_of({28, 5, 0, 1, 0})->tcp.user_timeout.has_value());
  EXPECT_EQ(UserTimeout::of(1500_ms), (UserTimeout{false, 2}));
  EXPECT_EQ(UserTimeout::of(Duration{}), (UserTimeout{false, 1}));
  EXPECT_EQ(UserTimeout::of(32'767_s), (UserTimeout{false, 32'767}));
  EXPECT_EQ(UserTimeout::of(32'768_s), (UserTimeout{true, 547}));
  EXPECT_EQ(UserTimeout::of(Duration{400ll * 24 * 3600 * 1'000'000'000}), (UserTimeout{true, 32'767}));
}

TEST(TcpOptions, SeveralMptcpOptionsKeepTheirOrder) {  // [9293-MUST-64]
  const auto read = options_of({30, 3, 0x51, 30, 4, 0x80, 1, 1});
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->mptcp.size(), 2u);
  EXPECT_EQ(read->mptcp[0], MptcpOption(Prio{true}));
  EXPECT_EQ(read->mptcp[1], MptcpOption(Reset{false, 0, ResetReason::mptcp_error}));
}

TEST(TcpOptions, ThirteenOfTheSmallestMptcpOptionsAreAllRead) {
  Buffer bytes;
  for (int i = 0; i < 13; ++i) { bytes.insert(bytes.end(), {30, 3, 0x50}); }
  bytes.push_back(1);
  const auto read = options_of(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->mptcp.size(), 13u);
}
}  // namespace
}  // namespace anabranch::wire
