/// Randomness from the operating system, both lanes; the visible one through a buffer, because it is asked often.
#pragma once
#include "base/random.hh"

#include <array>

namespace anabranch::runtime {

class OsRandom final : public Random {
 public:
  std::uint64_t visible() override;
  void secret(std::span<std::uint8_t> out) override;

 private:
  std::array<std::uint64_t, 64> words_{};
  std::size_t used_ = words_.size();
};
}  // namespace anabranch::runtime
