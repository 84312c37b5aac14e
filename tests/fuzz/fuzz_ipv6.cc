// The IPv6 header and its extension headers: accepted headers survive being written.
#include "fuzz/target.hh"
#include "wire/ipv6.hh"

#include <algorithm>
#include <array>

namespace anabranch::wire {
namespace {

FUZZ_TARGET(ipv6) {
  if (const auto quoted = parse_quoted_ipv6(input)) { ANABRANCH_CHECK(quoted->header_length <= input.size()); }
  const auto header = parse_ipv6(input, input.size());
  if (!header) { return; }
  ANABRANCH_CHECK(header->header_length <= Ipv6Header::kSize + header->payload_length);
  ANABRANCH_CHECK(Ipv6Header::kSize + header->payload_length <= input.size());
  std::array<std::uint8_t, Ipv6Header::kSize> buffer;
  Writer out{buffer};
  write_ipv6(out, *header);
  ANABRANCH_CHECK(out.ok() && out.size() == Ipv6Header::kSize);
  if (header->header_length == Ipv6Header::kSize) { ANABRANCH_CHECK(std::ranges::equal(buffer, input.first(40))); }
}
}  // namespace
}  // namespace anabranch::wire
