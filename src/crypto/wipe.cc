#include "crypto/wipe.hh"

#include <openssl/crypto.h>

namespace anabranch::crypto {
void wipe(void* at, std::size_t size) { OPENSSL_cleanse(at, size); }
}  // namespace anabranch::crypto
