// Boxes that change what is said: the application's bytes, or the mappings that place them.
#include "sim/middleboxes/box.hh"
#include "wire/option_space.hh"

#include <algorithm>

namespace anabranch::sim {
namespace {

/// What a box that counts a flow's bytes remembers of one way: where it begins.
struct Origin {
  std::optional<SeqNum> isn;
};
/// Offset of the packet's first byte of payload in its stream; nothing while the SYN was not seen.
std::optional<std::uint32_t> offset_of(const Packet& packet, Origin& origin) {
  if (packet.segment.flags.syn) { origin.isn = packet.segment.seq; }
  if (!origin.isn) { return std::nullopt; }
  return packet.segment.seq.raw - origin.isn->raw - (packet.segment.flags.syn ? 0u : 1u);
}

/// Changes single bytes at places that depend on nothing but the offset: a repetition is changed in the same way.
class EditPayload final : public TcpBox {
 public:
  using TcpBox::TcpBox;

 private:
  static constexpr std::uint32_t kEvery = 40'000, kFirst = 20'000;
  static constexpr std::uint8_t kChange = 0x20;  ///< upper case becomes lower case, and back

  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    const auto offset = offset_of(packet, flows_.of(way, packet)[static_cast<std::size_t>(way)]);
    const auto size = static_cast<std::uint32_t>(packet.segment.payload.size().n);
    if (turns_on(way) && offset && size != 0) {
      const std::uint32_t at =
          (*offset + kEvery - kFirst - 1) / kEvery * kEvery + kFirst;  // first one not before offset
      if (at - *offset < size) {
        std::vector<std::uint8_t> bytes = bytes_of(packet);
        bytes[at - *offset] ^= kChange;
        packet.segment.payload = keep(bytes);
        send(way, packet, out);
        return;
      }
    }
    hand_on(way, frame, out);
  }

  FlowTable<std::array<Origin, 2>> flows_;
};

/// Puts bytes into a stream, as a gateway does that rewrites an address in a protocol's text (RFC 2663 §3.3), and
/// translates the numbers of everything behind them.
class EditLength final : public TcpBox {
 public:
  using TcpBox::TcpBox;

 private:
  static constexpr std::uint32_t kBehind = 60'000;  ///< offset of the byte that stands behind what is put in
  static constexpr std::array<std::uint8_t, 4> kWhat{'E', 'D', 'I', 'T'};

  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    auto& origins = flows_.of(way, packet);
    const auto offset = offset_of(packet, origins[static_cast<std::size_t>(way)]);
    if (turns_on(reversed(way))) { translate_back(packet, origins[static_cast<std::size_t>(reversed(way))]); }
    if (!turns_on(way) || !offset) {
      turns_on(reversed(way)) ? send(way, packet, out) : hand_on(way, frame, out);
      return;
    }
    const auto position = static_cast<std::int32_t>(*offset - kBehind);  // negative: before
    const auto size = static_cast<std::int32_t>(packet.segment.payload.size().n);
    if (position > 0) {
      packet.segment.seq = plus(packet.segment.seq, kWhat.size());
      send(way, packet, out);
    } else if (position + size > 0) {
      put_in(way, packet, static_cast<std::size_t>(-position), out);
    } else {
      send(way, packet, out);
    }
  }

  void put_in(Way way, const Packet& packet, std::size_t at, Out& out) {
    std::vector<std::uint8_t> bytes = bytes_of(packet);
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), kWhat.begin(), kWhat.end());
    Packet longer = packet;
    longer.segment.payload = keep(bytes);
    if (size_of(longer) <= mtu()) {
      send(way, longer, out);
      return;
    }
    const auto [first, second] = cut_at(longer, bytes.size() / 2);
    send(way, first, out);
    send(way, second, out);
  }

  /// ACK and SACK of the other direction's stream: from the receiver's numbers to the sender's.
  static void translate_back(Packet& packet, const Origin& origin) {
    if (!origin.isn) { return; }
    const SeqNum edge = plus(*origin.isn, 1 + kBehind);
    const auto back = [&](SeqNum n) {
      const std::int32_t past = ahead(n, edge);
      if (past <= 0) { return n; }
      return past < static_cast<std::int32_t>(kWhat.size()) ? edge : plus(n, std::uint64_t{0} - kWhat.size());
    };
    if (packet.segment.flags.ack) { packet.segment.ack = back(packet.segment.ack); }
    auto& sack = packet.segment.tcp.sack;
    for (wire::SackBlock& block : sack) { block = {back(block.left), back(block.right)}; }
    sack.erase(std::remove_if(sack.begin(), sack.end(), [](const auto& block) { return block.left == block.right; }),
               sack.end());
  }

  FlowTable<std::array<Origin, 2>> flows_;
};

/// Changes DSS options here and there.
class EditMapping final : public TcpBox {
 public:
  EditMapping(Meddling what, const BoxSettings& settings) : TcpBox{settings}, what_{what} {}

 private:
  static constexpr std::uint64_t kOneIn = 50;
  static constexpr std::uint64_t kFar = std::uint64_t{1} << 30;  ///< beyond any window, within 32 bits

  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    if (turns_on(way) && change(packet)) {
      send(way, packet, out);
    } else {
      hand_on(way, frame, out);
    }
  }

  bool change(Packet& packet) {
    auto* dss = option<wire::Dss>(packet);
    if (dss == nullptr || !dss->map || !has_data(packet)) { return false; }
    if (what_ == Meddling::double_dss) { return double_it(packet); }
    if (generator().below(kOneIn) != 0) { return false; }
    if (what_ == Meddling::corrupt_mapping_length) {
      dss->map->length = static_cast<std::uint16_t>(dss->map->length - 1);
    } else {
      dss->map->data.bits ^= kFar;
    }
    return true;
  }

  static bool double_it(Packet& packet) {
    const auto* dss = option<wire::Dss>(packet);
    wire::Dss second;
    const std::uint32_t acked = dss->ack ? static_cast<std::uint32_t>(dss->ack->bits) : 0;
    second.ack = wire::DataSeqForm{static_cast<std::uint32_t>(acked - 1), false};
    packet.segment.mptcp.emplace_back(second);
    return wire::options_fit(packet.segment.tcp, packet.segment.mptcp);
  }

  Meddling what_;
};
}  // namespace

std::unique_ptr<Middlebox> make_editing(Meddling meddling, const BoxSettings& settings) {
  switch (meddling) {
    case Meddling::edit_payload: return std::make_unique<EditPayload>(settings);
    case Meddling::edit_length: return std::make_unique<EditLength>(settings);
    default: return std::make_unique<EditMapping>(meddling, settings);
  }
}
}  // namespace anabranch::sim
