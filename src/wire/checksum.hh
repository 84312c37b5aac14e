/// Internet checksums (RFC 1071) as sums that add up piece by piece, over even and odd boundaries.
///
/// A `Sum` stands for a run of bytes of known parity; appending swaps the second part when the first is odd.
/// 64-bit additions everywhere, AVX2 where the processor has it (asked once). Also the DSS checksum (RFC 8684
/// §3.3.1) and the pseudo headers of IPv4 and IPv6 (RFC 9293 §3.1, RFC 8200 §8.1).
#pragma once
#include "base/address.hh"

#include <cstddef>
#include <cstdint>
#include <span>

namespace anabranch::wire {

class Sum {
 public:
  Sum() = default;
  explicit Sum(std::span<const std::uint8_t> bytes) { add(bytes); }

  void add(std::span<const std::uint8_t> bytes);  ///< appends bytes
  void add(const Sum& next);                      ///< appends what `next` is the sum of
  void add_u16(std::uint16_t n);                  ///< appends a number in network order
  void add_u32(std::uint32_t n);
  void add_u64(std::uint64_t n);
  bool odd() const { return odd_; }  ///< whether an odd number of bytes went in
  /// The ones' complement sum as a number in network order: what CHECKSUM_PARTIAL wants in the TCP field.
  std::uint16_t folded() const;
  std::uint16_t checksum() const { return static_cast<std::uint16_t>(~folded()); }
  /// Whether a run that includes its own checksum field is intact.
  bool intact() const { return folded() == 0xffff; }

 private:
  friend Sum copy_and_sum(std::span<const std::uint8_t>, std::span<std::uint8_t>);
  void append(std::uint16_t native, bool odd_length);

  std::uint16_t sum_ = 0;  ///< in the machine's byte order
  bool odd_ = false;
};

/// Copies `from` to the front of `to` (which must not overlap and be at least as long) and sums it in the same pass.
Sum copy_and_sum(std::span<const std::uint8_t> from, std::span<std::uint8_t> to);

/// `length`: of the TCP (or ICMPv6) header and what follows it. The families of both addresses must agree.
Sum pseudo_header_sum(const Address& source, const Address& destination, std::uint8_t protocol, std::uint32_t length);

/// RFC 8684 §3.3.1: `data_seq` always all 64 bits, `length` as transmitted (a DATA_FIN counts), `data` the sum of
/// the payload that the mapping covers.
std::uint16_t dss_checksum(std::uint64_t data_seq, std::uint32_t subflow, std::uint16_t length, const Sum& data);
/// Whether `checksum`, as received, belongs to these.
bool dss_checksum_intact(std::uint64_t data_seq, std::uint32_t subflow, std::uint16_t length, std::uint16_t checksum,
                         const Sum& data);

namespace detail {
/// The ways to sum, for tests and benchmarks: each gives the same folded sum in machine order.
using SumFunction = std::uint16_t (*)(const std::uint8_t* from, std::size_t n);
using CopySumFunction = std::uint16_t (*)(const std::uint8_t* from, std::uint8_t* to, std::size_t n);
std::uint16_t sum_portable(const std::uint8_t* from, std::size_t n);
std::uint16_t copy_sum_portable(const std::uint8_t* from, std::uint8_t* to, std::size_t n);
bool have_avx2();
std::uint16_t sum_avx2(const std::uint8_t* from, std::size_t n);  ///< only where have_avx2()
std::uint16_t copy_sum_avx2(const std::uint8_t* from, std::uint8_t* to, std::size_t n);
}  // namespace detail
}  // namespace anabranch::wire
