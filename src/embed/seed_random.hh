/// Randomness from one secret seed: the same seed, the same run; a secret seed, unguessable keys.
///
/// Two lanes of their own, so that what is seen on the wire says nothing of what is secret: both are SHA-256 in counter
/// mode over the seed and the lane's name. Owned by an embedded stack. Never use a seed twice on a real network.
#pragma once
#include "base/random.hh"
#include "crypto/sha.hh"

#include <array>
#include <cstddef>

namespace anabranch::embed {

using Seed = std::array<std::uint8_t, 32>;

class SeedRandom final : public Random {
 public:
  explicit SeedRandom(const Seed& seed) : visible_{seed, 'v'}, secret_{seed, 's'} {}
  std::uint64_t visible() override;
  void secret(std::span<std::uint8_t> out) override;

 private:
  class Lane {
   public:
    Lane(const Seed& seed, std::uint8_t name) : name_{name}, seed_{seed} {}
    std::uint8_t next();

   private:
    std::uint8_t name_;
    Seed seed_;
    std::uint64_t block_ = 0;
    crypto::Sha256 bytes_{};
    std::size_t used_ = sizeof(crypto::Sha256);
  };

  Lane visible_, secret_;
};
}  // namespace anabranch::embed
