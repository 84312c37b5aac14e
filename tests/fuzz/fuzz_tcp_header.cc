// A TCP header with its options: what is accepted survives being written, and being told in notation.
#include "fuzz/target.hh"
#include "wire/notation.hh"
#include "wire/option_space.hh"
#include "wire/tcp_header.hh"

#include <algorithm>
#include <array>

namespace anabranch::wire {
namespace {

/// Whether writing may change nothing: forms we do not know are written as zeros, and Linux's padding may need more.
bool is_writable_as_it_is(const TcpHeader& h) {
  return options_fit(h.tcp, h.mptcp) && (h.tcp.sack.empty() || h.tcp.sack.size() <= room_for_sack(h.tcp, h.mptcp)) &&
         std::ranges::none_of(h.mptcp, [](const MptcpOption& o) { return std::holds_alternative<Unknown>(o); });
}

FUZZ_TARGET(tcp_header) {
  TcpHeader header;
  const auto size = parse_tcp_header(input, header);
  if (!size) { return; }
  ANABRANCH_CHECK(*size >= TcpHeader::kSize && *size <= TcpHeader::kMaxSize && *size <= input.size());
  if (options_fit(header.tcp, header.mptcp)) {
    std::array<std::uint8_t, TcpHeader::kMaxSize> buffer;
    Writer out{buffer};
    write_tcp_header(out, header);
    ANABRANCH_CHECK(out.ok() && out.size() == written_size(header));
    TcpHeader again;
    ANABRANCH_CHECK(parse_tcp_header(out.written(), again) == out.size());
    ANABRANCH_CHECK(!is_writable_as_it_is(header) || again == header);
  }
  const SegmentLine line = line_of(header, static_cast<std::uint32_t>(input.size() - *size));
  const Origins origins{{0x80000000}, {1}, {0x123456789abcdef0}, {~std::uint64_t{0}}};
  const auto read = parse_notation(format_notation(line, origins), origins);
  ANABRANCH_CHECK(read.has_value() && *read == line);
}
}  // namespace
}  // namespace anabranch::wire
