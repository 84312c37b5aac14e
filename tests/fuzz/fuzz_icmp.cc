// ICMP errors. Checksums would stop the fuzzer at the door, so they are put right first.
#include "fuzz/target.hh"
#include "wire/checksum.hh"
#include "wire/icmp.hh"
#include "wire/ip.hh"

#include <vector>

namespace anabranch::wire {
namespace {

void put_right(std::vector<std::uint8_t>& message, const Sum& before) {
  if (message.size() < 4) { return; }
  message[2] = message[3] = 0;
  Sum sum = before;
  sum.add(message);
  message[2] = static_cast<std::uint8_t>(sum.checksum() >> 8);
  message[3] = static_cast<std::uint8_t>(sum.checksum());
}

FUZZ_TARGET(icmp) {
  std::vector<std::uint8_t> message(input.begin(), input.end());
  (void)parse_icmp_v4(message);
  put_right(message, {});
  if (const auto error = parse_icmp_v4(message)) {
    ANABRANCH_CHECK(error->source.address.family == Family::v4);
    ANABRANCH_CHECK(error->kind == IcmpKind::fragmentation_needed || error->mtu == 0);
    // The same complaint, told by us about the quoted packet, is read the same way.
    const auto packet =
        icmp_error_packet(Address::v4(10, 0, 0, 1), error->kind, error->mtu, std::span{message}.subspan(8));
    const auto again = parse_icmp_v4(std::span{packet}.subspan(20));
    ANABRANCH_CHECK(again.has_value() && *again == *error);
  }
  const Address a = Address::of(Family::v6, {}), b = a;
  put_right(message, pseudo_header_sum(a, b, kProtocolIcmpV6, static_cast<std::uint32_t>(message.size())));
  if (const auto error = parse_icmp_v6(message, a, b)) {
    ANABRANCH_CHECK(error->source.address.family == Family::v6);
    const auto packet = icmp_error_packet(a, error->kind, error->mtu, std::span{message}.subspan(8));
    const auto again = parse_icmp_v6(std::span{packet}.subspan(40), a, error->source.address);
    // Cut to 1280 bytes, a long chain of extension headers may have lost its TCP header.
    ANABRANCH_CHECK(again ? *again == *error : message.size() > 1280 - 40);
  }
}
}  // namespace
}  // namespace anabranch::wire
