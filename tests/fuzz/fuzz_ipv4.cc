// The IPv4 header: accepted headers survive being written.
#include "fuzz/target.hh"
#include "wire/ipv4.hh"

#include <array>

namespace anabranch::wire {
namespace {

FUZZ_TARGET(ipv4) {
  if (const auto quoted = parse_quoted_ipv4(input)) { ANABRANCH_CHECK(quoted->header_length <= input.size()); }
  const auto header = parse_ipv4(input, input.size());
  if (!header) { return; }
  ANABRANCH_CHECK(header->header_length <= header->total_length && header->total_length <= input.size());
  std::array<std::uint8_t, Ipv4Header::kSize> buffer;
  Writer out{buffer};
  write_ipv4(out, *header);
  ANABRANCH_CHECK(out.ok() && out.size() == Ipv4Header::kSize);
  auto again = parse_ipv4(buffer, header->total_length);
  ANABRANCH_CHECK(again.has_value());
  again->header_length = header->header_length;  // options are not written
  ANABRANCH_CHECK(*again == *header);
}
}  // namespace
}  // namespace anabranch::wire
