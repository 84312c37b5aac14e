/// One fuzz target a file: `FUZZ_TARGET(name) { ... }` with `input` in scope.
///
/// Built with ANABRANCH_LIBFUZZER it is libFuzzer's entry point; without, it registers itself with the binary that
/// replays the corpus, so that every input that ever mattered is a test. Failures stop the program (ANABRANCH_CHECK).
#pragma once
#include "base/check.hh"

#include <cstddef>
#include <cstdint>
#include <span>

namespace anabranch::fuzz {

using Target = void (*)(std::span<const std::uint8_t> input);
struct Registered {
  Registered(const char* name, Target target);
};
}  // namespace anabranch::fuzz

#ifdef ANABRANCH_LIBFUZZER
#define FUZZ_TARGET(name)                                                              \
  static void fuzz_##name(std::span<const std::uint8_t> input);                        \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) { \
    fuzz_##name({bytes, size});                                                        \
    return 0;                                                                          \
  }                                                                                    \
  static void fuzz_##name([[maybe_unused]] std::span<const std::uint8_t> input)
#else
#define FUZZ_TARGET(name)                                                           \
  static void fuzz_##name(std::span<const std::uint8_t> input);                     \
  static const ::anabranch::fuzz::Registered registered_##name{#name, fuzz_##name}; \
  static void fuzz_##name([[maybe_unused]] std::span<const std::uint8_t> input)
#endif
