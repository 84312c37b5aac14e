// Boxes that take options away. MPTCP options are overwritten in place, as such boxes do: with NOPs, or with the end of
// the list, which ends what comes behind as well.
#include "sim/middleboxes/box.hh"
#include "wire/mptcp_codec.hh"
#include "wire/tcp_header.hh"

#include <algorithm>

namespace anabranch::sim {
namespace {
constexpr std::uint8_t kEnd = 0, kNop = 1;  // IANA TCP option kinds
constexpr unsigned kSegmentsSpared = 30;    // strip_dss_later: joins are done by then, and much is still to come

/// Calls `f` with the bytes of each option of Multipath TCP.
template <class Bytes, class F>
void each_mptcp_option(Bytes options, F&& f) {
  for (std::size_t at = 0; at < options.size() && options[at] != kEnd;) {
    if (options[at] == kNop) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size() || options[at + 1] < 2 || at + options[at + 1] > options.size()) { return; }
    const std::size_t length = options[at + 1];
    if (options[at] == wire::kMptcpKind) { f(options.subspan(at, length)); }
    at += length;
  }
}

/// What a box that strips remembers of a flow.
struct Seen {
  unsigned data_segments = 0;  ///< of this way
  bool joined = false;         ///< MP_JOIN stood on the SYN
  SeqNum server_isn;           ///< of a join
  bool third_ack = false;      ///< a join's third ACK has passed
};

/// Whether an option of this packet is taken.
using Takes = bool (*)(const wire::MptcpOption&, const Packet&, const Seen&);

template <class... Forms>
bool is_any(const wire::MptcpOption& option) {
  return (std::holds_alternative<Forms>(option) || ...);
}
template <class... Forms>
bool takes(const wire::MptcpOption& option, const Packet&, const Seen&) {
  return is_any<Forms...>(option);
}
bool takes_capable_syn(const wire::MptcpOption& option, const Packet& packet, const Seen&) {
  return is_any<wire::CapableSyn>(option) || (is_any<wire::CapableKey>(option) && !packet.segment.flags.ack);
}
bool takes_capable_syn_ack(const wire::MptcpOption& option, const Packet& packet, const Seen&) {
  return is_any<wire::CapableKey>(option) && packet.segment.flags.ack;
}
bool takes_all(const wire::MptcpOption&, const Packet&, const Seen&) { return true; }
bool takes_after_syn(const wire::MptcpOption&, const Packet& packet, const Seen&) { return !packet.segment.flags.syn; }
bool takes_dss_of_data(const wire::MptcpOption& option, const Packet& packet, const Seen&) {
  return is_any<wire::Dss>(option) && has_data(packet);
}
bool takes_dss_later(const wire::MptcpOption& option, const Packet& packet, const Seen& seen) {
  return takes_dss_of_data(option, packet, seen) && seen.data_segments > kSegmentsSpared;
}
bool takes_fourth_ack(const wire::MptcpOption&, const Packet& packet, const Seen& seen) {
  return seen.third_ack && packet.segment.seq == plus(seen.server_isn, 1) && !has_data(packet);
}
bool takes_add_addr(const wire::MptcpOption& option, const Packet&, const Seen&) {
  if (is_any<wire::AddAddrV0>(option)) { return true; }
  const auto* add = std::get_if<wire::AddAddr>(&option);
  return add != nullptr && !add->echo;
}
bool takes_echo(const wire::MptcpOption& option, const Packet&, const Seen&) {
  const auto* add = std::get_if<wire::AddAddr>(&option);
  return add != nullptr && add->echo;
}

Takes taking(Meddling meddling) {
  using namespace wire;
  switch (meddling) {
    case Meddling::strip_after_syn:
    case Meddling::eol_after_handshake: return takes_after_syn;
    case Meddling::strip_capable_syn: return takes_capable_syn;
    case Meddling::strip_capable_syn_ack: return takes_capable_syn_ack;
    case Meddling::strip_capable_third_ack: return takes<CapableAck>;
    case Meddling::strip_capable_data: return takes<CapableData>;
    case Meddling::strip_join: return takes<JoinSyn, JoinSynAck, JoinAck>;
    case Meddling::strip_join_syn: return takes<JoinSyn>;
    case Meddling::strip_join_syn_ack: return takes<JoinSynAck>;
    case Meddling::strip_join_third_ack: return takes<JoinAck>;
    case Meddling::strip_join_fourth_ack: return takes_fourth_ack;
    case Meddling::strip_dss: return takes_dss_of_data;
    case Meddling::strip_dss_later: return takes_dss_later;
    case Meddling::strip_add_addr: return takes_add_addr;
    case Meddling::strip_add_addr_echo: return takes_echo;
    case Meddling::strip_remove_addr: return takes<RemoveAddr>;
    case Meddling::strip_prio: return takes<Prio>;
    case Meddling::strip_fast_close: return takes<FastClose>;
    default: return takes_all;
  }
}

class StripMptcp final : public TcpBox {
 public:
  StripMptcp(Meddling meddling, const BoxSettings& settings)
      : TcpBox{settings},
        takes_{taking(meddling)},
        filler_{meddling == Meddling::eol_after_handshake ? kEnd : kNop} {}

 private:
  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    std::array<Seen, 2>& seen = flows_.of(way, packet);
    Seen& mine = seen[static_cast<std::size_t>(way)];
    note(packet, mine, seen[static_cast<std::size_t>(reversed(way))]);
    if (turns_on(way) && std::ranges::any_of(packet.segment.mptcp, [&](const wire::MptcpOption& option) {
          return takes_(option, packet, mine);
        })) {
      overwrite(packet, mine, frame);
    }
    hand_on(way, frame, out);
  }

  static void note(const Packet& packet, Seen& mine, Seen& others) {
    if (has_data(packet)) { ++mine.data_segments; }
    if (option<wire::JoinSyn>(packet)) { mine.joined = others.joined = true; }
    if (option<wire::JoinSynAck>(packet)) { mine.server_isn = packet.segment.seq; }
    if (option<wire::JoinAck>(packet)) { others.third_ack = true; }
  }

  void overwrite(const Packet& packet, const Seen& seen, Frame& frame) {
    const auto layout = tcp_layout(frame);
    const auto head = frame.bytes.slices().front().bytes().first(layout->payload_at);
    const HeaderArena::Room room = arena().reserve(head.size());
    std::ranges::copy(head, room.bytes.begin());
    each_mptcp_option(room.bytes.subspan(layout->tcp_at + wire::TcpHeader::kSize), [&](std::span<std::uint8_t> option) {
      if (takes_(wire::parse_mptcp(option), packet, seen)) { std::ranges::fill(option, filler_); }
    });
    Chain changed{room.slice()};
    changed.append(frame.bytes.after({head.size()}));
    frame.bytes = std::move(changed);
    frame.checksum = ChecksumState::pending;
  }

  Takes takes_;
  std::uint8_t filler_;
  FlowTable<std::array<Seen, 2>> flows_;
};

/// Takes away what is no option of MPTCP, or a part of one: the packet is written anew. `change`: whether it did.
class StripOther final : public TcpBox {
 public:
  StripOther(bool (*change)(Packet&), const BoxSettings& settings) : TcpBox{settings}, change_{change} {}

 private:
  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    if (turns_on(way) && change_(packet)) {
      send(way, packet, out);
    } else {
      hand_on(way, frame, out);
    }
  }
  bool (*change_)(Packet&);
};

bool without_data_ack(Packet& packet) {
  auto* dss = option<wire::Dss>(packet);
  if (dss == nullptr || !dss->ack) { return false; }
  dss->ack.reset();
  if (!dss->map) {
    auto& options = packet.segment.mptcp;
    options.erase(std::ranges::find_if(options, [](const auto& o) { return std::holds_alternative<wire::Dss>(o); }));
  }
  return true;
}
bool without_scale(Packet& packet) { return std::exchange(packet.segment.tcp.window_scale, std::nullopt).has_value(); }
bool without_timestamps(Packet& packet) {
  return std::exchange(packet.segment.tcp.timestamps, std::nullopt).has_value();
}
bool without_ecn(Packet& packet) {
  constexpr std::uint8_t kEcnBits = 3;  // RFC 3168 §5
  return (std::exchange(packet.tos, packet.tos & static_cast<std::uint8_t>(~kEcnBits)) & kEcnBits) != 0;
}
}  // namespace

std::unique_ptr<Middlebox> make_stripping(Meddling meddling, const BoxSettings& settings) {
  switch (meddling) {
    case Meddling::strip_data_ack: return std::make_unique<StripOther>(without_data_ack, settings);
    case Meddling::strip_window_scale: return std::make_unique<StripOther>(without_scale, settings);
    case Meddling::strip_timestamps: return std::make_unique<StripOther>(without_timestamps, settings);
    case Meddling::bleach_ecn: return std::make_unique<StripOther>(without_ecn, settings);
    default: return std::make_unique<StripMptcp>(meddling, settings);
  }
}
}  // namespace anabranch::sim
