// Boxes that change where segments begin and end: a segment is no unit that anybody must keep (RFC 9293 §3.9).
#include "sim/event_queue.hh"
#include "sim/middleboxes/box.hh"
#include "wire/option_space.hh"

namespace anabranch::sim {
namespace {

/// Cuts packets with data in two.
class Split final : public TcpBox {
 public:
  Split(Meddling copies, const BoxSettings& settings) : TcpBox{settings}, copies_{copies} {}

 private:
  static constexpr std::size_t kWorthIt = 200;  ///< smaller ones pass whole

  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    const std::size_t size = packet.segment.payload.size().n;
    if (!turns_on(way) || size < kWorthIt || packet.segment.flags.syn) {
      hand_on(way, frame, out);
      return;
    }
    auto [first, second] = cut_at(packet, generator().between(1, size - 1));
    if (copies_ == Meddling::split_copy_first) { second.segment.mptcp.clear(); }
    if (copies_ == Meddling::split_copy_last) { first.segment.mptcp.clear(); }
    send(way, first, out);
    send(way, second, out);
  }

  Meddling copies_;
};

/// Joins a packet with data to the one that it waited for, if that follows it directly and both fit.
class Coalesce final : public TcpBox {
 public:
  Coalesce(Meddling keeps, const BoxSettings& settings) : TcpBox{settings}, keeps_{keeps} {}
  Instant next() const override { return due_.next(); }
  void on_time(Instant now, Out& out) override {
    while (const auto wait = due_.pop_due(now)) {
      const auto held = held_.find(wait->first);
      if (held != held_.end() && held->second.number == wait->second) { release(held, out); }
    }
  }

 private:
  static constexpr Duration kPatience{2'000'000};  ///< a few packets' time at 10 Mb/s
  struct Held {
    Way way{};
    Packet packet;
    std::uint64_t number = 0;
  };
  using Key = std::pair<SocketAddress, SocketAddress>;
  using Place = std::map<Key, Held>::iterator;

  void take(Way way, Packet& packet, Frame& frame, Instant now, Out& out) override {
    const Key key{packet.from, packet.to};
    const auto held = held_.find(key);
    if (held != held_.end() && joins(held->second.packet, packet)) {
      send(way, joined(held->second.packet, packet), out);
      held_.erase(held);
      return;
    }
    if (held != held_.end()) { release(held, out); }
    const auto& flags = packet.segment.flags;
    if (!turns_on(way) || !has_data(packet) || flags.syn || flags.fin || flags.rst) {
      hand_on(way, frame, out);
      return;
    }
    due_.push(now + kPatience, {key, ++numbers_});
    held_.emplace(key, Held{way, std::move(packet), numbers_});
  }

  bool joins(const Packet& first, const Packet& second) const {
    const auto& flags = second.segment.flags;
    return has_data(second) && !flags.syn && !flags.rst && second.segment.seq == end_of(first) &&
           size_of(first) + size_of(second) <= mtu();
  }
  Packet joined(const Packet& first, const Packet& second) const {
    Packet both = second;
    both.segment.seq = first.segment.seq;
    both.segment.payload = first.segment.payload;
    both.segment.payload.append(second.segment.payload);
    if (keeps_ == Meddling::coalesce_keep_first) { both.segment.mptcp = first.segment.mptcp; }
    if (keeps_ == Meddling::coalesce_keep_none) { both.segment.mptcp.clear(); }
    return both;
  }
  void release(Place held, Out& out) {
    send(held->second.way, held->second.packet, out);
    held_.erase(held);
  }

  Meddling keeps_;
  std::map<Key, Held> held_;
  EventQueue<std::pair<Key, std::uint64_t>> due_;
  std::uint64_t numbers_ = 0;
};
}  // namespace

std::unique_ptr<Middlebox> make_resegmenting(Meddling meddling, const BoxSettings& settings) {
  switch (meddling) {
    case Meddling::split_copy_all:
    case Meddling::split_copy_first:
    case Meddling::split_copy_last: return std::make_unique<Split>(meddling, settings);
    default: return std::make_unique<Coalesce>(meddling, settings);
  }
}
}  // namespace anabranch::sim
