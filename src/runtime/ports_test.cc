// Claimed and guarded ports, against the kernel in namespaces of our own.
#include "device/lab.hh"
#include "runtime/port_claim.hh"
#include "runtime/port_guard.hh"

#include <arpa/inet.h>
#include <csignal>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <set>
#include <sys/socket.h>
#include <sys/wait.h>

namespace anabranch::runtime {
namespace {
using test::Lab;

FileDescriptor listening_on(std::uint16_t port) {
  FileDescriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}, .sin_zero = {}};
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) { return {}; }
  return ::listen(fd.get(), 1) == 0 ? std::move(fd) : FileDescriptor{};
}
/// What a connection attempt comes to within `milliseconds`: 0, ECONNREFUSED, or ETIMEDOUT when nothing was heard.
int connect_to(std::uint32_t address, std::uint16_t port, int milliseconds) {
  FileDescriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}, .sin_zero = {}};
  ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to);
  pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&wait, 1, milliseconds) == 0) { return ETIMEDOUT; }
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}
constexpr std::uint32_t kOfB = 0x0a4d0002;  // 10.77.0.2
}  // namespace

TEST(PortClaims, KeepAPortFromOthersAndGiveItBack) {
  std::uint16_t port = 0;
  {
    PortClaims claims;
    port = claims.claim_any().value();
    EXPECT_TRUE(claims.has(port));
    EXPECT_FALSE(listening_on(port));
    EXPECT_TRUE(claims.claim(port).has_value());  // ours already
  }
  EXPECT_TRUE(listening_on(port));
}
TEST(PortClaims, ThatCannotBeMetNameThePort) {
  PortClaims first, second;
  const std::uint16_t port = first.claim_any().value();
  const auto refused = second.claim(port);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(Errc::address_in_use, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().text.find(std::to_string(port)));
  EXPECT_EQ(Errc::bad_argument, second.claim(0).error().code);
}
TEST(PortClaims, OfABlockAreDifferentAndMostlyNeighbours) {
  PortClaims claims;
  const auto block = claims.claim_block(64, 7).value();
  EXPECT_EQ(64u, std::set<std::uint16_t>(block.begin(), block.end()).size());
  EXPECT_EQ(block, claims.ports());
  EXPECT_FALSE(PortClaims{}.claim_block(PortClaims::kMaxEphemeral + 1, 7).has_value());
  EXPECT_TRUE(PortClaims{}.claim_block(0, 7).value().empty());
}

TEST(PortGuard, KeepsTheKernelSilentOnGuardedPortsOnly) {
  ANABRANCH_NEEDS_LAB();
  Lab lab;
  auto guard = Lab::inside(lab.b(), [] { return PortGuard::open(std::array<std::uint16_t, 2>{5000, 5001}); });
  ASSERT_TRUE(guard.has_value()) << guard.error().text;
  Lab::inside(lab.a(), [] {
    EXPECT_EQ(ETIMEDOUT, connect_to(kOfB, 5000, 300));
    EXPECT_EQ(ECONNREFUSED, connect_to(kOfB, 5002, 2000));
  });
  ASSERT_TRUE(guard->add(std::array<std::uint16_t, 1>{5002}).has_value());
  Lab::inside(lab.a(), [] { EXPECT_EQ(ETIMEDOUT, connect_to(kOfB, 5002, 300)); });
  Lab::inside(lab.b(), [] { EXPECT_EQ(ECONNREFUSED, connect_to(INADDR_LOOPBACK, 5000, 2000)); });
  guard = failure(Errc::closed, "");  // gone with the object
  Lab::inside(lab.a(), [] { EXPECT_EQ(ECONNREFUSED, connect_to(kOfB, 5000, 2000)); });
}

TEST(PortGuard, VanishesWithAProcessThatIsKilled) {
  ANABRANCH_NEEDS_LAB();
  Lab lab;
  int ready[2];
  ASSERT_EQ(0, ::pipe(ready));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto guard = Lab::inside(lab.b(), [] { return PortGuard::open(std::array<std::uint16_t, 1>{5000}); });
    const char ok = guard ? 'y' : 'n';
    (void)!::write(ready[1], &ok, 1);
    for (;;) { ::pause(); }
  }
  char answer = 0;
  ASSERT_EQ(1, ::read(ready[0], &answer, 1));
  EXPECT_EQ('y', answer);
  Lab::inside(lab.a(), [] { EXPECT_EQ(ETIMEDOUT, connect_to(kOfB, 5000, 300)); });
  EXPECT_EQ(0, Lab::exec(lab.b(), "sh -c 'nft list tables | grep -q anabranch_'"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  Lab::inside(lab.a(), [] { EXPECT_EQ(ECONNREFUSED, connect_to(kOfB, 5000, 5000)); });  // SYNs are repeated meanwhile
  EXPECT_NE(0, Lab::exec(lab.b(), "sh -c 'nft list tables | grep -q anabranch_'"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(PortGuard, WithoutPrivilegeSaysWhatItNeeds) {
  ANABRANCH_NEEDS_LAB();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool dropped = ::setresuid(65534, 65534, 65534) == 0;
    const auto guard = PortGuard::open(std::array<std::uint16_t, 1>{5000});
    const bool clear = !guard && guard.error().text.find("CAP_NET_ADMIN") != std::string::npos;
    ::_exit(dropped && clear ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
}  // namespace anabranch::runtime
