/// One fuzz target a file: `FUZZ_TARGET(name) { ... }` with `input` in scope; `FUZZ_STORY(name)` when the input is not
/// something to be parsed but a list of steps, each run of which takes milliseconds.
///
/// Built with ANABRANCH_LIBFUZZER it is libFuzzer's entry point; without, it registers itself with the binary that
/// replays the corpus, so that every input that ever mattered is a test. Failures stop the program (ANABRANCH_CHECK).
#pragma once
#include "base/check.hh"

#include <cstddef>
#include <cstdint>
#include <span>

namespace anabranch::fuzz {

using Run = void (*)(std::span<const std::uint8_t> input);
struct Target {
  Run run = nullptr;
  bool story = false;
};
struct Registered {
  Registered(const char* name, Target target);
};
}  // namespace anabranch::fuzz

#ifdef ANABRANCH_LIBFUZZER
#define ANABRANCH_FUZZ(name, is_story)                                                 \
  static void fuzz_##name(std::span<const std::uint8_t> input);                        \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) { \
    fuzz_##name({bytes, size});                                                        \
    return 0;                                                                          \
  }                                                                                    \
  static void fuzz_##name([[maybe_unused]] std::span<const std::uint8_t> input)
#else
#define ANABRANCH_FUZZ(name, is_story)                                                          \
  static void fuzz_##name(std::span<const std::uint8_t> input);                                 \
  static const ::anabranch::fuzz::Registered registered_##name{#name, {fuzz_##name, is_story}}; \
  static void fuzz_##name([[maybe_unused]] std::span<const std::uint8_t> input)
#endif
#define FUZZ_TARGET(name) ANABRANCH_FUZZ(name, false)
#define FUZZ_STORY(name) ANABRANCH_FUZZ(name, true)
