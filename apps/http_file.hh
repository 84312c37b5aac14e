/// Where a download goes: a file that appears under its name only when it is complete, and its SHA-256 on the way.
///
/// `PartFile` writes to FILE.XXXXXX.part in the directory of FILE. `commit` gives it its name; everything else, a
/// destructor during an exception included, removes it. What is there already and is no regular file (/dev/null, a
/// pipe) is written to directly. Throws Failure (file).
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace anabranch::apps {

class Digest {
 public:
  Digest();
  ~Digest();
  void add(std::string_view bytes);
  std::string hex();  ///< once, at the end

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

class PartFile {
 public:
  /// "-" is standard output. Creates the temporary file, so that a directory that cannot be written is known at once.
  explicit PartFile(const std::string& path);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  void write(std::string_view bytes);
  void commit();
  const std::string& temporary() const { return temporary_; }  ///< empty when it is written to directly

 private:
  [[noreturn]] void fail(const char* doing, int number) const;

  std::string path_, temporary_;
  int descriptor_ = -1;
};
}  // namespace anabranch::apps
