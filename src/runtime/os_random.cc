#include "runtime/os_random.hh"

#include "base/check.hh"

#include <cerrno>
#include <sys/random.h>

namespace anabranch::runtime {
namespace {
/// Without randomness there are no keys: a kernel that has none is not one we can run on.
void fill(void* out, std::size_t size) {
  auto* at = static_cast<std::uint8_t*>(out);
  while (size != 0) {
    const ssize_t n = ::getrandom(at, size, 0);
    ANABRANCH_CHECK(n > 0 || errno == EINTR);
    if (n > 0) {
      at += n;
      size -= static_cast<std::size_t>(n);
    }
  }
}
}  // namespace

std::uint64_t OsRandom::visible() {
  if (used_ == words_.size()) {
    fill(words_.data(), sizeof words_);
    used_ = 0;
  }
  return words_[used_++];
}

void OsRandom::secret(std::span<std::uint8_t> out) { fill(out.data(), out.size()); }
}  // namespace anabranch::runtime
