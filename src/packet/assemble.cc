#include "packet/assemble.hh"

#include "wire/checksum.hh"
#include "wire/ipv4.hh"
#include "wire/ipv6.hh"
#include "wire/option_space.hh"
#include "wire/tcp_header.hh"

namespace anabranch {
namespace {

constexpr std::size_t kLargestPacket = 65'535;  // RFC 791 §3.1: 16 bits of total length; the same for IPv6 here

void write_network(wire::Writer& out, const Addresses& a, const Envelope& envelope, wire::Ecn ecn,
                   std::size_t tcp_length) {
  const auto tos = static_cast<std::uint8_t>((envelope.tos & ~wire::kEcnBits) | static_cast<std::uint8_t>(ecn));
  if (a.local.address.family == Family::v4) {
    wire::write_ipv4(out, {.tos = tos,
                           .total_length = static_cast<std::uint16_t>(wire::Ipv4Header::kSize + tcp_length),
                           .id = envelope.ipv4_id,
                           .ttl = envelope.ttl,
                           .protocol = wire::kProtocolTcp,
                           .source = a.local.address,
                           .destination = a.remote.address});
    return;
  }
  wire::write_ipv6(out, {.traffic_class = tos,
                         .flow_label = envelope.flow_label,
                         .payload_length = static_cast<std::uint16_t>(tcp_length),
                         .protocol = wire::kProtocolTcp,
                         .hop_limit = envelope.ttl,
                         .source = a.local.address,
                         .destination = a.remote.address});
}

void write_transport(wire::Writer& out, const Addresses& a, const Segment& s) {
  using H = wire::TcpHeader;
  out.u16(a.local.port);
  out.u16(a.remote.port);
  out.u32(s.seq.raw);
  out.u32(s.ack.raw);
  out.u8(static_cast<std::uint8_t>((H::kSize + wire::options_size(s.tcp, s.mptcp)) / 4 << 4));
  out.u8(wire::flag_bits(s.flags));
  out.u16(s.window);
  out.u32(0);  // checksum, urgent pointer
  wire::write_options(out, s.tcp, s.mptcp);
}

std::size_t ip_header_size(const Addresses& a) {
  return a.local.address.family == Family::v4 ? wire::Ipv4Header::kSize : wire::Ipv6Header::kSize;
}
}  // namespace

HeaderArena::Room HeaderArena::reserve(std::size_t size) {
  ANABRANCH_CHECK(size <= kMaxHeader);
  const std::size_t need = headroom_ + size;
  if (!open_ || open_->capacity - open_->used < need) { open_ = pool_->get(); }
  std::uint8_t* at = open_->data() + open_->used + headroom_;
  constexpr std::size_t kAlign = 8;
  const std::size_t taken = (need + kAlign - 1) / kAlign * kAlign;
  open_->used = static_cast<std::uint32_t>(std::min<std::size_t>(open_->used + taken, open_->capacity));
  return {{at, size}, open_};
}

std::size_t header_size(const Addresses& addresses, const Segment& segment) {
  return ip_header_size(addresses) + wire::TcpHeader::kSize + wire::options_size(segment.tcp, segment.mptcp);
}

Frame assemble(const Addresses& addresses, const Segment& segment, const Envelope& envelope, HeaderArena& arena) {
  ANABRANCH_CHECK(addresses.local.address.family == addresses.remote.address.family);
  const std::size_t size = header_size(addresses, segment);
  const std::size_t payload = segment.payload.size().n;
  ANABRANCH_CHECK(size + payload <= kLargestPacket);
  const HeaderArena::Room room = arena.reserve(size);
  const std::size_t tcp_at = ip_header_size(addresses);
  const std::size_t tcp_length = size - tcp_at + payload;

  wire::Writer out{room.bytes};
  write_network(out, addresses, envelope, segment.ecn, tcp_length);
  write_transport(out, addresses, segment);
  ANABRANCH_CHECK(out.ok() && out.left() == 0);

  wire::Sum sum = wire::pseudo_header_sum(addresses.local.address, addresses.remote.address, wire::kProtocolTcp,
                                          static_cast<std::uint32_t>(tcp_length));
  const bool pending = envelope.checksum == ChecksumState::pending;  // [9293-MUST-2]
  if (!pending) {
    sum.add(room.bytes.subspan(tcp_at));
    for (const Slice& slice : segment.payload.slices()) { sum.add(slice.bytes()); }
  }
  wire::Writer{room.bytes.subspan(tcp_at + wire::TcpHeader::kChecksumAt)}.u16(pending ? sum.folded() : sum.checksum());

  Frame frame{.bytes = Chain{room.slice()},
              .interface = envelope.interface,
              .cut = payload > segment.cut ? segment.cut : 0,
              .checksum = envelope.checksum};
  frame.bytes.append(segment.payload);
  return frame;
}
}  // namespace anabranch
