#include "crypto/syn_cookie.hh"

#include "crypto/keys.hh"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <set>

namespace anabranch::crypto {
namespace {

CookieFlow flow_of(std::uint8_t last, std::uint16_t port, std::uint32_t isn) {
  return {{Address::v4(10, 1, 0, 1), 80}, {Address::v4(10, 1, 0, last), port}, {isn}};
}
struct Jar {
  explicit Jar(std::uint64_t seed = 1) : random{seed}, cookie{random} {}
  Generator random;
  SynCookie cookie;
};
constexpr Instant kNow{1'000'000'000'000};

// RFC 4987 §3.6.
RC_GTEST_PROP(SynCookie, IsGoodForItsPeriodAndTheNext, (std::uint64_t seed, std::uint32_t isn, std::uint32_t ms)) {
  const Jar jar{seed};
  const CookieFlow flow = flow_of(2, 5000, isn);
  const Instant made{std::int64_t{ms} * 1'000'000};
  const SeqNum cookie = jar.cookie.make(flow, 1460, made);
  const std::int64_t next = (made.ns / SynCookie::kPeriod.ns + 1) * SynCookie::kPeriod.ns;
  const Instant last{next + SynCookie::kPeriod.ns - 1};
  for (const Instant t : {made, Instant{next}, last}) {
    const auto valid = jar.cookie.check(flow, cookie, t);
    RC_ASSERT(valid.has_value());
    RC_ASSERT(valid->period == SynCookie::period_at(made));
  }
  RC_ASSERT(!jar.cookie.check(flow, cookie, {last.ns + 1}));
}

TEST(SynCookie, KeepsTheLargestStepOfTheMssThatIsNotTooLarge) {
  const Jar jar;
  CookieFlow flow = flow_of(2, 5000, 77);
  const auto kept = [&](std::uint32_t mss) {
    return jar.cookie.check(flow, jar.cookie.make(flow, mss, kNow), kNow)->mss;
  };
  EXPECT_EQ(kept(9000), 1460u);
  EXPECT_EQ(kept(1460), 1460u);
  EXPECT_EQ(kept(1459), 1440u);
  EXPECT_EQ(kept(1300), 1300u);
  EXPECT_EQ(kept(600), 536u);
  EXPECT_EQ(kept(100), 536u);  // RFC 9293 §3.7.1: every host takes that much
  flow.local.address.family = flow.remote.address.family = Family::v6;
  EXPECT_EQ(kept(9000), 1440u);
  EXPECT_EQ(kept(1380), 1340u);
  EXPECT_EQ(kept(100), 1220u);
}

// Four steps in two periods: of all numbers eight are good.
TEST(SynCookie, IsHardToGuess) {
  Jar jar;
  const CookieFlow flow = flow_of(2, 5000, 77);
  unsigned good = 0;
  for (unsigned i = 0; i < 1'000'000; ++i) {
    good += jar.cookie.check(flow, {static_cast<std::uint32_t>(jar.random.next())}, kNow) ? 1 : 0;
  }
  EXPECT_LE(good, 1u);
}

TEST(SynCookie, IsOfItsFlowAndItsSecretsOnly) {
  const Jar jar, other{2};
  const CookieFlow flow = flow_of(2, 5000, 77);
  const SeqNum cookie = jar.cookie.make(flow, 1460, kNow);
  EXPECT_TRUE(jar.cookie.check(flow, cookie, kNow));
  EXPECT_FALSE(jar.cookie.check(flow_of(3, 5000, 77), cookie, kNow));
  EXPECT_FALSE(jar.cookie.check(flow_of(2, 5001, 77), cookie, kNow));
  EXPECT_FALSE(jar.cookie.check(flow_of(2, 5000, 1077), cookie, kNow));
  EXPECT_FALSE(other.cookie.check(flow, cookie, kNow));
}

RC_GTEST_PROP(SynCookie, ASegmentWithinTheFirstWindowMayFollow, (std::uint32_t isn, std::uint32_t later)) {
  const Jar jar;
  const std::uint32_t steps[] = {100, 1300, 1440, 1460};
  const SeqNum cookie = jar.cookie.make(flow_of(2, 5000, isn), steps[later % 4], kNow);
  const std::uint32_t gap = 1 + later % 65535;
  RC_ASSERT(jar.cookie.may_follow(flow_of(2, 5000, isn + gap), cookie, {65535}, kNow));
  RC_ASSERT(jar.cookie.may_follow(flow_of(2, 5000, isn + gap), cookie, {65535}, kNow + SynCookie::kPeriod));
  RC_ASSERT(!jar.cookie.may_follow(flow_of(2, 5000, isn + 65540 + gap), cookie, {65535}, kNow));
  RC_ASSERT(!jar.cookie.may_follow(flow_of(2, 5000, isn - 4 - gap), cookie, {65535}, kNow));
}

TEST(SynCookie, KeysDifferByFlowSequenceNumberAndPeriodAndAreKnownAgain) {
  const Jar jar;
  std::set<std::uint64_t> keys;
  for (std::uint16_t port = 5000; port < 5010; ++port) {
    for (std::uint32_t isn = 0; isn < 10; ++isn) {
      for (std::uint32_t period = 0; period < 3; ++period) {
        const wire::Key key = jar.cookie.key(flow_of(2, port, isn), period);
        EXPECT_EQ(key, jar.cookie.key(flow_of(2, port, isn), period));
        keys.insert(key.raw);
      }
    }
  }
  EXPECT_EQ(keys.size(), 300u);
  EXPECT_FALSE(keys.contains(0));
}

// RFC 7323 §5.4: what it says is ours, but it must not go back.
RC_GTEST_PROP(TimestampNote, ComesBackAndIsNeverAheadOfTheClock,
              (std::uint32_t clock, std::uint8_t scale, bool sack, bool ecn)) {
  TimestampNote note{.window_scale = scale % 16, .sack = sack, .ecn = ecn};
  if (*note.window_scale > 14) { note.window_scale.reset(); }
  const std::uint32_t value = note_in_timestamp(clock, note);
  RC_ASSERT(note_of_timestamp(value) == note);
  RC_ASSERT(clock - value < 64u);
}

// --- wiping

template <class T, class... Args>
bool leaves_a_trace(std::uint64_t secret, Args&&... args) {
  alignas(T) unsigned char memory[sizeof(T)] = {};
  const auto holds = [&] {
    for (std::size_t i = 0; i + sizeof secret <= sizeof memory; ++i) {
      if (std::memcmp(memory + i, &secret, sizeof secret) == 0) { return true; }
    }
    return false;
  };
  T* object = new (memory) T(std::forward<Args>(args)...);
  EXPECT_TRUE(holds());
  object->~T();
  return holds();
}

TEST(Wiping, SecretsLeaveNoTrace) {
  constexpr std::uint64_t kSecret = 0x0123456789abcdefu;
  EXPECT_FALSE(leaves_a_trace<Secret<wire::Key>>(kSecret, wire::Key{kSecret}));
  EXPECT_FALSE(leaves_a_trace<SipKey>(kSecret, SipKey{.k0 = kSecret, .k1 = 1}));
  EXPECT_FALSE(leaves_a_trace<JoinParty>(kSecret, JoinParty{{kSecret}, 1}));
  EXPECT_TRUE(leaves_a_trace<wire::Key>(kSecret, wire::Key{kSecret}));  // the test can fail
}
}  // namespace
}  // namespace anabranch::crypto
