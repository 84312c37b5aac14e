// Every file tests/scripts/<topic>/<story>.script is a test of its own (docs/notation.md, "Scripts").
#include "support/paths.hh"
#include "support/script.hh"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>

namespace anabranch::support {
namespace {

std::vector<std::string> all_scripts() {
  std::vector<std::string> out;
  const std::filesystem::path root = std::filesystem::path{tests_folder()} / "scripts";
  for (const auto& entry : std::filesystem::recursive_directory_iterator{root}) {
    if (entry.path().extension() == ".script") { out.push_back(relative(entry.path(), root).string()); }
  }
  std::ranges::sort(out);
  return out;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string out = info.param.substr(0, info.param.rfind('.'));
  std::ranges::replace_if(out, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return out;
}

class Scripts : public testing::TestWithParam<std::string> {};

TEST_P(Scripts, GoAsWritten) { EXPECT_EQ("", run_script_file(tests_folder() + "/scripts/" + GetParam())); }

INSTANTIATE_TEST_SUITE_P(All, Scripts, testing::ValuesIn(all_scripts()), test_name);

// The runner itself must be able to fail.
constexpr std::string_view kHandshake = R"(
  0.000 < S  0:0(0)       <mss 1460, sackOK, capable v1>
  0.000 > S. 0:0(0) ack 1 <mss 1460, sackOK, capable v1 key=B>
)";

TEST(ScriptRunner, PassesAScriptThatGoesAsWritten) { EXPECT_EQ("", run_script(kHandshake)); }
TEST(ScriptRunner, NoticesASegmentThatIsNotExpected) {
  EXPECT_NE("", run_script("0.000 < S 0:0(0) <mss 1460, capable v1>\n"));
}
TEST(ScriptRunner, NoticesASegmentThatDoesNotCome) {
  EXPECT_NE("", run_script(std::string{kHandshake} + "0.100 > . 1:1(0) ack 1\n"));
}
TEST(ScriptRunner, NoticesASegmentAtTheWrongTime) {
  EXPECT_NE("", run_script("0.000 < S 0:0(0) <mss 1460>\n0.005 > S. 0:0(0) ack 1 <mss 1460>\n"));
}
TEST(ScriptRunner, NoticesAWrongOption) {
  EXPECT_NE("", run_script("0.000 < S 0:0(0) <mss 1460, capable v1>\n0.000 > S. 0:0(0) ack 1 <mss 1460>\n"));
}
TEST(ScriptRunner, NoticesWhatItCannotRead) {
  EXPECT_NE("", run_script("0.000 app dance\n"));
  EXPECT_NE("", run_script("0.000 < X 0:0(0)\n"));
  EXPECT_NE("", run_script("set colour blue\n0.000 < S 0:0(0)\n"));
  EXPECT_NE("", run_script(""));
}
}  // namespace
}  // namespace anabranch::support
