#include "sim/middleboxes/box.hh"

#include "wire/option_space.hh"

namespace anabranch::sim {

std::optional<Packet> read_packet(const Frame& frame) {
  auto dissection = dissect(frame);
  if (!dissection) { return std::nullopt; }
  auto* dissected = std::get_if<Dissected>(&*dissection);
  if (dissected == nullptr) { return std::nullopt; }
  return Packet{dissected->addresses.remote, dissected->addresses.local, std::move(dissected->segment), dissected->tos,
                frame.interface};
}

std::size_t size_of(const Packet& packet) {
  return header_size({packet.from, packet.to}, packet.segment) + packet.segment.payload.size().n;
}
bool opens(const Packet& packet) { return packet.segment.flags.syn && !packet.segment.flags.ack; }
bool has_data(const Packet& packet) { return !packet.segment.payload.empty(); }

void TcpBox::pass(Way way, Frame frame, Instant now, std::vector<Sent>& out) {
  if (auto packet = read_packet(frame)) {
    take(way, *packet, frame, now, out);
  } else {
    hand_on(way, frame, out);
  }
}

void TcpBox::send(Way way, const Packet& packet, Out& out) {
  ANABRANCH_CHECK(wire::options_fit(packet.segment.tcp, packet.segment.mptcp));
  const Envelope envelope{.tos = packet.tos, .ipv4_id = ipv4_id_++, .interface = packet.interface};
  out.push_back({way, assemble({packet.from, packet.to}, packet.segment, envelope, arena_)});
}

std::pair<Packet, Packet> cut_at(const Packet& packet, std::size_t at) {
  std::pair<Packet, Packet> parts{packet, packet};
  parts.first.segment.payload = packet.segment.payload.first({at});
  parts.first.segment.flags.fin = parts.first.segment.flags.psh = false;
  parts.second.segment.payload = packet.segment.payload.after({at});
  parts.second.segment.seq = plus(packet.segment.seq, at);
  parts.second.segment.flags.cwr = false;  // RFC 3168 §6.1.2
  return parts;
}
}  // namespace anabranch::sim
