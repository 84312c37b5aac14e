#include "stack/join_table.hh"

#include <algorithm>

namespace anabranch::stack {

PendingJoin PendingJoin::of(const Addresses& addresses, const Segment& syn, SeqNum our_isn, std::uint32_t nonce,
                            Instant now) {
  return {.addresses = addresses,
          .peer_isn = syn.seq,
          .our_isn = our_isn,
          .mss = syn.tcp.mss.value_or(0),
          .window_scale = syn.tcp.window_scale,
          .sack = syn.tcp.sack_permitted,
          .ecn = syn.flags.ece && syn.flags.cwr,
          .option = *wire::find<wire::JoinSyn>(syn.mptcp),
          .nonce = nonce,
          .at = now};
}

Segment PendingJoin::syn(const std::optional<wire::Timestamps>& stamps) const {
  Segment out;
  out.seq = peer_isn;
  out.flags.syn = true;
  out.flags.ece = out.flags.cwr = ecn;
  if (mss != 0) { out.tcp.mss = mss; }
  out.tcp.window_scale = window_scale;
  out.tcp.sack_permitted = sack;
  out.tcp.timestamps = stamps;
  out.mptcp.push_back(option);
  return out;
}

JoinTable::JoinTable(std::size_t places, Random& random)
    : sets_{std::max<std::size_t>(places / kPlaces, 1)},
      key_{crypto::SipKey::draw(random)},
      index_{0, Hash{crypto::SipKey::draw(random)}} {}

std::size_t JoinTable::place_for(const PendingJoin& join) const {
  if (const auto it = index_.find(join.addresses); it != index_.end()) { return it->second; }
  const std::size_t first = crypto::SipHash{key_}.word(join.option.token.raw).finish() % sets_ * kPlaces;
  std::size_t oldest = first;
  for (std::size_t i = first; i < first + kPlaces; ++i) {
    if (!places_[i]) { return i; }
    if (places_[i]->at < places_[oldest]->at) { oldest = i; }
  }
  return oldest;
}

void JoinTable::put(const PendingJoin& join) {
  if (places_.empty()) { places_.resize(most()); }
  const std::size_t place = place_for(join);
  if (places_[place]) { index_.erase(places_[place]->addresses); }
  places_[place] = join;
  index_[join.addresses] = place;
}

std::optional<PendingJoin> JoinTable::find(const Addresses& addresses, const Segment& third, Instant now) const {
  const auto it = index_.find(addresses);
  if (it == index_.end()) { return std::nullopt; }
  const PendingJoin& join = *places_[it->second];
  const bool fits = third.ack.raw == join.our_isn.raw + 1 && third.seq.raw == join.peer_isn.raw + 1;
  return fits && now - join.at <= kLife ? std::optional{join} : std::nullopt;
}

std::optional<PendingJoin> JoinTable::repeated(const Addresses& addresses, const Segment& syn) const {
  const auto it = index_.find(addresses);
  if (it == index_.end()) { return std::nullopt; }
  const PendingJoin& join = *places_[it->second];
  const bool same = join.peer_isn == syn.seq && join.option == *wire::find<wire::JoinSyn>(syn.mptcp);
  return same ? std::optional{join} : std::nullopt;
}

void JoinTable::erase(const Addresses& addresses) {
  const auto it = index_.find(addresses);
  if (it == index_.end()) { return; }
  places_[it->second].reset();
  index_.erase(it);
}
}  // namespace anabranch::stack
