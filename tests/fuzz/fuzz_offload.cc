// Cutting a super-segment. First two bytes: the cut, third: where the first slice ends; the rest: the packet.
#include "fuzz/frames.hh"
#include "fuzz/target.hh"
#include "packet/offload.hh"

namespace anabranch {
namespace {

FUZZ_TARGET(offload) {
  if (input.size() < 3) { return; }
  SlabPool pool;
  HeaderArena arena{pool};
  Frame frame = fuzz::frame_of(pool, input.subspan(3), input[2], ChecksumState::pending);
  frame.cut = static_cast<std::uint32_t>(input[0] << 8 | input[1]);
  const auto whole = dissect(frame);

  std::vector<Frame> packets;
  const auto count = cut_frame(frame, arena, packets);
  ANABRANCH_CHECK(count.value_or(0) == packets.size());
  if (!whole || !std::holds_alternative<Dissected>(*whole)) { return; }
  const Segment& s = std::get<Dissected>(*whole).segment;
  ANABRANCH_CHECK(count.has_value());

  Chain payload;
  bool fin = false, psh = false;
  for (const Frame& packet : packets) {
    ANABRANCH_CHECK(packet.checksum == ChecksumState::complete && packet.cut == 0);
    const auto out = dissect(packet);  // verifies the checksum
    ANABRANCH_CHECK(out.has_value());
    const Segment& piece = std::get<Dissected>(*out).segment;
    ANABRANCH_CHECK(piece.seq.raw == static_cast<std::uint32_t>(s.seq.raw + payload.size().n));
    ANABRANCH_CHECK(frame.cut == 0 || piece.payload.size().n <= frame.cut);
    ANABRANCH_CHECK(piece.tcp == s.tcp && piece.mptcp == s.mptcp && piece.ack == s.ack);
    ANABRANCH_CHECK(!fin && !psh);  // only the last has them
    fin = piece.flags.fin;
    psh = piece.flags.psh;
    payload.append(piece.payload);
  }
  ANABRANCH_CHECK(payload.to_vector() == s.payload.to_vector() && fin == s.flags.fin && psh == s.flags.psh);
}
}  // namespace
}  // namespace anabranch
