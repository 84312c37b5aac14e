/// What boxes that understand TCP have in common: packets as values, flows, and room for what they write.
///
/// Packets that are no readable TCP pass a `TcpBox` as they came; so does every frame that a box hands on unchanged.
/// A flow is known by its two ends as the first end of the link sees them; the table forgets the oldest when it is full.
#pragma once
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "sim/middlebox.hh"

#include <deque>
#include <map>
#include <optional>

namespace anabranch::sim {

/// A TCP packet as a value.
struct Packet {
  SocketAddress from, to;
  Segment segment;
  std::uint8_t tos = 0;
  InterfaceId interface{};  ///< of the frame it came in
};
std::optional<Packet> read_packet(const Frame& frame);
std::size_t size_of(const Packet& packet);  ///< IP header and all
bool opens(const Packet& packet);           ///< SYN without ACK
bool has_data(const Packet& packet);
/// The segment's payload as bytes, and back.
inline std::vector<std::uint8_t> bytes_of(const Packet& packet) { return packet.segment.payload.to_vector(); }

template <class Form>
const Form* option(const Packet& packet) {
  return wire::find<Form>(packet.segment.mptcp);
}
template <class Form>
Form* option(Packet& packet) {
  return const_cast<Form*>(wire::find<Form>(packet.segment.mptcp));
}

class TcpBox : public Middlebox {
 public:
  explicit TcpBox(const BoxSettings& settings) : settings_{settings}, arena_{settings.pool}, packer_{settings.pool} {}
  void pass(Way way, Frame frame, Instant now, std::vector<Sent>& out) final;

 protected:
  using Out = std::vector<Sent>;
  /// `frame` is what `packet` was read from.
  virtual void take(Way way, Packet& packet, Frame& frame, Instant now, Out& out) = 0;

  static void hand_on(Way way, Frame& frame, Out& out) { out.push_back({way, std::move(frame)}); }
  void send(Way way, const Packet& packet, Out& out);
  Chain keep(std::span<const std::uint8_t> bytes) { return packer_.copy(bytes); }
  bool turns_on(Way way) const { return contains(settings_.ways, way); }
  Generator& generator() { return settings_.generator; }
  std::uint32_t mtu() const { return settings_.mtu; }
  const BoxSettings& settings() const { return settings_; }
  HeaderArena& arena() { return arena_; }

 private:
  BoxSettings settings_;
  HeaderArena arena_;
  Packer packer_;
  std::uint16_t ipv4_id_ = 0;
};

/// State by flow.
template <class State>
class FlowTable {
 public:
  static constexpr std::size_t kMost = 4096;  ///< as many as a small router keeps
  /// The state of the packet's flow, made if it is new. A SYN that opens one begins it anew, unless it is a repetition.
  State& of(Way way, const Packet& packet) {
    const Key key = way == Way::forth ? Key{packet.from, packet.to} : Key{packet.to, packet.from};
    auto found = flows_.find(key);
    if (found != flows_.end() && opens(packet) && found->second.syn != packet.segment.seq) {
      found->second = {State{}, packet.segment.seq};
    }
    if (found == flows_.end()) {
      if (order_.size() == kMost) {
        flows_.erase(order_.front());
        order_.pop_front();
      }
      order_.push_back(key);
      found = flows_.emplace(key, Entry{State{}, packet.segment.seq}).first;
    }
    return found->second.state;
  }
  template <class F>
  void each(F&& f) {
    for (auto& [key, entry] : flows_) { f(entry.state); }
  }
  template <class F>
  void each(F&& f) const {
    for (const auto& [key, entry] : flows_) { f(entry.state); }
  }

 private:
  using Key = std::pair<SocketAddress, SocketAddress>;
  struct Entry {
    State state;
    SeqNum syn;
  };
  std::map<Key, Entry> flows_;
  std::deque<Key> order_;
};

/// How far `a` is past `b` on the circle; negative when it is before.
constexpr std::int32_t ahead(SeqNum a, SeqNum b) { return static_cast<std::int32_t>(a.raw - b.raw); }
constexpr SeqNum plus(SeqNum a, std::uint64_t n) { return {static_cast<std::uint32_t>(a.raw + n)}; }
inline SeqNum end_of(const Packet& packet) { return plus(packet.segment.seq, packet.segment.length()); }

/// The parts of a packet's sequence space before and from `at` on (bytes of payload). FIN and PSH go with the second.
std::pair<Packet, Packet> cut_at(const Packet& packet, std::size_t at);

using MakeBox = std::unique_ptr<Middlebox> (*)(Meddling, const BoxSettings&);
std::unique_ptr<Middlebox> make_stripping(Meddling, const BoxSettings&);     ///< strip.cc
std::unique_ptr<Middlebox> make_intruding(Meddling, const BoxSettings&);     ///< intrude.cc
std::unique_ptr<Middlebox> make_translating(Meddling, const BoxSettings&);   ///< translate.cc
std::unique_ptr<Middlebox> make_resegmenting(Meddling, const BoxSettings&);  ///< resegment.cc
std::unique_ptr<Middlebox> make_editing(Meddling, const BoxSettings&);       ///< edit.cc
std::unique_ptr<Middlebox> make_proxying(Meddling, const BoxSettings&);      ///< proxy.cc
std::unique_ptr<Middlebox> make_disordering(Meddling, const BoxSettings&);   ///< disorder.cc
}  // namespace anabranch::sim
