/// Randomness as an argument: two lanes, so that what is secret never leaks into what is seen.
#pragma once
#include <cstdint>
#include <span>

namespace anabranch {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t visible() = 0;                   ///< may appear on the wire: nonces, ports
  virtual void secret(std::span<std::uint8_t> out) = 0;  ///< keys, hash secrets
  std::uint64_t secret_word() {
    std::uint8_t raw[8];
    secret(raw);
    std::uint64_t w = 0;
    for (const std::uint8_t b : raw) { w = w << 8 | b; }
    return w;
  }
};

/// The deterministic generator (xoshiro256**, seeded by splitmix64). For tests and the simulator, never for keys
/// that travel on a real network. One seed, one stream, on every platform.
class Generator final : public Random {
 public:
  explicit Generator(std::uint64_t seed);
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound);                      ///< uniform in [0, bound); 0 for bound 0
  std::uint64_t between(std::uint64_t low, std::uint64_t high);  ///< uniform in [low, high]
  double unit();                                                 ///< uniform in [0, 1)
  bool chance(double p) { return unit() < p; }
  Generator fork();  ///< an independent stream, for a part of its own

  std::uint64_t visible() override { return next(); }
  void secret(std::span<std::uint8_t> out) override;

 private:
  std::uint64_t s_[4];
};
}  // namespace anabranch
