#include "runtime/offload.hh"

#include "runtime/file_descriptor.hh"

#include <algorithm>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace anabranch::runtime {
namespace {
/// An on/off feature; `otherwise` when the kernel will not say.
bool feature(int fd, const std::string& name, std::uint32_t command, bool otherwise) {
  ethtool_value value{.cmd = command, .data = 0};
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  return ::ioctl(fd, SIOCETHTOOL, &request) == 0 ? value.data != 0 : otherwise;
}
}  // namespace

std::uint32_t super_segment_limit(const Link& link) {
  const FileDescriptor fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd || !feature(fd.get(), link.name, ETHTOOL_GGSO, true)) { return 0; }
  // The kernel keeps whole what is shorter than the limit, link header included.
  constexpr std::uint32_t kLinkHeader = 14;
  if (link.gso_max <= link.mtu + kLinkHeader) { return 0; }
  return std::min(65535u, link.gso_max - 1) - kLinkHeader;
}
}  // namespace anabranch::runtime
