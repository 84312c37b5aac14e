#include "runtime/port_guard.hh"

#include "runtime/file_descriptor.hh"

#include <atomic>
#include <cerrno>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sys/socket.h>
#include <unistd.h>

namespace anabranch::runtime {
namespace {
std::string element_list(std::span<const std::uint16_t> ports) {
  std::string list;
  for (const std::uint16_t port : ports) { list += (list.empty() ? "" : ", ") + std::to_string(port); }
  return list;
}
/// libnftables reports in several lines, with the command under a caret: the first says what was wrong.
std::string first_line(const char* text) {
  const std::string all = text == nullptr ? "" : text;
  return all.substr(0, all.find('\n'));
}

/// libnftables prints its complaint about a missing capability to stderr by itself: better not to let it come to that.
bool may_guard() {
  const FileDescriptor fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
  if (!fd) { return false; }
  // A dump of tables needs the same capability as making one (CAP_NET_ADMIN in the namespace).
  struct {
    nlmsghdr header;
    nfgenmsg body;
  } ask{{sizeof ask, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
        {AF_UNSPEC, NFNETLINK_V0, 0}};
  if (::send(fd.get(), &ask, sizeof ask, 0) < 0) { return errno != EPERM; }
  alignas(nlmsghdr) char answer[8192];
  const ssize_t got = ::recv(fd.get(), answer, sizeof answer, 0);
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (got < static_cast<ssize_t>(sizeof *header) || header->nlmsg_type != NLMSG_ERROR) { return true; }
  return static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error != -EPERM;
}
}  // namespace

void PortGuard::Free::operator()(nft_ctx* context) const { ::nft_ctx_free(context); }

Outcome<void> PortGuard::run(nft_ctx* context, const std::string& commands) {
  errno = 0;
  if (::nft_run_cmd_from_buffer(context, commands.c_str()) == 0) { return {}; }
  const std::string said = first_line(::nft_ctx_get_error_buffer(context));
  if (errno == EPERM || said.find("not permitted") != std::string::npos) {
    return failure(Errc::bad_argument,
                   "not permitted to guard ports: run as root or with CAP_NET_ADMIN and CAP_NET_RAW");
  }
  return failure(Errc::bad_argument, "cannot guard ports with nftables: " + said);
}

Outcome<PortGuard> PortGuard::open(std::span<const std::uint16_t> ports) {
  static std::atomic<unsigned> number{0};
  if (!may_guard()) {
    return failure(Errc::bad_argument,
                   "not permitted to guard ports: run as root or with CAP_NET_ADMIN and CAP_NET_RAW");
  }
  Context context{::nft_ctx_new(NFT_CTX_DEFAULT)};
  if (!context) { return failure(Errc::bad_argument, "cannot start libnftables"); }
  ::nft_ctx_buffer_error(context.get());
  ::nft_ctx_buffer_output(context.get());
  const std::string table = "anabranch_" + std::to_string(::getpid()) + "_" + std::to_string(number++);
  const std::string commands = "add table inet " + table + " { flags owner; }\n" + "add set inet " + table +
                               " ports { type inet_service; }\n" + "add chain inet " + table +
                               " guard { type filter hook prerouting priority raw; policy accept; }\n" +
                               "add rule inet " + table + " guard iif != lo tcp dport @ports drop\n";
  if (auto status = run(context.get(), commands); !status) { return std::unexpected(status.error()); }
  PortGuard guard{std::move(context), table};
  if (auto status = guard.add(ports); !status) { return std::unexpected(status.error()); }
  return guard;
}

Outcome<void> PortGuard::add(std::span<const std::uint16_t> ports) {
  if (ports.empty()) { return {}; }
  return run(context_.get(), "add element inet " + table_ + " ports { " + element_list(ports) + " }\n");
}
}  // namespace anabranch::runtime
