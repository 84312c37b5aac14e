#include "apps/http_file.hh"

#include "apps/http_failure.hh"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace anabranch::apps {

struct Digest::Parts {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Digest::Digest() : parts_(std::make_unique<Parts>()) { EVP_DigestInit_ex(parts_->context, EVP_sha256(), nullptr); }
Digest::~Digest() { EVP_MD_CTX_free(parts_->context); }
void Digest::add(std::string_view bytes) { EVP_DigestUpdate(parts_->context, bytes.data(), bytes.size()); }

std::string Digest::hex() {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(parts_->context, out, &length);
  std::string text;
  for (unsigned i = 0; i < length; ++i) { text += fmt::format("{:02x}", out[i]); }
  return text;
}

PartFile::PartFile(const std::string& path) : path_(path) {
  if (path_ == "-") {
    descriptor_ = ::dup(STDOUT_FILENO);
    if (descriptor_ < 0) { fail("open", errno); }
    return;
  }
  std::error_code ignored;
  // A link is followed, so that what it points to is replaced and not the link.
  if (const auto real = std::filesystem::canonical(path_, ignored); !ignored) { path_ = real; }
  struct stat there{};
  if (::stat(path_.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) { fail("write", errno); }
    return;
  }
  // Beside the file, since rename() does not cross file systems.
  std::string name = path_ + ".XXXXXX.part";
  descriptor_ = ::mkostemps(name.data(), 5, O_CLOEXEC);
  if (descriptor_ < 0) { fail("create", errno); }
  temporary_ = name;
  // mkostemps makes it private; a download has the mode any new file has.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(descriptor_, 0666 & ~mask);
}

PartFile::~PartFile() {
  if (descriptor_ >= 0) { ::close(descriptor_); }
  if (!temporary_.empty()) { ::unlink(temporary_.c_str()); }
}

void PartFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) { continue; }
    if (n < 0) { fail("write", errno); }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void PartFile::commit() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  // close() may be where a full disk or quota shows (NFS).
  if (::close(descriptor) != 0 && errno != EINTR) { fail("write", errno); }
  if (temporary_.empty()) { return; }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) { fail("create", errno); }
  temporary_.clear();
}

void PartFile::fail(const char* doing, int number) const {
  std::string_view advice;
  switch (number) {
    case ENOSPC:
    case EDQUOT: advice = ": make room or choose another place with -o"; break;
    case EACCES:
    case EPERM:
    case EROFS: advice = ": choose a place you may write to with -o"; break;
    case ENOENT:
    case ENOTDIR: advice = ": make the directory first"; break;
    case EISDIR: advice = ": give a file name with -o"; break;
    default: break;
  }
  throw Failure(Exit::file, fmt::format("cannot {} {}: {}{}", doing, path_ == "-" ? "standard output" : path_,
                                        std::strerror(number), advice));
}

}  // namespace anabranch::apps
