#include "wire/mptcp_codec.hh"

#include "wire/arbitrary.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

namespace anabranch::wire {
namespace {

using Bytes8 = std::vector<std::uint8_t>;

Bytes8 written(const MptcpOption& option) {
  Bytes8 buffer(64);
  Writer out{buffer};
  write_mptcp(out, option);
  EXPECT_TRUE(out.ok());
  buffer.resize(out.size());
  return buffer;
}

/// An option of the given subtype and flags, filled up with a counter.
Bytes8 raw(unsigned length, unsigned subtype_and_low, unsigned second = 0) {
  Bytes8 bytes(length);
  for (unsigned i = 0; i < length; ++i) { bytes[i] = static_cast<std::uint8_t>(i); }
  bytes[0] = kMptcpKind;
  bytes[1] = static_cast<std::uint8_t>(length);
  if (length > 2) { bytes[2] = static_cast<std::uint8_t>(subtype_and_low); }
  if (length > 3) { bytes[3] = static_cast<std::uint8_t>(second); }
  return bytes;
}

template <class Form>
bool is(const MptcpOption& option) {
  return std::holds_alternative<Form>(option);
}

RC_GTEST_PROP(MptcpCodec, EveryFormSurvivesTheWire, ()) {  // [8684-3-01]
  const MptcpOption option = arbitrary::option();
  const Bytes8 bytes = written(option);
  RC_ASSERT(bytes.size() == written_size(option));
  RC_ASSERT(bytes[1] == bytes.size());
  RC_ASSERT(parse_mptcp(bytes) == option);
}

RC_GTEST_PROP(MptcpCodec, EveryFormOfAnotherLengthIsAnotherFormOrUnknown, ()) {  // [8684-3-06]
  Bytes8 bytes = written(arbitrary::option());
  const auto length = static_cast<std::size_t>(*rc::gen::inRange(2, 41));
  RC_PRE(length != bytes.size());
  bytes.resize(length);
  bytes[1] = static_cast<std::uint8_t>(length);
  const MptcpOption option = parse_mptcp(bytes);
  if (const auto* unknown = std::get_if<Unknown>(&option)) {
    RC_ASSERT(unknown->length == length);
  } else {
    RC_ASSERT(written_size(option) == length);
  }
}

// RFC 8684 §3.1, figure 4. [8684-3.1-05]
TEST(MptcpCodec, CapableHasTheFiveLengthsOfTheRfcAndNoOther) {
  for (unsigned length = 4; length <= 40; ++length) {
    const MptcpOption option = parse_mptcp(raw(length, 0x01, 0x81));
    EXPECT_EQ(is<CapableSyn>(option), length == 4) << length;
    EXPECT_EQ(is<CapableKey>(option), length == 12) << length;
    EXPECT_EQ(is<CapableAck>(option), length == 20) << length;
    EXPECT_EQ(is<CapableData>(option), length == 22 || length == 24) << length;
  }
}

// RFC 6824 §3.1, figure 4: a key on the SYN and no data with the option.
TEST(MptcpCodec, CapableOfVersion0HasTwoLengths) {
  for (unsigned length = 4; length <= 40; ++length) {
    const MptcpOption option = parse_mptcp(raw(length, 0x00, 0x81));
    EXPECT_EQ(is<CapableKey>(option), length == 12) << length;
    EXPECT_EQ(is<CapableAck>(option), length == 20) << length;
    EXPECT_EQ(is<Unknown>(option), length != 12 && length != 20) << length;
  }
}

TEST(MptcpCodec, FlagCIsOneOfTheUnknownOnesInVersion0) {
  const MptcpOption v0 = parse_mptcp(raw(12, 0x00, 0xbf)), v1 = parse_mptcp(raw(12, 0x01, 0xbf));
  const CapableFlags& old = std::get<CapableKey>(v0).flags;
  const CapableFlags& now = std::get<CapableKey>(v1).flags;
  EXPECT_FALSE(old.no_more_to_this);
  EXPECT_EQ(old.unknown_flags, 0x3e);
  EXPECT_TRUE(now.no_more_to_this);
  EXPECT_EQ(now.unknown_flags, 0x1e);
  EXPECT_EQ(written(v0), raw(12, 0x00, 0xbf));
  EXPECT_EQ(written(v1), raw(12, 0x01, 0xbf));
}

TEST(MptcpCodec, CapableReadsItsFields) {
  const MptcpOption option = parse_mptcp(raw(24, 0x01, 0xb5));
  const auto& data = std::get<CapableData>(option);
  EXPECT_EQ(data.flags.version, 1);
  EXPECT_TRUE(data.flags.checksum);
  EXPECT_FALSE(data.flags.extensibility);
  EXPECT_TRUE(data.flags.no_more_to_this);
  EXPECT_EQ(data.flags.unknown_flags, 0x14);
  EXPECT_TRUE(data.flags.hmac);
  EXPECT_EQ(data.sender.raw, 0x0405060708090a0bu);
  EXPECT_EQ(data.receiver.raw, 0x0c0d0e0f10111213u);
  EXPECT_EQ(data.length, 0x1415);
  EXPECT_EQ(data.checksum, 0x1617);
}

TEST(MptcpCodec, JoinHasThreeLengths) {
  for (unsigned length = 3; length <= 40; ++length) {
    const MptcpOption option = parse_mptcp(raw(length, 0x11, 7));
    EXPECT_EQ(is<JoinSyn>(option), length == 12) << length;
    EXPECT_EQ(is<JoinSynAck>(option), length == 16) << length;
    EXPECT_EQ(is<JoinAck>(option), length == 24) << length;
  }
  EXPECT_EQ(parse_mptcp(raw(12, 0x11, 7)), MptcpOption(JoinSyn{true, {7}, {0x04050607}, 0x08090a0b}));
  EXPECT_EQ(parse_mptcp(raw(16, 0x10, 7)), MptcpOption(JoinSynAck{false, {7}, 0x0405060708090a0b, 0x0c0d0e0f}));
}

// RFC 8684 §3.3, figure 9: the flags say what the length must be; only a mapping may have a checksum.
TEST(MptcpCodec, DssIsExactlyAsLongAsItsFlagsSay) {
  for (unsigned flags = 0; flags < 32; ++flags) {
    unsigned expected = 4;
    if ((flags & 1) != 0) { expected += (flags & 2) != 0 ? 8 : 4; }
    if ((flags & 4) != 0) { expected += ((flags & 8) != 0 ? 8 : 4) + 6; }
    for (unsigned length = 4; length <= 40; ++length) {
      const bool with_checksum = (flags & 4) != 0 && length == expected + 2;
      const MptcpOption option = parse_mptcp(raw(length, 0x20, flags));
      ASSERT_EQ(is<Dss>(option), length == expected || with_checksum) << flags << ' ' << length;
      if (const auto* dss = std::get_if<Dss>(&option)) {
        EXPECT_EQ(dss->data_fin, (flags & 16) != 0);
        EXPECT_EQ(dss->ack.has_value(), (flags & 1) != 0);
        EXPECT_EQ(dss->map.has_value(), (flags & 4) != 0);
        EXPECT_EQ(dss->map && dss->map->checksum, with_checksum);
      }
    }
  }
}

TEST(MptcpCodec, DssReadsWhatTheDiagramSays) {
  const std::uint8_t bytes[] = {30, 18, 0x20, 0x05, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 1, 0, 100};
  EXPECT_EQ(parse_mptcp(bytes),
            MptcpOption(Dss{
                .ack = DataSeqForm{9, false}, .map = Mapping{DataSeqForm{7, false}, 1, 100, {}}, .data_fin = false}));
}

// RFC 8684 §3.4.1: 16 or 18 bytes for IPv4, 28 or 30 for IPv6; an echo has no MAC.
TEST(MptcpCodec, AddAddrHasFourLengthsAndAnEchoFourOthers) {
  for (unsigned length = 3; length <= 40; ++length) {
    const MptcpOption add = parse_mptcp(raw(length, 0x30, 2)), echo = parse_mptcp(raw(length, 0x31, 2));
    EXPECT_EQ(is<AddAddr>(add), length == 16 || length == 18 || length == 28 || length == 30) << length;
    EXPECT_EQ(is<AddAddr>(echo), length == 8 || length == 10 || length == 20 || length == 22) << length;
    if (const auto* a = std::get_if<AddAddr>(&add)) {
      EXPECT_EQ(a->address.family, length < 20 ? Family::v4 : Family::v6);
      EXPECT_EQ(a->port.has_value(), length % 4 == 2);
      EXPECT_TRUE(a->mac.has_value());
    }
    if (const auto* e = std::get_if<AddAddr>(&echo)) { EXPECT_FALSE(e->mac.has_value()); }
  }
}

// RFC 6824 §3.4.1, figure 12: the version of IP where version 1 has its flags; no MAC.
TEST(MptcpCodec, AddAddrOfVersion0SaysItsFamilyTwice) {
  for (unsigned length = 3; length <= 40; ++length) {
    const MptcpOption v4 = parse_mptcp(raw(length, 0x34, 2)), v6 = parse_mptcp(raw(length, 0x36, 2));
    EXPECT_EQ(is<AddAddrV0>(v4), length == 8 || length == 10) << length;
    EXPECT_EQ(is<AddAddrV0>(v6), length == 20 || length == 22) << length;
    for (const MptcpOption& option : {v4, v6}) {
      const auto* add = std::get_if<AddAddrV0>(&option);
      if (!add) { continue; }
      EXPECT_EQ(add->address.family, length < 20 ? Family::v4 : Family::v6);
      EXPECT_EQ(add->port.has_value(), length == 10 || length == 22);
      EXPECT_EQ(written(option), raw(length, length < 20 ? 0x34 : 0x36, 2));
    }
  }
  EXPECT_EQ(parse_mptcp(raw(10, 0x34, 2)), MptcpOption(AddAddrV0{{2}, Address::v4(4, 5, 6, 7), 0x0809}));
}

// RFC 8684 §3.4.1: three of the four bits are reserved in version 1, so a MAC tells more than they do.
TEST(MptcpCodec, AddAddrWithAMacIsVersion1WhateverItsReservedBits) {  // [8684-3.4.1-12]
  for (const unsigned nibble : {4u, 6u}) {
    for (const unsigned length : {16u, 18u, 28u, 30u}) {
      EXPECT_TRUE(is<AddAddr>(parse_mptcp(raw(length, 0x30 | nibble, 2)))) << nibble << ' ' << length;
    }
  }
}

TEST(MptcpCodec, ShortFormsHaveOneLength) {
  for (unsigned length = 3; length <= 40; ++length) {
    EXPECT_EQ(is<RemoveAddr>(parse_mptcp(raw(length, 0x40))), length >= 4 && length <= 39) << length;
    EXPECT_EQ(is<Prio>(parse_mptcp(raw(length, 0x51))), length == 3) << length;
    EXPECT_EQ(is<PrioOfAddress>(parse_mptcp(raw(length, 0x51, 9))), length == 4) << length;  // RFC 6824 §3.3.8
    EXPECT_EQ(is<Fail>(parse_mptcp(raw(length, 0x60))), length == 12) << length;
    EXPECT_EQ(is<FastClose>(parse_mptcp(raw(length, 0x70))), length == 12) << length;
    EXPECT_EQ(is<Reset>(parse_mptcp(raw(length, 0x8d, 9))), length == 4) << length;
  }
  EXPECT_EQ(parse_mptcp(raw(4, 0x8d, 9)), MptcpOption(Reset{true, 0x0c, ResetReason{9}}));
  EXPECT_EQ(parse_mptcp(raw(4, 0x51, 9)), MptcpOption(PrioOfAddress{true, AddressId{9}}));
  EXPECT_EQ(parse_mptcp(raw(5, 0x40, 9)), MptcpOption(RemoveAddr{{AddressId{9}, AddressId{4}}}));
}

TEST(MptcpCodec, OtherSubtypesAreUnknownAtAnyLength) {
  for (unsigned subtype = 9; subtype < 16; ++subtype) {
    for (unsigned length = 3; length <= 40; ++length) {
      const MptcpOption expected = Unknown{static_cast<std::uint8_t>(subtype), static_cast<std::uint8_t>(length)};
      ASSERT_EQ(parse_mptcp(raw(length, subtype << 4)), expected);
      ASSERT_EQ(parse_mptcp(written(expected)), expected);
    }
  }
  EXPECT_EQ(parse_mptcp(raw(2, 0)), MptcpOption(Unknown{0, 2}));
}

// Figures 4 to 7, 9, 12, 15 and 16: what has no meaning leaves as 0, whatever is said besides.
// [8684-3.1-19 8684-3.1-22 8684-3.2-05 8684-3.2-11 8684-3.3-02 8684-3.4.1-11 8684-3.6-06]
TEST(MptcpCodec, ReservedBitsLeaveAsZero) {
  const CapableFlags flags{.version = 1, .checksum = true};
  EXPECT_EQ(written(CapableSyn{flags})[3], 0x81);
  EXPECT_EQ(written(CapableAck{flags, {1}, {2}})[3], 0x81);
  EXPECT_EQ(written(JoinSyn{true, {7}, {1}, 2})[2], 0x11);
  EXPECT_EQ(written(JoinSynAck{true, {7}, 1, 2})[2], 0x11);
  const Bytes8 third = written(JoinAck{});
  EXPECT_EQ(third[2], 0x10);
  EXPECT_EQ(third[3], 0x00);
  const Bytes8 dss = written(Dss{.ack = DataSeqForm{9, true}, .map = Mapping{{7, true}, 1, 100, 5}, .data_fin = true});
  EXPECT_EQ(dss[2], 0x20);
  EXPECT_EQ(dss[3], 0x1f);
  EXPECT_EQ(written(AddAddr{.echo = true, .id = {1}, .address = Address::v4(10, 0, 0, 1), .port = {}, .mac = {}})[2],
            0x31);
  EXPECT_EQ(written(Prio{true})[2], 0x51);
  EXPECT_EQ(written(Reset{.transient = true, .unknown_flags = 0, .reason = ResetReason::unspecified})[2], 0x81);
}

// RFC 8684 §3.6. [8684-3.6-08]
TEST(MptcpCodec, ReasonsHaveTheNumbersOfTheRfc) {
  constexpr ResetReason kInOrder[] = {ResetReason::unspecified,
                                      ResetReason::mptcp_error,
                                      ResetReason::lack_of_resources,
                                      ResetReason::administratively_prohibited,
                                      ResetReason::too_much_outstanding_data,
                                      ResetReason::unacceptable_performance,
                                      ResetReason::middlebox_interference};
  for (std::uint8_t number = 0; number < std::size(kInOrder); ++number) {
    EXPECT_EQ(written(Reset{.transient = false, .unknown_flags = 0, .reason = kInOrder[number]}),
              (Bytes8{30, 4, 0x80, number}));
  }
}

TEST(MptcpCodec, ReservedBitsAreIgnored) {  // [8684-3.3-01]
  EXPECT_EQ(parse_mptcp(raw(3, 0x5f)), MptcpOption(Prio{true}));
  EXPECT_EQ(parse_mptcp(raw(4, 0x2f, 0xe0)), MptcpOption(Dss{}));
  EXPECT_EQ(parse_mptcp(raw(12, 0x6f, 0xff)), MptcpOption(Fail{0x0405060708090a0b}));
}
}  // namespace
}  // namespace anabranch::wire
