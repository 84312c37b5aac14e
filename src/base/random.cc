#include "base/random.hh"

#include <bit>

namespace anabranch {
namespace {
std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
}  // namespace

Generator::Generator(std::uint64_t seed) {
  for (std::uint64_t& word : s_) { word = splitmix(seed); }
}

std::uint64_t Generator::next() {
  const std::uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
  const std::uint64_t t = s_[1] << 17;
  s_[2] ^= s_[0];
  s_[3] ^= s_[1];
  s_[1] ^= s_[2];
  s_[0] ^= s_[3];
  s_[2] ^= t;
  s_[3] = std::rotl(s_[3], 45);
  return result;
}

std::uint64_t Generator::below(std::uint64_t bound) {
  return static_cast<std::uint64_t>(static_cast<unsigned __int128>(next()) * bound >> 64);
}

std::uint64_t Generator::between(std::uint64_t low, std::uint64_t high) {
  const std::uint64_t count = high - low + 1;
  return count == 0 ? next() : low + below(count);  // 0: all 2^64 values
}

double Generator::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

Generator Generator::fork() { return Generator{next()}; }

void Generator::secret(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) { byte = static_cast<std::uint8_t>(next() >> 24); }
}
}  // namespace anabranch
