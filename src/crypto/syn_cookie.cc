#include "crypto/syn_cookie.hh"

#include "crypto/isn.hh"

#include <array>

namespace anabranch::crypto {
namespace {

constexpr int kTagBits = 24;
constexpr std::uint32_t kTagMask = (1u << kTagBits) - 1;
constexpr std::uint32_t kPeriods = 2;  // valid ones: this and the one before

// What paths offer most: the default, tunnels, PPPoE, Ethernet (Linux's tables, from a study of 2011; IPv6 less 20).
constexpr std::array<std::uint32_t, 4> kMss4{536, 1300, 1440, 1460}, kMss6{1220, 1340, 1420, 1440};
constexpr std::uint32_t kLastIndex = kMss4.size() - 1;
const std::array<std::uint32_t, 4>& table(const CookieFlow& flow) {
  return flow.remote.address.family == Family::v4 ? kMss4 : kMss6;
}

// Low bits of a timestamp: window scale (15: none), SACK, ECN; as Linux lays them out.
constexpr std::uint32_t kScaleMask = 0xf, kSackBit = 1u << 4, kEcnBit = 1u << 5, kNoteMask = 0x3f;
}  // namespace

std::uint32_t note_in_timestamp(std::uint32_t clock, const TimestampNote& note) {
  const std::uint32_t bits =
      note.window_scale.value_or(kScaleMask) | (note.sack ? kSackBit : 0) | (note.ecn ? kEcnBit : 0);
  const std::uint32_t value = (clock & ~kNoteMask) | bits;
  return bits > (clock & kNoteMask) ? value - (kNoteMask + 1) : value;  // later segments must not carry earlier times
}

TimestampNote note_of_timestamp(std::uint32_t echo) {
  constexpr std::uint8_t kLargestShift = 14;  // RFC 7323 §2.3
  const auto scale = static_cast<std::uint8_t>(echo & kScaleMask);
  return {.window_scale = scale <= kLargestShift ? std::optional{scale} : std::nullopt,
          .sack = (echo & kSackBit) != 0,
          .ecn = (echo & kEcnBit) != 0};
}

SynCookie::SynCookie(Random& random)
    : base_key_{SipKey::draw(random)},
      tag_key_{SipKey::draw(random)},
      key_key_{SipKey::draw(random)},
      clock_key_{SipKey::draw(random)} {}

std::uint32_t SynCookie::base(const CookieFlow& flow) const {
  return static_cast<std::uint32_t>(tuple_hash(base_key_, flow.local, flow.remote)) + flow.peer_isn.raw;
}

std::uint32_t SynCookie::tag(const CookieFlow& flow, std::uint32_t period) const {
  SipHash hash{tag_key_};
  return static_cast<std::uint32_t>(hash.word(tuple_hash(tag_key_, flow.local, flow.remote)).word(period).finish()) &
         kTagMask;
}

SeqNum SynCookie::make(const CookieFlow& flow, std::uint32_t mss, Instant now) const {
  const std::uint32_t period = period_at(now);
  std::uint32_t index = kLastIndex;
  while (index > 0 && table(flow)[index] > mss) { --index; }
  return {base(flow) + (period << kTagBits) + ((tag(flow, period) + index) & kTagMask)};
}

std::optional<SynCookie::Valid> SynCookie::check(const CookieFlow& flow, SeqNum cookie, Instant now) const {
  const std::uint32_t rest = cookie.raw - base(flow);
  const std::uint32_t age = (period_at(now) - (rest >> kTagBits)) & 0xff;
  if (age >= kPeriods) { return std::nullopt; }
  const std::uint32_t period = period_at(now) - age;
  const std::uint32_t index = (rest - tag(flow, period)) & kTagMask;
  if (index >= table(flow).size()) { return std::nullopt; }
  return Valid{table(flow)[index], period};
}

bool SynCookie::may_follow(const CookieFlow& flow, SeqNum cookie, Bytes window, Instant now) const {
  const std::uint32_t rest = cookie.raw - base(flow);  // too small by as much as the segment begins too late
  for (std::uint32_t age = 0; age < kPeriods; ++age) {
    const std::uint32_t period = period_at(now) - age;
    const std::uint32_t value = (period << kTagBits) + tag(flow, period) + kLastIndex;
    if (value - rest <= window.n + kLastIndex) { return true; }
  }
  return false;
}

wire::Key SynCookie::key(const CookieFlow& flow, std::uint32_t period) const {
  SipHash hash{key_key_};
  hash.word(tuple_hash(key_key_, flow.local, flow.remote)).word(std::uint64_t{flow.peer_isn.raw} << 32 | period);
  const std::uint64_t raw = hash.finish();
  return {raw == 0 ? 1 : raw};
}

std::uint32_t SynCookie::timestamp_offset(const SocketAddress& local, const SocketAddress& remote) const {
  return static_cast<std::uint32_t>(tuple_hash(clock_key_, local, remote));
}
}  // namespace anabranch::crypto
