#include "mptcp/dialect.hh"

#include <gtest/gtest.h>

namespace anabranch::mptcp {
namespace {

constexpr wire::Key kKey{0x0102030405060708};

const Dialect* what_a_syn_offers(const wire::MptcpOption& option, Versions ours) {
  wire::MptcpOptions options;
  options.push_back(option);
  return offered(options, ours);
}

// RFC 8684 §3.1, RFC 6824 §3.1.
TEST(Dialect, OfASynFollowsFromItsFormItsVersionAndOurs) {
  for (const Versions ours : {Versions::v0, Versions::v1, Versions::prefer_v1}) {
    for (std::uint8_t version = 0; version < 16; ++version) {
      const wire::CapableFlags flags{.version = version};
      const bool v1 = version >= 1 && ours != Versions::v0, v0 = version == 0 && ours != Versions::v1;
      EXPECT_EQ(v1 ? &kVersion1 : nullptr, what_a_syn_offers(wire::CapableSyn{flags}, ours)) << int{version};
      EXPECT_EQ(v0 ? &kVersion0 : nullptr, what_a_syn_offers(wire::CapableKey{flags, kKey}, ours)) << int{version};
    }
  }
}

TEST(Dialect, IsNoneWhereTheSynForbidsIt) {
  const wire::CapableFlags extended{.version = 0, .extensibility = true}, no_hash{.version = 0, .hmac = false};
  for (const wire::CapableFlags& flags : {extended, no_hash}) {
    wire::CapableFlags later = flags;
    later.version = 1;
    EXPECT_EQ(nullptr, what_a_syn_offers(wire::CapableKey{flags, kKey}, Versions::prefer_v1));
    EXPECT_EQ(nullptr, what_a_syn_offers(wire::CapableSyn{later}, Versions::prefer_v1));
  }
  EXPECT_EQ(nullptr, what_a_syn_offers(wire::CapableKey{{.version = 0}, {}}, Versions::prefer_v1));
  EXPECT_EQ(nullptr, what_a_syn_offers(wire::CapableAck{{.version = 0}, kKey, kKey}, Versions::prefer_v1));
  EXPECT_EQ(nullptr, offered({}, Versions::prefer_v1));
}

TEST(Dialect, DerivesFromKeysByItsOwnHash) {
  EXPECT_EQ(&kVersion0, &dialect_of(wire::Version::v0));
  EXPECT_EQ(&kVersion1, &dialect_of(wire::Version::v1));
  EXPECT_EQ(0xdd5783bcu, kVersion0.token_of(kKey).raw);
  EXPECT_EQ(0x66840ddau, kVersion1.token_of(kKey).raw);
  EXPECT_EQ(0x3a95ed6e4ebb4ad5u, kVersion0.first_data_seq(kKey).raw);
  EXPECT_EQ(0xf5a101d3d29d6f72u, kVersion1.first_data_seq(kKey).raw);
  const crypto::JoinParty a{kKey, 1}, b{{9}, 2};
  for (const Dialect* d : {&kVersion0, &kVersion1}) {
    EXPECT_EQ(crypto::join_syn_ack_mac(a, b, d->version), d->join_syn_ack_mac(a, b));
    EXPECT_EQ(crypto::join_ack_mac(a, b, d->version), d->join_ack_mac(a, b));
  }
  EXPECT_NE(kVersion0.join_syn_ack_mac(a, b), kVersion1.join_syn_ack_mac(a, b));
}
}  // namespace
}  // namespace anabranch::mptcp
