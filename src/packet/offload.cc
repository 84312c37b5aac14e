#include "packet/offload.hh"

#include "wire/checksum.hh"
#include "wire/ip.hh"
#include "wire/reader.hh"
#include "wire/tcp_header.hh"
#include "wire/writer.hh"

#include <algorithm>

namespace anabranch {
namespace {

using H = wire::TcpHeader;

// Where the fields lie that differ from packet to packet (RFC 791 §3.1, RFC 8200 §3).
constexpr std::size_t kV4LengthAt = 2, kV4IdAt = 4, kV4ChecksumAt = 10, kV4SourceAt = 12, kV4DestinationAt = 16;
constexpr std::size_t kV6LengthAt = 4, kV6SourceAt = 8, kV6DestinationAt = 24, kV6Fixed = 40;

using In = std::span<const std::uint8_t>;
using Out = std::span<std::uint8_t>;
std::uint16_t u16_at(In bytes, std::size_t at) { return wire::Reader{bytes.subspan(at)}.u16(); }
std::uint32_t u32_at(In bytes, std::size_t at) { return wire::Reader{bytes.subspan(at)}.u32(); }
void put_u16(Out bytes, std::size_t at, std::uint16_t n) { wire::Writer{bytes.subspan(at)}.u16(n); }
void put_u32(Out bytes, std::size_t at, std::uint32_t n) { wire::Writer{bytes.subspan(at)}.u32(n); }

/// One packet to be made from a frame: which part of the payload it carries, and its place among its siblings.
struct Piece {
  std::size_t from = 0, length = 0;
  std::uint16_t index = 0;
  bool first = true, last = true;
};

void patch_network(std::span<std::uint8_t> header, const Layout& layout, const Piece& piece) {
  const std::size_t total = layout.payload_at + piece.length;
  if (layout.v6) {
    put_u16(header, kV6LengthAt, static_cast<std::uint16_t>(total - kV6Fixed));
    return;
  }
  put_u16(header, kV4LengthAt, static_cast<std::uint16_t>(total));
  put_u16(header, kV4IdAt, static_cast<std::uint16_t>(u16_at(header, kV4IdAt) + piece.index));
  put_u16(header, kV4ChecksumAt, 0);
  put_u16(header, kV4ChecksumAt, wire::Sum{header.first(layout.tcp_at)}.checksum());
}

void patch_transport(std::span<std::uint8_t> tcp, const Piece& piece) {
  put_u32(tcp, H::kSeqAt, u32_at(tcp, H::kSeqAt) + static_cast<std::uint32_t>(piece.from));
  std::uint8_t& flags = tcp[H::kFlagsAt];
  if (!piece.last) { flags &= static_cast<std::uint8_t>(~(H::kFinBit | H::kPshBit)); }
  if (!piece.first) { flags &= static_cast<std::uint8_t>(~H::kCwrBit); }
}

void put_checksum(std::span<std::uint8_t> header, const Layout& layout, const Chain& payload) {
  const Family family = layout.v6 ? Family::v6 : Family::v4;
  const std::size_t size = layout.v6 ? 16 : 4;
  const auto source = header.subspan(layout.v6 ? kV6SourceAt : kV4SourceAt, size);
  const auto destination = header.subspan(layout.v6 ? kV6DestinationAt : kV4DestinationAt, size);
  const auto tcp = header.subspan(layout.tcp_at);
  put_u16(tcp, H::kChecksumAt, 0);
  const auto length = static_cast<std::uint32_t>(tcp.size() + payload.size().n);
  wire::Sum sum = wire::pseudo_header_sum(Address::of(family, source), Address::of(family, destination),
                                          wire::kProtocolTcp, length);
  sum.add(tcp);
  for (const Slice& slice : payload.slices()) { sum.add(slice.bytes()); }
  put_u16(tcp, H::kChecksumAt, sum.checksum());
}

/// A header of its own, `piece` of the payload, a complete checksum.
Frame make(const Frame& frame, const Layout& layout, const Piece& piece, HeaderArena& arena) {
  const HeaderArena::Room room = arena.reserve(layout.payload_at);
  std::ranges::copy(frame.bytes.slices()[0].bytes().first(layout.payload_at), room.bytes.begin());
  const Chain payload = frame.bytes.part({layout.payload_at + piece.from}, {piece.length});
  patch_network(room.bytes, layout, piece);
  patch_transport(room.bytes.subspan(layout.tcp_at), piece);
  put_checksum(room.bytes, layout, payload);
  Frame out{.bytes = Chain{room.slice()}, .interface = frame.interface};
  out.bytes.append(payload);
  return out;
}

std::expected<Layout, DropReason> editable_layout(const Frame& frame) {
  auto layout = tcp_layout(frame);
  if (layout && layout->payload_at > HeaderArena::kMaxHeader) {
    return std::unexpected{DropReason::ip_bad_extension_header};
  }
  return layout;
}
}  // namespace

std::expected<std::size_t, DropReason> cut_frame(const Frame& frame, HeaderArena& arena, std::vector<Frame>& out) {
  const auto layout = editable_layout(frame);
  if (!layout) { return std::unexpected{layout.error()}; }
  const std::size_t payload = layout->end - layout->payload_at;
  if (frame.cut == 0 || payload <= frame.cut) {
    if (frame.checksum == ChecksumState::pending) {
      out.push_back(make(frame, *layout, {.from = 0, .length = payload}, arena));
    } else {
      out.push_back(frame);
      out.back().cut = 0;
    }
    return 1;
  }
  std::uint16_t index = 0;
  for (std::size_t from = 0; from < payload; from += frame.cut, ++index) {
    const std::size_t length = std::min<std::size_t>(frame.cut, payload - from);
    out.push_back(make(
        frame, *layout,
        {.from = from, .length = length, .index = index, .first = from == 0, .last = from + length == payload}, arena));
  }
  return index;
}

std::optional<Frame> with_congestion_mark(const Frame& frame, HeaderArena& arena) {
  const auto layout = editable_layout(frame);
  if (!layout) { return std::nullopt; }
  const In head = frame.bytes.slices()[0].bytes().first(layout->payload_at);
  const auto tos =
      static_cast<std::uint8_t>(layout->v6 ? head[1] >> 4 : head[1]);  // of the traffic class, its low half
  if (wire::ecn_of(tos) == wire::Ecn::not_ect) { return std::nullopt; }
  const HeaderArena::Room room = arena.reserve(head.size());
  std::ranges::copy(head, room.bytes.begin());
  room.bytes[1] |= static_cast<std::uint8_t>(layout->v6 ? wire::kEcnBits << 4 : wire::kEcnBits);
  if (!layout->v6) {
    put_u16(room.bytes, kV4ChecksumAt, 0);
    put_u16(room.bytes, kV4ChecksumAt, wire::Sum{room.bytes.first(layout->tcp_at)}.checksum());
  }
  Frame out{.bytes = Chain{room.slice()}, .interface = frame.interface, .cut = frame.cut, .checksum = frame.checksum};
  out.bytes.append(frame.bytes.part({layout->payload_at}, {layout->end - layout->payload_at}));
  return out;
}

std::expected<Frame, DropReason> complete_checksum(const Frame& frame, HeaderArena& arena) {
  if (frame.checksum != ChecksumState::pending) { return frame; }
  const auto layout = editable_layout(frame);
  if (!layout) { return std::unexpected{layout.error()}; }
  Frame out = make(frame, *layout, {.from = 0, .length = layout->end - layout->payload_at}, arena);
  out.cut = frame.cut;
  return out;
}
}  // namespace anabranch
