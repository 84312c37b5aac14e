#include "sim/pattern.hh"

#include "base/random.hh"

#include <algorithm>
#include <vector>

namespace anabranch::sim {
namespace {
constexpr std::size_t kPeriod = 65521;  // the largest prime below 2^16: no multiple of any packet or buffer size

const std::vector<std::uint8_t>& table() {
  static const std::vector<std::uint8_t> bytes = [] {
    std::vector<std::uint8_t> made(kPeriod);
    Generator generator{kPeriod};
    generator.secret(made);
    return made;
  }();
  return bytes;
}
}  // namespace

Pattern::Pattern(std::uint64_t key) : start_{Generator{key}.below(kPeriod)} {}

void Pattern::fill(std::uint64_t at, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const std::size_t from = (start_ + at) % kPeriod;
    const std::size_t n = std::min(out.size(), kPeriod - from);
    std::copy_n(table().begin() + static_cast<std::ptrdiff_t>(from), n, out.begin());
    out = out.subspan(n);
    at += n;
  }
}

bool Pattern::matches(std::uint64_t at, std::span<const std::uint8_t> bytes) const {
  while (!bytes.empty()) {
    const std::size_t from = (start_ + at) % kPeriod;
    const std::size_t n = std::min(bytes.size(), kPeriod - from);
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n),
                    table().begin() + static_cast<std::ptrdiff_t>(from))) {
      return false;
    }
    bytes = bytes.subspan(n);
    at += n;
  }
  return true;
}

bool Pattern::matches(std::uint64_t at, const Chain& bytes) const {
  for (const Slice& slice : bytes.slices()) {
    if (!matches(at, slice.bytes())) { return false; }
    at += slice.size();
  }
  return true;
}
}  // namespace anabranch::sim
