#include "sim/path.hh"

#include "packet/dissect.hh"
#include "sim/port.hh"
#include "wire/ip.hh"

#include <algorithm>
#include <numeric>

namespace anabranch::sim {
namespace {
constexpr std::uint64_t kOffset = 0xcbf29ce484222325u, kPrime = 0x100000001b3u;  // FNV-1a
constexpr std::uint64_t kFinish = 0xff51afd7ed558ccdu;                           // MurmurHash3's finalizer

std::uint16_t port_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
}  // namespace

std::optional<FlowKey> flow_of(const Frame& frame) {
  if (frame.bytes.empty()) { return std::nullopt; }
  const auto head = frame.bytes.slices().front().bytes();
  if (head.size() < 20) { return std::nullopt; }
  const bool v6 = head[0] >> 4 == 6;
  // Our stacks write neither IPv4 options nor IPv6 extension headers; behind those there are just no ports to see.
  const std::size_t from = v6 ? 8 : 12, size = v6 ? 16 : 4, end = v6 ? 40 : 20;
  const std::uint8_t protocol = head[v6 ? 6 : 9];
  const Family family = v6 ? Family::v6 : Family::v4;
  if ((head[0] >> 4 != 4 && !v6) || head.size() < end) { return std::nullopt; }
  FlowKey key{Address::of(family, head.subspan(from, size)), Address::of(family, head.subspan(from + size, size))};
  if (protocol == wire::kProtocolTcp && head.size() >= end + 4) {
    key.source_port = port_at(head, end);
    key.destination_port = port_at(head, end + 2);
  }
  return key;
}

std::uint64_t flow_hash(const FlowKey& key, std::uint64_t seed) {
  std::uint64_t hash = kOffset ^ seed;
  const auto mix = [&hash](std::uint64_t word) { hash = (hash ^ word) * kPrime, hash ^= hash >> 29; };
  for (const Address* address : {&key.source, &key.destination}) {
    for (std::size_t i = 0; i < 16; i += 8) {
      std::uint64_t word = 0;
      for (std::size_t j = 0; j < 8; ++j) { word = word << 8 | address->raw[i + j]; }
      mix(word);
    }
  }
  mix(std::uint64_t{key.source_port} << 16 | key.destination_port);
  hash = (hash ^ hash >> 33) * kFinish;
  return hash ^ hash >> 33;
}

Path::Path(unsigned number, Port& first, Port& second, Generator generator, SlabPool& pool, Agenda& agenda,
           const Instant& clock)
    : Passage{pool, agenda, clock},
      number_{number},
      ends_{&first, &second},
      generator_{generator},
      hash_seed_{generator_.next()} {}

void Path::add(std::vector<Pipe*> forth, std::vector<Pipe*> back) {
  ANABRANCH_CHECK(!forth.empty() && !back.empty());
  const auto route = [&](std::vector<Pipe*> pipes, const Port& from, const Port& to) {
    return Route{std::move(pipes), &to.host(), to.interface(), &from.host(), number_};
  };
  routes_.push_back({route(std::move(forth), *ends_[0], *ends_[1]), route(std::move(back), *ends_[1], *ends_[0])});
  deck_.clear();
  for (Port* end : ends_) { end->forget_flows(); }
}

/// The next one of a deck that is shuffled anew when it is used up.
std::size_t Path::deal() {
  if (deck_.empty()) {
    deck_.resize(routes_.size());
    std::iota(deck_.begin(), deck_.end(), std::size_t{0});
    for (std::size_t i = deck_.size(); i > 1; --i) { std::swap(deck_[i - 1], deck_[generator_.below(i)]); }
  }
  const std::size_t out = deck_.back();
  deck_.pop_back();
  return out;
}

std::size_t Path::alternative_of(const FlowKey& key) {
  if (routes_.size() < 2) { return 0; }
  const FlowKey reversed = key.reversed();
  // One name for both directions.
  const auto order = [](const FlowKey& k) { return std::tie(k.source, k.source_port); };
  const FlowKey& flow = order(key) < order(reversed) ? key : reversed;
  if (spread_ == Spread::hash) { return flow_hash(flow, hash_seed_) % routes_.size(); }
  const auto [at, fresh] = dealt_.try_emplace(flow, 0);
  if (fresh) { at->second = deal(); }
  return at->second % routes_.size();
}

const Route* Path::route_of(const Port& from, const FlowKey& key) {
  if (routes_.empty()) { return nullptr; }
  return &routes_[alternative_of(key)][&from == ends_[0] ? 0 : 1];
}

void Path::offer(const Port& from, Frame frame) {
  pass(&from == ends_[0] ? Way::forth : Way::back, from.host(), std::move(frame));
}

void Path::carry(Way way, Frame frame) {
  const auto key = flow_of(frame);
  const Route* route = key ? route_of(*ends_[way == Way::forth ? 0 : 1], *key) : nullptr;
  if (route != nullptr) { route->pipes.front()->offer(std::move(frame), clock(), route); }
}

void Path::watching_changed() {
  for (Port* end : ends_) { end->forget_flows(); }
}

const Host& Path::end_of(Way way) const { return ends_[way == Way::forth ? 0 : 1]->host(); }
}  // namespace anabranch::sim
