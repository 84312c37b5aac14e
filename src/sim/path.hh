/// A path joins an interface of one host with an interface of another, through a sequence of pipes each way.
///
/// It may have alternatives, as between two hosts of a data centre. A flow takes one of them, both ways: by a seeded
/// hash of its addresses and ports, as routers with equal-cost paths do (RFC 2992), or dealt one after the other.
/// Routes are chosen where packets enter; there are no routers. Owned by the fabric.
#pragma once
#include "base/names.hh"
#include "packet/segment.hh"
#include "sim/link.hh"
#include "sim/passage.hh"

#include <deque>
#include <optional>
#include <unordered_map>

namespace anabranch::sim {

class Port;

enum class Spread : std::uint8_t {
  hash,   ///< by what the hash of the flow says: two flows may share an alternative while another stays empty
  dealt,  ///< each new flow takes the next one of a shuffled deck: all different while there are enough
};

/// One way there and back.
struct Alternative {
  std::vector<Pipe*> forth, back;
};

/// Who a flow belongs to, in network order of the packet: what an ECMP hash reads.
struct FlowKey {
  Address source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  bool operator==(const FlowKey&) const = default;
  FlowKey reversed() const { return {destination, source, destination_port, source_port}; }
};
/// Of a packet whose headers lie in its first slice; ports are 0 if it is not TCP. None: not an IP packet.
std::optional<FlowKey> flow_of(const Frame& frame);
std::uint64_t flow_hash(const FlowKey& key, std::uint64_t seed);

class Path final : public Passage {
 public:
  Path(unsigned number, Port& first, Port& second, Generator generator, SlabPool& pool, Agenda& agenda,
       const Instant& clock);

  /// One more alternative: pipes that packets of the first port go through, in order, and of the second.
  void add(std::vector<Pipe*> forth, std::vector<Pipe*> back);
  void set_spread(Spread spread) { spread_ = spread; }
  std::size_t alternatives() const { return routes_.size(); }
  /// The alternative that this flow takes (from either end); the same ever after.
  std::size_t alternative_of(const FlowKey& key);

  unsigned number() const { return number_; }
  Port& end(std::size_t side) const { return *ends_[side]; }
  Port& other_end(const Port& port) const { return *ends_[ends_[0] == &port ? 1 : 0]; }
  /// A frame that this port sends.
  void offer(const Port& from, Frame frame);
  /// Where packets of this flow go from `from`; nullptr: nothing passes. For a path without tap or box.
  const Route* route_of(const Port& from, const FlowKey& key);
  bool watched() const { return watches(); }

 private:
  struct KeyHash {
    std::size_t operator()(const FlowKey& key) const { return flow_hash(key, 0); }
  };
  using TwoRoutes = std::array<Route, 2>;  ///< forth, back
  void carry(Way way, Frame frame) override;
  const Host& end_of(Way way) const override;
  void watching_changed() override;
  std::size_t deal();

  unsigned number_;
  Port* ends_[2];
  Generator generator_;
  std::uint64_t hash_seed_;
  Spread spread_ = Spread::hash;
  std::deque<TwoRoutes> routes_;  ///< places do not change: packets under way point to them
  std::vector<std::size_t> deck_;
  std::unordered_map<FlowKey, std::size_t, KeyHash> dealt_;  ///< never iterated
};
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Spread> {
  static constexpr std::string_view list[] = {"hash", "dealt"};
};
