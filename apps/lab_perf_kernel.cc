#include "apps/http_failure.hh"
#include "apps/lab_perf.hh"
#include "apps/lab_system.hh"

#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace anabranch::apps {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMultipath = 262;  // IPPROTO_MPTCP, which older headers lack

Descriptor open_socket(int family, bool multipath) {
  Descriptor fd{socket(family, SOCK_STREAM | SOCK_CLOEXEC, multipath ? kMultipath : 0)};
  if (!fd) { throw Failure(Exit::network, "kernel socket: " + system_error()); }
  return fd;
}

[[noreturn]] void complain(const char* doing) {
  throw Failure(Exit::network, fmt::format("{}: {}", doing, system_error()));
}

struct Where {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
Where as_sockaddr(const SocketAddress& address) {
  Where out;
  if (address.address.family == Family::v4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.address.raw.data(), 4);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port);
    std::memcpy(&in.sin6_addr, address.address.raw.data(), 16);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  }
  return out;
}

/// A connection, and while it lasts whom it was accepted from: joins need the listener.
struct Meeting {
  Descriptor listener, stream;
};
Meeting connect_to(const PerfOptions& options) {
  const Where to = as_sockaddr(options.remote);
  Meeting out{.listener = {}, .stream = open_socket(to.storage.ss_family, !options.paths.no_multipath)};
  if (connect(out.stream.get(), to.get(), to.size) != 0) { complain("connect"); }
  return out;
}
Meeting accept_one(const PerfOptions& options) {
  Meeting out{.listener = open_socket(AF_INET6, !options.paths.no_multipath), .stream = {}};
  const int yes = 1;
  setsockopt(out.listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const Where here = as_sockaddr({Address{Family::v6, {}}, options.remote.port});
  if (bind(out.listener.get(), here.get(), here.size) != 0 || listen(out.listener.get(), 1) != 0) {
    complain("listen");
  }
  out.stream = Descriptor{accept4(out.listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (!out.stream) { complain("accept"); }
  return out;
}

void send_all(int fd, const PerfOptions& options) {
  const std::vector<std::uint8_t> block(kPerfBlock, 0x5a);
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  while (Clock::now() < end) {
    if (send(fd, block.data(), block.size(), MSG_NOSIGNAL) < 0) { complain("send"); }
  }
  shutdown(fd, SHUT_WR);
  std::uint8_t rest = 0;
  while (recv(fd, &rest, 1, 0) > 0) {}  // until the receiver has everything and closes
}

PerfResult receive_all(int fd, const PerfOptions& options) {
  ProgressLog log{options.samples};
  std::vector<std::uint8_t> block(kPerfBlock);
  PerfResult result;
  auto began = Clock::now();
  for (ssize_t got; (got = recv(fd, block.data(), block.size(), 0)) != 0;) {
    if (got < 0) { complain("receive"); }
    if (result.bytes == 0) { began = Clock::now(); }
    result.bytes += static_cast<std::uint64_t>(got);
    result.sum += look_at(std::span{block}.first(static_cast<std::size_t>(got)));
    log.note(result.bytes, Clock::now());
  }
  result.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  int protocol = 0;
  socklen_t size = sizeof protocol;
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  result.protocol = protocol == kMultipath ? "mptcp" : "tcp";
  if (protocol == kMultipath) { result.version = 1; }  // Linux speaks no other
  return result;
}

}  // namespace

std::uint64_t look_at(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  const std::size_t words = bytes.size() / 8;
  for (std::size_t i = 0; i < words; ++i) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + 8 * i, 8);
    sum += word;
  }
  for (const std::uint8_t byte : bytes.subspan(words * 8)) { sum += byte; }
  return sum;
}

ProgressLog::ProgressLog(const std::string& path) : file_{path.empty() ? nullptr : std::fopen(path.c_str(), "we")} {
  if (!path.empty() && !file_) { throw Failure(Exit::file, fmt::format("cannot write {}: {}", path, system_error())); }
}

void ProgressLog::note(std::uint64_t total, Clock::time_point now) {
  if (!file_) { return; }
  const std::int64_t ns = std::chrono::nanoseconds{now.time_since_epoch()}.count();
  if (ns / 1'000'000 == millisecond_) { return; }
  millisecond_ = ns / 1'000'000;
  fmt::print(file_.get(), "{} {}\n", ns, total);
  std::fflush(file_.get());
}

PerfResult kernel_perf(const PerfOptions& options) {
  const Meeting meeting = options.listen ? accept_one(options) : connect_to(options);
  if (!options.sends()) { return receive_all(meeting.stream.get(), options); }
  send_all(meeting.stream.get(), options);
  return {};
}

}  // namespace anabranch::apps
