// One MPTCP option: parsing is total, and what was understood survives being written.
#include "fuzz/target.hh"
#include "wire/mptcp_codec.hh"

#include <array>

namespace anabranch::wire {
namespace {

FUZZ_TARGET(mptcp) {
  if (input.size() < 2 || input.size() > 255) { return; }
  const MptcpOption option = parse_mptcp(input);
  if (const auto* unknown = std::get_if<Unknown>(&option)) {
    ANABRANCH_CHECK(unknown->length == input.size() && unknown->subtype < 16);
    return;
  }
  std::array<std::uint8_t, 64> buffer;
  Writer out{buffer};
  write_mptcp(out, option);
  ANABRANCH_CHECK(out.ok() && out.size() == input.size() && out.size() == written_size(option));
  ANABRANCH_CHECK(parse_mptcp(out.written()) == option);
}
}  // namespace
}  // namespace anabranch::wire
