#include "sim/middlebox.hh"

#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "wire/mptcp_codec.hh"
#include "wire/tcp_header.hh"

#include <algorithm>
#include <memory>

namespace anabranch::sim {
namespace {
constexpr std::uint8_t kEnd = 0, kNop = 1;  // IANA TCP option kinds

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

/// The options' place in a frame's first slice, or nothing if it is no TCP packet.
std::optional<std::pair<std::size_t, std::size_t>> options_of(const Frame& frame, wire::TcpFlags& flags) {
  const auto layout = tcp_layout(frame);
  if (!layout) { return std::nullopt; }
  const auto head = frame.bytes.slices().front().bytes();
  flags = wire::flags_from_bits(head[layout->tcp_at + wire::TcpHeader::kFlagsAt]);
  return std::pair{layout->tcp_at + wire::TcpHeader::kSize, layout->payload_at};
}
}  // namespace

Middlebox strip_options(SlabPool& pool, OptionFilter which) {
  auto arena = std::make_shared<HeaderArena>(pool);
  return [arena, which = std::move(which)](const Host&, Frame& frame) {
    wire::TcpFlags flags;
    const auto place = options_of(frame, flags);
    if (!place) { return true; }
    const auto [begin, end] = *place;
    const auto head = frame.bytes.slices().front().bytes();
    bool strips = false;
    each_mptcp_option(head.subspan(begin, end - begin),
                      [&](std::span<const std::uint8_t> option) { strips |= which(wire::parse_mptcp(option), flags); });
    if (!strips) { return true; }
    const HeaderArena::Room room = arena->reserve(end);
    std::ranges::copy(head.first(end), room.bytes.begin());
    each_mptcp_option(room.bytes.subspan(begin, end - begin), [&](std::span<std::uint8_t> option) {
      if (which(wire::parse_mptcp(option), flags)) { std::ranges::fill(option, kNop); }
    });
    Chain changed{room.slice()};
    changed.append(frame.bytes.after({end}));
    frame.bytes = std::move(changed);
    frame.checksum = ChecksumState::pending;
    return true;
  };
}

Middlebox make_middlebox(Meddling meddling, SlabPool& pool) {
  using wire::MptcpOption, wire::TcpFlags;
  const auto strip = [&](auto which) { return strip_options(pool, which); };
  switch (meddling) {
    case Meddling::none: break;
    case Meddling::strip_all: return strip([](const MptcpOption&, const TcpFlags&) { return true; });
    case Meddling::strip_syn_ack:
      return strip([](const MptcpOption&, const TcpFlags& flags) { return flags.syn && flags.ack; });
    case Meddling::strip_after_syn: return strip([](const MptcpOption&, const TcpFlags& flags) { return !flags.syn; });
    case Meddling::strip_join:
      return strip([](const MptcpOption& option, const TcpFlags&) {
        return std::holds_alternative<wire::JoinSyn>(option) || std::holds_alternative<wire::JoinSynAck>(option) ||
               std::holds_alternative<wire::JoinAck>(option);
      });
    case Meddling::strip_add_addr:
      return strip([](const MptcpOption& option, const TcpFlags&) {
        return std::holds_alternative<wire::AddAddr>(option) || std::holds_alternative<wire::AddAddrV0>(option);
      });
    case Meddling::drop_capable_syn:
      return [](const Host&, Frame& frame) {
        wire::TcpFlags flags;
        const auto place = options_of(frame, flags);
        if (!place || !flags.syn) { return true; }
        bool capable = false;
        const auto head = frame.bytes.slices().front().bytes();
        each_mptcp_option(head.subspan(place->first, place->second - place->first),
                          [&](std::span<const std::uint8_t> option) {
                            const MptcpOption form = wire::parse_mptcp(option);
                            capable |= std::holds_alternative<wire::CapableSyn>(form) ||
                                       (!flags.ack && std::holds_alternative<wire::CapableKey>(form));
                          });
        return !capable;
      };
  }
  return {};
}
}  // namespace anabranch::sim
