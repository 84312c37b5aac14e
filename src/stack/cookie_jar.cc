#include "stack/cookie_jar.hh"

#include "crypto/equal.hh"
#include "crypto/isn.hh"

namespace anabranch::stack {

void CookieJar::turn_keys(Instant now) {
  if (turn_at_ > now) { return; }
  const bool both = turn_at_ == Instant{} || now - turn_at_ >= period_;  // the young one is too old by now as well
  old_ = both ? crypto::SipKey::draw(random_) : young_;
  young_ = crypto::SipKey::draw(random_);
  turn_at_ = now + period_;
}

wire::FastOpen::Cookie CookieJar::made_with(const crypto::SipKey& key, const Addresses& from) const {
  // Without ports: a cookie is for an address, whichever port it calls from.
  const std::uint64_t hash = crypto::tuple_hash(key, {from.local.address, 0}, {from.remote.address, 0});
  wire::FastOpen::Cookie out;
  for (unsigned i = 0; i < kLongest; ++i) { out.push_back(static_cast<std::uint8_t>(hash >> 8 * i)); }
  return out;
}

wire::FastOpen::Cookie CookieJar::cookie(const Addresses& from, Instant now) {
  turn_keys(now);
  return made_with(young_, from);
}

CookieJar::Answer CookieJar::check(const wire::FastOpen::Cookie& told, const Addresses& from, Instant now) {
  turn_keys(now);
  if (told.size() < kShortest || told.size() > kLongest) { return Answer::wrong; }
  const auto same = [&told](const wire::FastOpen::Cookie& ours) {
    return crypto::equal(std::span{told}, std::span{ours}.first(told.size()));
  };
  if (same(made_with(young_, from))) { return Answer::good; }
  return same(made_with(old_, from)) ? Answer::old : Answer::wrong;
}
}  // namespace anabranch::stack
