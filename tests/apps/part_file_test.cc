#include "apps/http_failure.hh"
#include "apps/http_file.hh"
#include "tests/apps/temporary.hh"

#include <gtest/gtest.h>
#include <optional>

namespace anabranch::apps {
namespace {

namespace fs = std::filesystem;

TEST(PartFile, AppearsUnderItsNameOnlyWhenItIsCommitted) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/out";
  PartFile file(path);
  file.write("half");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(directory.entries(), 1u);
  EXPECT_EQ(fs::path(file.temporary()).parent_path(), directory.path);
  file.write(" and half");
  file.commit();
  EXPECT_EQ(read_file(path), "half and half");
  EXPECT_EQ(directory.entries(), 1u);
}

TEST(PartFile, LeavesNothingBehindWithoutACommit) {
  const TemporaryDirectory directory;
  {
    PartFile file(directory.path + "/out");
    file.write("half");
  }
  EXPECT_EQ(directory.entries(), 0u);
}

TEST(PartFile, KeepsTheOldFileUntilTheNewOneIsWhole) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/out";
  write_file(path, "old");
  {
    PartFile file(path);
    file.write("new");
    EXPECT_EQ(read_file(path), "old");
  }
  EXPECT_EQ(read_file(path), "old");
  PartFile file(path);
  file.write("new");
  file.commit();
  EXPECT_EQ(read_file(path), "new");
}

TEST(PartFile, HasTheModeOfAnyNewFile) {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(027);
  PartFile file(directory.path + "/out");
  file.commit();
  ::umask(before);
  EXPECT_EQ(fs::status(directory.path + "/out").permissions(), static_cast<fs::perms>(0640));
}

TEST(PartFile, ReplacesWhatALinkPointsToAndNotTheLink) {
  const TemporaryDirectory directory;
  write_file(directory.path + "/real", "old");
  fs::create_symlink("real", directory.path + "/link");
  PartFile file(directory.path + "/link");
  file.write("new");
  file.commit();
  EXPECT_TRUE(fs::is_symlink(directory.path + "/link"));
  EXPECT_EQ(read_file(directory.path + "/real"), "new");
}

TEST(PartFile, WritesToADeviceInsteadOfReplacingIt) {
  PartFile file("/dev/null");
  file.write("gone");
  EXPECT_EQ(file.temporary(), "");
  file.commit();
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

std::string complaint_about(const std::string& path, const std::string& bytes) {
  try {
    PartFile file(path);
    file.write(bytes);
    file.commit();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit(), Exit::file);
    return failure.what();
  }
  return "";
}

TEST(PartFile, SaysWhatIsWrongWithThePlace) {
  const TemporaryDirectory directory;
  EXPECT_EQ(complaint_about("/dev/full", "x"),
            "cannot write /dev/full: No space left on device: make room or choose another place with -o");
  EXPECT_EQ(complaint_about(directory.path, "x"), "cannot write " + directory.path +
                                                      ": Is a directory: give a file name "
                                                      "with -o");
  EXPECT_EQ(complaint_about(directory.path + "/no/out", "x"),
            "cannot create " + directory.path + "/no/out: No such file or directory: make the directory first");
}

TEST(Digest, IsSha256) {
  Digest digest;
  digest.add("a");
  digest.add("bc");
  EXPECT_EQ(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace anabranch::apps
