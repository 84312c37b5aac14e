#include "wire/option_space.hh"

#include "wire/arbitrary.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::wire {
namespace {

/// The kinds of the options as they stand, `1` being a NOP: "2 4 8 1 3".
std::string layout(const TcpOptions& tcp, const MptcpOptions& mptcp) {
  std::vector<std::uint8_t> buffer(kOptionSpace);
  Writer out{buffer};
  write_options(out, tcp, mptcp);
  EXPECT_TRUE(out.ok());
  EXPECT_EQ(out.size(), options_size(tcp, mptcp));
  std::string text;
  for (std::size_t at = 0; at < out.size(); at += buffer[at] == 1 ? 1 : buffer[at + 1]) {
    text += (text.empty() ? "" : " ") + std::to_string(buffer[at]);
  }
  return text;
}

const Timestamps kTime{1, 2};
const SackBlock kBlock{{10}, {20}};
TcpOptions with_time() { return {.mss = {}, .window_scale = {}, .timestamps = kTime, .sack = {}}; }
Dss dss(bool wide_ack, bool map, bool checksum) {
  Dss d{.ack = DataSeqForm{1, wide_ack}, .map = {}};
  if (map) { d.map = Mapping{DataSeqForm{1, true}, 1, 10, {}}; }
  if (checksum) { d.map->checksum = 0; }
  return d;
}

TEST(OptionSpace, ASynIsLaidOutAsLinuxDoes) {  // [9293-MUST-69]
  const MptcpOptions capable{CapableSyn{}};
  TcpOptions tcp{.mss = 1460, .window_scale = 8, .sack_permitted = true, .timestamps = kTime, .sack = {}};
  EXPECT_EQ(layout(tcp, capable), "2 4 8 1 3 30");
  tcp.timestamps.reset();
  EXPECT_EQ(layout(tcp, capable), "2 1 1 4 1 3 30");
  tcp.sack_permitted = false;
  EXPECT_EQ(layout(tcp, capable), "2 1 3 30");
  tcp.timestamps = kTime;
  EXPECT_EQ(layout(tcp, {}), "2 1 1 8 1 3");
}

TEST(OptionSpace, ACookieStandsBehindTheWindowScaleAndIsPadded) {
  TcpOptions tcp{.mss = 1460, .window_scale = 8, .sack_permitted = true, .timestamps = kTime, .sack = {}};
  tcp.fast_open.emplace();
  EXPECT_EQ(layout(tcp, {CapableSyn{}}), "2 4 8 1 3 34 1 1 30");
  tcp.fast_open->cookie.resize(8);
  EXPECT_EQ(layout(tcp, {CapableSyn{}}), "2 4 8 1 3 34 1 1 30");
  EXPECT_EQ(room_for_mptcp(tcp), 8u);  // too little for a key: RFC 8684 appendix B.1 wants a shorter cookie then
  tcp.fast_open->cookie.resize(6);
  EXPECT_EQ(layout(tcp, {CapableKey{}}), "2 4 8 1 3 34 30");
  tcp.user_timeout = UserTimeout{false, 30};
  EXPECT_EQ(layout(tcp, {CapableSyn{}}), "2 4 8 1 3 34 28 30");
  EXPECT_FALSE(options_fit(tcp, {CapableKey{}}));
  tcp.fast_open->cookie.resize(16);
  EXPECT_FALSE(options_fit(tcp, {}));
  EXPECT_EQ(room_for_mptcp(tcp), 0u);
}

TEST(OptionSpace, AnEstablishedSegmentIsLaidOutAsLinuxDoes) {
  TcpOptions tcp = with_time();
  tcp.sack = {kBlock};
  EXPECT_EQ(layout(tcp, {}), "1 1 8 1 1 5");
  EXPECT_EQ(layout(tcp, {dss(true, false, false)}), "1 1 8 1 1 5 30");
  EXPECT_EQ(layout(with_time(), {dss(false, true, false)}), "1 1 8 30 1 1");  // 22 bytes
  EXPECT_EQ(layout({}, {Prio{}, RemoveAddr{{AddressId{1}}}}), "30 30 1");     // no padding between them
}

// The sizes that decide what can travel together; with timestamps 28 bytes are left.
TEST(OptionSpace, WhatFitsBesideTimestamps) {
  struct Row {
    MptcpOption option;
    std::size_t size, blocks;
  };
  const Row rows[] = {
      {dss(true, true, true), 28, 0},
      {dss(true, true, false), 26, 0},
      {dss(false, true, false), 22, 0},
      {dss(true, false, false), 12, 1},
      {dss(false, false, false), 8, 2},
      {JoinAck{}, 24, 0},
      {CapableData{}, 22, 0},
      {CapableAck{}, 20, 0},
      {Prio{}, 3, 2},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(written_size(row.option), row.size);
    EXPECT_TRUE(options_fit(with_time(), {row.option}));
    EXPECT_EQ(room_for_sack(with_time(), {row.option}), row.blocks) << row.option;
  }
  EXPECT_EQ(room_for_sack(with_time(), {}), 3u);
  EXPECT_EQ(room_for_sack({}, {}), 4u);
  EXPECT_EQ(room_for_mptcp(with_time()), 28u);
  // An announcement of an IPv6 address with a port (30 bytes) and timestamps exceed forty bytes.
  const AddAddr add{.id = {1}, .address = *address_from_text("2001:db8::1"), .port = 80, .mac = 1};
  EXPECT_FALSE(options_fit(with_time(), {add}));
  EXPECT_TRUE(options_fit({}, {add}));
}

TEST(OptionSpace, SackBlocksGiveWayToMptcpTheLastOneFirst) {
  TcpOptions tcp = with_time();
  tcp.sack = {kBlock, {{30}, {40}}, {{50}, {60}}};
  const MptcpOptions mptcp{dss(true, false, false)};
  std::vector<std::uint8_t> buffer(kOptionSpace);
  Writer out{buffer};
  write_options(out, tcp, mptcp);
  TcpOptions read;
  MptcpOptions read_mptcp;
  ASSERT_TRUE(parse_options(out.written(), read, read_mptcp).has_value());
  EXPECT_EQ(read.sack.size(), 1u);
  EXPECT_EQ(read.sack[0], kBlock);
  EXPECT_EQ(read_mptcp, mptcp);
}

RC_GTEST_PROP(OptionSpace, WhatIsWrittenIsAlignedAndNeverBeyondForty, ()) {  // [9293-MUST-68]
  TcpOptions tcp = arbitrary::tcp_options();
  MptcpOptions mptcp;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) { mptcp.push_back(arbitrary::option()); }
  RC_ASSERT(options_fit(tcp, mptcp) == (written_size(mptcp) <= room_for_mptcp(tcp)));
  while (!options_fit(tcp, mptcp)) { mptcp.pop_back(); }
  std::vector<std::uint8_t> buffer(kOptionSpace);
  Writer out{buffer};
  write_options(out, tcp, mptcp);
  RC_ASSERT(out.ok());
  RC_ASSERT(out.size() == options_size(tcp, mptcp));
  RC_ASSERT(out.size() % 4 == 0u);
  TcpOptions read;
  MptcpOptions read_mptcp;
  RC_ASSERT(parse_options(out.written(), read, read_mptcp).has_value());
  RC_ASSERT(read_mptcp == mptcp);
  RC_ASSERT(read.sack.size() == std::min(tcp.sack.size(), room_for_sack(tcp, mptcp)));
  read.sack = tcp.sack;
  RC_ASSERT(read == tcp);
}
}  // namespace
}  // namespace anabranch::wire
