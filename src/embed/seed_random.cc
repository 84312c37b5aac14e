#include "embed/seed_random.hh"

#include <algorithm>

namespace anabranch::embed {

std::uint8_t SeedRandom::Lane::next() {
  if (used_ == bytes_.size()) {
    std::array<std::uint8_t, sizeof(Seed) + 1 + 8> message{};
    std::ranges::copy(seed_, message.begin());
    message[seed_.size()] = name_;
    for (std::size_t i = 0; i < 8; ++i) {
      message[seed_.size() + 1 + i] = static_cast<std::uint8_t>(block_ >> (56 - 8 * i));
    }
    ++block_;
    bytes_ = crypto::sha256(message);
    used_ = 0;
  }
  return bytes_[used_++];
}

std::uint64_t SeedRandom::visible() {
  std::uint64_t word = 0;
  for (int i = 0; i < 8; ++i) { word = word << 8 | visible_.next(); }
  return word;
}

void SeedRandom::secret(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) { byte = secret_.next(); }
}
}  // namespace anabranch::embed
