// A whole frame. First byte: who vouches for the checksum, second: where the first slice ends. What is dissected is
// assembled and dissected again.
#include "fuzz/frames.hh"
#include "fuzz/target.hh"
#include "packet/assemble.hh"
#include "packet/dissect.hh"
#include "wire/option_space.hh"

namespace anabranch {
namespace {

void check_again(const Dissected& d, SlabPool& pool) {
  const Segment& s = d.segment;
  const Addresses back{d.addresses.remote, d.addresses.local};  // seen from the segment's sender
  if (!wire::options_fit(s.tcp, s.mptcp) || header_size(back, s) + s.payload.size().n > 65'535) { return; }
  HeaderArena arena{pool};
  const auto again = dissect(assemble(back, s, {.tos = d.tos, .interface = d.interface}, arena));
  ANABRANCH_CHECK(again.has_value() && std::holds_alternative<Dissected>(*again));
  const Dissected& e = std::get<Dissected>(*again);
  ANABRANCH_CHECK(e.addresses == d.addresses && e.tos == d.tos && e.interface == d.interface);
  ANABRANCH_CHECK(e.segment.seq == s.seq && e.segment.ack == s.ack && e.segment.flags == s.flags);
  ANABRANCH_CHECK(e.segment.window == s.window && e.segment.mptcp.size() == s.mptcp.size());
  ANABRANCH_CHECK(e.segment.payload.to_vector() == s.payload.to_vector());
}

FUZZ_TARGET(dissect) {
  if (input.size() < 2) { return; }
  SlabPool pool;
  const auto state = static_cast<ChecksumState>(input[0] % 3);
  const Frame frame = fuzz::frame_of(pool, input.subspan(2), input[1], state);
  const auto out = dissect(frame);
  if (!out) {
    ANABRANCH_CHECK(name(out.error()) != "?");
    return;
  }
  if (const auto* d = std::get_if<Dissected>(&*out)) { check_again(*d, pool); }
}
}  // namespace
}  // namespace anabranch
