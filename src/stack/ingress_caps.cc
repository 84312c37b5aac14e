#include "stack/ingress_caps.hh"

namespace anabranch::stack {

void IngressCaps::update(const Network& network, Instant now) {
  std::map<Address, Bucket> next;
  for (const Interface& i : network.interfaces) {
    for (const InterfaceAddress& a : i.addresses) {
      const Rate rate = a.use.cap;
      if (rate == Rate{}) { continue; }
      const auto old = buckets_.find(a.address);
      if (old != buckets_.end() && old->second.rate == rate) {
        next.insert(*old);
        continue;
      }
      const Bytes depth = std::max(amount_in(kDepth, rate), kLeastDepth);
      next[a.address] = {.rate = rate, .depth = depth, .tokens = depth, .filled_at = now};
    }
  }
  buckets_ = std::move(next);
}

/// Frames may be super-segments larger than the bucket: what is left pays for all of it, the rest is owed.
bool IngressCaps::admits(const Address& to, Bytes packet, Instant now) {
  const auto it = buckets_.find(to);
  if (it == buckets_.end()) { return true; }
  Bucket& b = it->second;
  const Bytes gained = amount_in(now - b.filled_at, b.rate);
  if (gained > Bytes{}) {
    b.tokens = std::min(b.tokens + gained, b.depth);
    b.filled_at = std::max(b.filled_at, b.filled_at + time_for(gained, b.rate));
  }
  if (b.tokens == Bytes{}) { return false; }
  if (packet > b.tokens) { b.filled_at = b.filled_at + time_for(packet - b.tokens, b.rate); }
  b.tokens -= packet;
  return true;
}
}  // namespace anabranch::stack
