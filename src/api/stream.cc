#include "api/stream.hh"

namespace anabranch {

Stream& Stream::operator=(Stream&& other) noexcept {
  if (this != &other) {
    close();
    core_ = std::move(other.core_);
  }
  return *this;
}
}  // namespace anabranch
