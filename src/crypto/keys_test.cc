#include "crypto/keys.hh"

#include "crypto/equal.hh"
#include "crypto/hmac.hh"
#include "crypto/isn.hh"
#include "crypto/siphash.hh"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <string_view>

namespace anabranch::crypto {
namespace {

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t b : bytes) { text += fmt::format("{:02x}", b); }
  return text;
}
std::span<const std::uint8_t> ascii(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// FIPS 180-2 appendix.
TEST(Sha, OfAbc) {
  EXPECT_EQ(hex(sha256(ascii("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha1(ascii("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

// Both keys (16 bytes) and both nonces (8 bytes), as ASCII: a known table for MPTCP's HMAC.
TEST(Hmac, OfTwoKeysAndTwoNonces) {
  struct Row {
    std::string_view key, message, mac;
  };
  constexpr Row rows[] = {
      {"0b0b0b0b0b0b0b0b", "48692054", "8385e24fb4235ac37556b6b886db106284a1da671699f46db1f235ec622dcafa"},
      {"aaaaaaaaaaaaaaaa", "dddddddd", "2c5e219164ff1dca1c4a92318d847bb6b9d44492984e1eb71aff9022f71046e9"},
      {"0102030405060708", "cdcdcdcd", "e73b9ba9969969cefb04aa0d6df18ec2fcc075b6f23b4d8c4da736a5dbbc6e7d"},
  };
  for (const Row& row : rows) { EXPECT_EQ(hex(hmac_sha256(ascii(row.key), ascii(row.message))), row.mac); }
}

// RFC 4231 cases 1, 2 and 6 (a key longer than a block); RFC 2202 case 2.
TEST(Hmac, OfTheRfcTestCases) {
  const std::array<std::uint8_t, 20> key1 = [] {
    std::array<std::uint8_t, 20> k{};
    k.fill(0x0b);
    return k;
  }();
  EXPECT_EQ(hex(hmac_sha256(key1, ascii("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(ascii("Jefe"), ascii("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::array<std::uint8_t, 131> key6 = [] {
    std::array<std::uint8_t, 131> k{};
    k.fill(0xaa);
    return k;
  }();
  EXPECT_EQ(hex(hmac_sha256(key6, ascii("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac_sha1(ascii("Jefe"), ascii("what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(Keys, TokenAndFirstDataSequenceNumberOfAKnownKey) {  // [8684-3.1-25 8684-3.1-26 8684-3.1-27 8684-3.1-28]
  const wire::Key key{0x0102030405060708};
  EXPECT_EQ(token_of(key).raw, 0x66840ddau);
  EXPECT_EQ(idsn_of(key).raw, 0xf5a101d3d29d6f72u);
  EXPECT_EQ(token_of(key, wire::Version::v0).raw, 0xdd5783bcu);
  EXPECT_EQ(idsn_of(key, wire::Version::v0).raw, 0x3a95ed6e4ebb4ad5u);
}

// The keys and nonces of the table above, as numbers.
TEST(Keys, JoinMacsAreTheFrontOfTheHmac) {  // [8684-3.2-12]
  const JoinParty sender{{0x3061306130613061}, 0x64646464}, receiver{{0x6161616161616161}, 0x64646464};
  std::array<std::uint8_t, 16> key{};
  std::ranges::copy(ascii("0a0a0a0aaaaaaaaa"), key.begin());
  const std::string whole = hex(hmac_sha256(key, ascii("dddddddd")));
  EXPECT_EQ(fmt::format("{:016x}", join_syn_ack_mac(sender, receiver)), whole.substr(0, 16));
  EXPECT_EQ(hex(join_ack_mac(sender, receiver)), whole.substr(0, 40));
  const std::string v0 = hex(hmac_sha1(key, ascii("dddddddd")));
  EXPECT_EQ(fmt::format("{:016x}", join_syn_ack_mac(sender, receiver, wire::Version::v0)), v0.substr(0, 16));
  EXPECT_EQ(hex(join_ack_mac(sender, receiver, wire::Version::v0)), v0);
}

TEST(Keys, JoinMacsDependOnWhoSends) {
  const JoinParty a{{1}, 2}, b{{3}, 4};
  EXPECT_NE(join_syn_ack_mac(a, b), join_syn_ack_mac(b, a));
  EXPECT_NE(join_ack_mac(a, b), join_ack_mac(b, a));
}

// RFC 8684 §3.4.1: the rightmost 64 bits of HMAC(sender's key, receiver's key; id, address, port).
TEST(Keys, AddAddrMacIsTheEndOfTheHmac) {  // [8684-3.4.1-09]
  const std::uint8_t key[] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2};
  const std::uint8_t v4[] = {5, 10, 0, 2, 1, 0, 80};
  const Address address = Address::v4(10, 0, 2, 1);
  EXPECT_EQ(fmt::format("{:016x}", add_addr_mac({1}, {2}, {5}, address, 80)), hex(hmac_sha256(key, v4)).substr(48));
  const std::uint8_t no_port[] = {5, 10, 0, 2, 1, 0, 0};
  EXPECT_EQ(fmt::format("{:016x}", add_addr_mac({1}, {2}, {.id = {5}, .address = address, .port = {}, .mac = {}})),
            hex(hmac_sha256(key, no_port)).substr(48));
  std::uint8_t v6[19] = {5, 0xfe, 0x80};
  v6[16] = 9;
  EXPECT_EQ(fmt::format("{:016x}", add_addr_mac({1}, {2}, {5}, *address_from_text("fe80::9"), 0)),
            hex(hmac_sha256(key, v6)).substr(48));
}

TEST(Equal, ComparesWholeValues) {
  const std::uint8_t a[] = {1, 2, 3}, b[] = {1, 2, 4};
  EXPECT_TRUE(equal(a, a));
  EXPECT_FALSE(equal(a, b));
  EXPECT_FALSE(equal(std::span{a}, std::span{a}.first(2)));
  EXPECT_TRUE(equal(7u, 7u));
  EXPECT_FALSE(equal(std::uint64_t{1} << 63, 0u));
}

// The vectors of the SipHash paper's reference: key 00..0f, message 00, 01, ... of growing length.
TEST(SipHash, OfTheReferenceVectors) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::uint8_t message[16];
  for (std::uint8_t i = 0; i < 16; ++i) { message[i] = i; }
  EXPECT_EQ(siphash(key, std::span{message}.first(0)), 0x726fdb47dd0e0e31u);
  EXPECT_EQ(siphash(key, std::span{message}.first(1)), 0x74f839c593dc67fdu);
  EXPECT_EQ(siphash(key, std::span{message}.first(8)), 0x93f5f5799a932462u);
  EXPECT_EQ(siphash(key, std::span{message}.first(15)), 0xa129ca6149be45e5u);
}

// [9293-MUST-8 9293-MUST-9 9293-SHLD-1 8684-3-05]
// RFC 6528 §3: F differs between tuples, and for one tuple numbers only move with the clock.
TEST(Isn, TicksEveryFourMicrosecondsAndDependsOnTheTupleAndTheSecret) {
  const SipKey key{1, 2};
  const SocketAddress local{Address::v4(10, 0, 0, 1), 1000}, remote{Address::v4(10, 0, 0, 2), 80};
  const SeqNum first = initial_seq(key, local, remote, Instant{0});
  EXPECT_EQ(initial_seq(key, local, remote, Instant{3'999}).raw, first.raw);
  EXPECT_EQ(initial_seq(key, local, remote, Instant{4'000}).raw, first.raw + 1);
  EXPECT_EQ(initial_seq(key, local, remote, Instant{1'000'000'000}).raw, first.raw + 250'000);
  std::set<std::uint32_t> seen{first.raw};
  seen.insert(initial_seq({2, 2}, local, remote, Instant{0}).raw);
  seen.insert(initial_seq(key, remote, local, Instant{0}).raw);
  for (std::uint16_t port = 1001; port < 1100; ++port) {
    seen.insert(initial_seq(key, {local.address, port}, remote, Instant{0}).raw);
  }
  EXPECT_EQ(seen.size(), 102u);
}
}  // namespace
}  // namespace anabranch::crypto
