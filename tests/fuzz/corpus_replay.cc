// Feeds every fuzz target its corpus, and every truncation of it: no libFuzzer needed.
#include "fuzz/target.hh"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace anabranch::fuzz {
namespace {

using Input = std::vector<std::uint8_t>;

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

std::vector<std::filesystem::path> inputs_of(const std::string& target) {
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path{ANABRANCH_CORPUS} / target;
  if (!std::filesystem::exists(folder)) { return files; }
  for (const auto& entry : std::filesystem::directory_iterator{folder}) { files.push_back(entry.path()); }
  std::ranges::sort(files);
  return files;
}

Input contents(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(Corpus, EveryTargetHasSeeds) {
  ASSERT_FALSE(targets().empty());
  for (const auto& [name, target] : targets()) { EXPECT_FALSE(inputs_of(name).empty()) << name; }
}

TEST(Corpus, EveryTargetTakesItsInputsAndTheirTruncations) {
  constexpr std::size_t kTruncationsUpTo = 256;  // headers lie in front; long payloads are cut once in the middle
  for (const auto& [name, target] : targets()) {
    for (const auto& path : inputs_of(name)) {
      SCOPED_TRACE(path.string());
      const Input input = contents(path);
      target.run(input);
      target.run(std::span{input}.first(input.size() / 2));
      const std::size_t truncations = target.story ? 0 : std::min(input.size(), kTruncationsUpTo);
      for (std::size_t n = 0; n < truncations; ++n) {
        target.run(Input(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(n)));
      }
    }
  }
}

TEST(Corpus, EveryTargetTakesItsInputsWithAnySingleBytePatched) {
  constexpr std::size_t kPatchesUpTo = 128;
  for (const auto& [name, target] : targets()) {
    if (target.story) { continue; }  // another byte is another story: the fuzzer's work
    for (const auto& path : inputs_of(name)) {
      Input input = contents(path);
      for (std::size_t at = 0; at < std::min(input.size(), kPatchesUpTo); ++at) {
        const std::uint8_t original = input[at];
        for (const int patch : {0x00, 0xff, original ^ 0x01, original ^ 0x80}) {
          input[at] = static_cast<std::uint8_t>(patch);
          target.run(input);
        }
        input[at] = original;
      }
    }
  }
}
}  // namespace

Registered::Registered(const char* name, Target target) { targets()[name] = target; }
}  // namespace anabranch::fuzz
