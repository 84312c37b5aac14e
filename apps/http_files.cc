#include "apps/http_files.hh"

#include "apps/http_failure.hh"
#include "apps/http_url.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace anabranch::apps {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
  return value;
}

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string strip(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) { text.remove_prefix(1); }
  while (text.ends_with(' ') || text.ends_with('\t')) { text.remove_suffix(1); }
  return std::string{text};
}

}  // namespace

std::variant<TargetPath, unsigned> decode_target(std::string_view target) {
  // RFC 9112 §3.2.2: a server must accept the absolute form too.
  if (target.starts_with("http://")) {
    const std::size_t slash = target.find('/', 7);
    target = slash == std::string_view::npos ? std::string_view{"/"} : target.substr(slash);
  }
  target = target.substr(0, target.find('?'));
  if (!target.starts_with('/') || target.find('#') != std::string_view::npos) { return 400u; }
  TargetPath out;
  out.directory = target.ends_with('/');
  for (std::size_t at = 1; at < target.size();) {
    const std::size_t end = std::min(target.find('/', at), target.size());
    std::string segment;
    if (!percent_decode(target.substr(at, end - at), segment)) { return 400u; }
    // An encoded slash or NUL would mean something else to the file system than to whoever checked the URL.
    if (has_control(segment) || segment.find('/') != std::string::npos) { return 400u; }
    if (segment == "..") { return 403u; }
    if (!segment.empty() && segment != ".") { out.path += (out.path.empty() ? "" : "/") + segment; }
    if (segment == "." && end == target.size()) { out.directory = true; }
    at = end + 1;
  }
  return out;
}

RangeChoice choose_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) { return {}; }
  const std::string spec = strip(header.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == std::string::npos || spec.find(',') != std::string::npos) { return {}; }
  const std::string_view first_text = std::string_view{spec}.substr(0, dash);
  const std::string_view last_text = std::string_view{spec}.substr(dash + 1);
  const auto first = number(first_text), last = number(last_text);
  if (first_text.empty()) {  // the last N bytes
    if (!last) { return {}; }
    if (*last == 0 || size == 0) { return {RangeVerdict::unsatisfiable, {}}; }
    const std::uint64_t length = std::min(*last, size);
    return {RangeVerdict::part, {size - length, length}};
  }
  if (!first || (!last_text.empty() && !last) || (last && *last < *first)) { return {}; }
  if (*first >= size) { return {RangeVerdict::unsatisfiable, {}}; }
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {RangeVerdict::part, {*first, end - *first + 1}};
}

std::string http_date(std::time_t when) {
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, n};
}

std::optional<std::time_t> parse_http_date(std::string_view text) {
  std::tm parts{};
  const std::string copy{text};
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') { return std::nullopt; }
  return ::timegm(&parts);
}

std::string_view mime_type(std::string_view name) {
  struct Type {
    std::string_view suffix, type;
  };
  static constexpr Type kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".htm", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
      {".md", "text/markdown; charset=utf-8"},
      {".csv", "text/csv; charset=utf-8"},
      {".xml", "application/xml"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".gif", "image/gif"},
      {".webp", "image/webp"},
      {".ico", "image/x-icon"},
      {".pdf", "application/pdf"},
      {".mp4", "video/mp4"},
      {".webm", "video/webm"},
      {".mp3", "audio/mpeg"},
      {".ogg", "audio/ogg"},
      {".wasm", "application/wasm"},
      {".woff2", "font/woff2"},
      {".zip", "application/zip"},
      {".gz", "application/gzip"},
      {".xz", "application/x-xz"},
      {".tar", "application/x-tar"},
      {".iso", "application/x-iso9660-image"},
  };
  std::string lower{name};
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Type& type : kTypes) {
    if (lower.ends_with(type.suffix)) { return type.type; }
  }
  return "application/octet-stream";
}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
OpenFile::~OpenFile() {
  if (descriptor_ >= 0) { ::close(descriptor_); }
}

FileTree::FileTree(const std::string& directory)
    : root_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (root_.descriptor() < 0) {
    throw Failure(Exit::file, fmt::format("cannot serve {}: {}", directory, std::strerror(errno)));
  }
}

int FileTree::open_beneath(const std::string& path) const {
  const char* relative = path.empty() ? "." : path.c_str();
  open_how how{};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, root_.descriptor(), relative, &how, sizeof how);
  if (opened >= 0 || (errno != ENOSYS && errno != EPERM)) { return static_cast<int>(opened); }
  // An old kernel, or a container that does not know the call: segment by segment, and no links at all.
  OpenFile at(::openat(root_.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string segment = path.substr(begin, end - begin);
    at = OpenFile(::openat(at.descriptor(), segment.c_str(), kOpenFlags | O_NOFOLLOW));
    if (at.descriptor() < 0) { return -1; }
    begin = end + 1;
  }
  return ::dup(at.descriptor());
}

std::variant<FoundFile, unsigned> FileTree::open(const std::string& path) const {
  FoundFile found;
  found.file = OpenFile(open_beneath(path));
  if (found.file.descriptor() < 0) {
    switch (errno) {
      case ENOENT:
      case ENOTDIR:
      case ENAMETOOLONG: return 404u;
      case EACCES:
      case EXDEV:  // a link that leads out
      case ELOOP:
      case ENXIO: return 403u;
      default: return 500u;
    }
  }
  struct stat facts{};
  if (::fstat(found.file.descriptor(), &facts) != 0) { return 500u; }
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) { return 403u; }
  found.directory = S_ISDIR(facts.st_mode);
  found.size = static_cast<std::uint64_t>(facts.st_size);
  found.modified = facts.st_mtim.tv_sec;
  found.etag = fmt::format("\"{:x}-{:x}.{:x}\"", found.size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
  return found;
}

std::string FileTree::listing(const OpenFile& directory, std::string_view shown_path) {
  std::vector<std::string> names;
  const int copy = ::openat(directory.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const raw = copy < 0 ? nullptr : ::fdopendir(copy);
  if (raw != nullptr) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open{raw, ::closedir};
    while (const dirent* entry = ::readdir(open.get())) {
      const std::string name{entry->d_name};
      if (name == "." || name == "..") { continue; }
      names.push_back(name + (entry->d_type == DT_DIR ? "/" : ""));
    }
  }
  std::ranges::sort(names);
  const std::string title = "/" + html_escape(shown_path);
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{0}</title></head>\n"
      "<body><h1>{0}</h1>\n<ul>\n",
      title);
  if (!shown_path.empty()) { page += "<li><a href=\"../\">../</a></li>\n"; }
  for (const std::string& name : names) {
    // "./": a name with a colon would be read as a scheme.
    page += fmt::format("<li><a href=\"./{}\">{}</a></li>\n", percent_encode_path(name), html_escape(name));
  }
  return page + "</ul></body></html>\n";
}

}  // namespace anabranch::apps
