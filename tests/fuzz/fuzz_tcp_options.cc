// An option list on its own, so that the fuzzer needs no valid header in front.
#include "fuzz/target.hh"
#include "wire/option_space.hh"
#include "wire/tcp_header.hh"

#include <algorithm>
#include <array>

namespace anabranch::wire {
namespace {

FUZZ_TARGET(tcp_options) {
  if (input.size() > kOptionSpace) { return; }
  TcpOptions tcp;
  MptcpOptions mptcp;
  if (!parse_options(input, tcp, mptcp) || !options_fit(tcp, mptcp)) { return; }
  const bool unknown =
      std::ranges::any_of(mptcp, [](const MptcpOption& o) { return std::holds_alternative<Unknown>(o); });
  std::array<std::uint8_t, kOptionSpace> buffer;
  Writer out{buffer};
  write_options(out, tcp, mptcp);
  ANABRANCH_CHECK(out.ok() && out.size() == options_size(tcp, mptcp) && out.size() % 4 == 0);
  TcpOptions tcp_again;
  MptcpOptions mptcp_again;
  ANABRANCH_CHECK(parse_options(out.written(), tcp_again, mptcp_again).has_value());
  ANABRANCH_CHECK(tcp_again.sack.size() == std::min(tcp.sack.size(), room_for_sack(tcp, mptcp)));
  tcp_again.sack = tcp.sack;
  ANABRANCH_CHECK(tcp_again == tcp && (unknown || mptcp_again == mptcp));
}
}  // namespace
}  // namespace anabranch::wire
