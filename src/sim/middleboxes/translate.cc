// Boxes that rewrite addresses, ports and sequence numbers, and put them back on the way home.
#include "sim/middleboxes/box.hh"

namespace anabranch::sim {
namespace {

/// A translator in front of the link's first end: whoever opens a connection from there appears under another address
/// and port. With `rebinds`, it forgets the first flow that has sent so many packets; what comes next gets a new port,
/// what is for the old one is dropped (RFC 4787 §4.3 and RFC 5382 §5 say how long it should remember).
class Nat final : public TcpBox {
 public:
  Nat(bool rebinds, const BoxSettings& settings) : TcpBox{settings}, rebinds_{rebinds} {}

 private:
  static constexpr std::uint64_t kForgottenAfter = 150;  ///< about the middle of a transfer of a megabyte
  static constexpr std::uint16_t kFirstPort = 20000;     ///< below the ports that hosts choose
  static constexpr std::uint8_t kLastByte = 77;
  struct Binding {
    SocketAddress inside;
    std::uint64_t packets = 0;
  };

  void take(Way way, Packet& packet, Frame&, Instant, Out& out) override {
    if (way == Way::forth) {
      packet.from = outside_of(packet);
      send(way, packet, out);
      return;
    }
    const auto found = bindings_.find(packet.to.port);
    if (found == bindings_.end()) { return; }
    packet.to = found->second.inside;
    send(way, packet, out);
  }

  SocketAddress outside_of(const Packet& packet) {
    auto port = ports_.find({packet.from, packet.to});
    if (port != ports_.end() && rebinds_ && ++bindings_[port->second].packets == kForgottenAfter) {
      rebinds_ = false;
      bindings_.erase(port->second);
      ports_.erase(port);
      port = ports_.end();
    }
    if (port == ports_.end()) {
      if (bindings_.size() ==
          FlowTable<int>::kMost) {  // a table that is full begins anew, like a box switched off and on
        bindings_.clear();
        ports_.clear();
      }
      while (bindings_.contains(next_)) { ++next_; }
      port = ports_.emplace(std::pair{packet.from, packet.to}, next_).first;
      bindings_[next_++] = {packet.from, 0};
    }
    SocketAddress outside{packet.from.address, port->second};
    if (settings().changes_addresses) { outside.address.raw[outside.address.size() - 1] = kLastByte; }
    return outside;
  }

  bool rebinds_;
  std::map<std::pair<SocketAddress, SocketAddress>, std::uint16_t> ports_;
  std::map<std::uint16_t, Binding> bindings_;
  std::uint16_t next_ = kFirstPort;
};

/// Adds to the sequence numbers of a flow, as firewalls do that think little of the host's random numbers.
class ShiftIsn final : public TcpBox {
 public:
  ShiftIsn(bool mends_sack, const BoxSettings& settings) : TcpBox{settings}, mends_sack_{mends_sack} {}

 private:
  using Shifts = std::array<std::optional<std::uint32_t>, 2>;  // by way

  void take(Way way, Packet& packet, Frame&, Instant, Out& out) override {
    Shifts& shifts = flows_.of(way, packet);
    std::optional<std::uint32_t>& mine = shifts[static_cast<std::size_t>(way)];
    if (packet.segment.flags.syn && turns_on(way) && !mine) { mine = static_cast<std::uint32_t>(generator().next()); }
    packet.segment.seq = plus(packet.segment.seq, mine.value_or(0));
    const std::uint32_t back = 0 - shifts[static_cast<std::size_t>(reversed(way))].value_or(0);
    if (packet.segment.flags.ack) { packet.segment.ack = plus(packet.segment.ack, back); }
    if (mends_sack_) {
      for (wire::SackBlock& block : packet.segment.tcp.sack) {
        block = {plus(block.left, back), plus(block.right, back)};
      }
    }
    send(way, packet, out);
  }

  bool mends_sack_;
  FlowTable<Shifts> flows_;
};
}  // namespace

std::unique_ptr<Middlebox> make_translating(Meddling meddling, const BoxSettings& settings) {
  if (meddling == Meddling::nat || meddling == Meddling::nat_rebind) {
    return std::make_unique<Nat>(meddling == Meddling::nat_rebind, settings);
  }
  return std::make_unique<ShiftIsn>(meddling == Meddling::shift_isn, settings);
}
}  // namespace anabranch::sim
