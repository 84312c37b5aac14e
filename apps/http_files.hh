/// A directory as an HTTP server sees it: request targets to open files, and the header values that go with them.
///
/// Nothing outside of the directory can be opened: ".." is refused in the target, and the kernel resolves the rest
/// beneath the directory (openat2 with RESOLVE_BENEATH; where there is none, without following any symbolic link).
/// Only regular files and directories; never blocks on a pipe.
#pragma once
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace anabranch::apps {

/// The segments of the path of a request target, decoded; or the status to answer with (400, 403).
struct TargetPath {
  std::string path;        ///< relative, "" for the root; no leading slash
  bool directory = false;  ///< the target ended in '/'
};
std::variant<TargetPath, unsigned> decode_target(std::string_view target);

struct ByteRange {
  std::uint64_t first = 0, length = 0;
  bool operator==(const ByteRange&) const = default;
};
enum class RangeVerdict { whole, part, unsatisfiable };
struct RangeChoice {
  RangeVerdict verdict = RangeVerdict::whole;
  ByteRange range;
};
/// RFC 9110 §14: one range of bytes, or the whole file for anything else that is not understood.
RangeChoice choose_range(std::string_view header, std::uint64_t size);

std::string http_date(std::time_t);
std::optional<std::time_t> parse_http_date(std::string_view);
std::string_view mime_type(std::string_view file_name);

/// An open file or directory; closes it.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(OpenFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

struct FoundFile {
  OpenFile file;
  bool directory = false;
  std::uint64_t size = 0;
  std::time_t modified = 0;
  std::string etag;  ///< with quotes
};

class FileTree {
 public:
  /// Throws Failure (file) when it is no directory that can be read.
  explicit FileTree(const std::string& directory);
  /// Or the status to answer with: 403, 404, 500.
  std::variant<FoundFile, unsigned> open(const std::string& path) const;
  /// An HTML page of what is in an open directory; `shown_path` is its decoded path.
  static std::string listing(const OpenFile& directory, std::string_view shown_path);

 private:
  int open_beneath(const std::string& path) const;
  OpenFile root_;
};
}  // namespace anabranch::apps
