// Streams and acceptors against the Linux kernel, and against each other, over veth pairs in namespaces of our own.
#include "api/acceptor.hh"
#include "api/endpoint.hh"
#include "device/lab.hh"

#include <arpa/inet.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>

namespace anabranch {
namespace {
namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using boost::system::error_code;
using test::Lab;

constexpr std::uint16_t kPort = 4242;
constexpr std::size_t kTotal = 20 << 20;

std::uint8_t byte_at(std::size_t i) { return static_cast<std::uint8_t>(i * 2654435761u >> 13); }

// --- the kernel's side: a process of its own with blocking sockets

int kernel_socket(int protocol) { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol); }

void write_pattern(int fd) {
  std::vector<std::uint8_t> block(1 << 16);
  for (std::size_t at = 0; at < kTotal;) {
    const std::size_t size = std::min(block.size(), kTotal - at);
    for (std::size_t i = 0; i < size; ++i) { block[i] = byte_at(at + i); }
    for (std::size_t done = 0; done < size;) {
      const ssize_t n = ::send(fd, block.data() + done, size - done, MSG_NOSIGNAL);
      if (n <= 0) { return; }
      done += static_cast<std::size_t>(n);
    }
    at += size;
  }
  ::shutdown(fd, SHUT_WR);
}
bool read_pattern(int fd) {
  std::vector<std::uint8_t> block(1 << 16);
  std::size_t at = 0;
  for (ssize_t n = 0; (n = ::recv(fd, block.data(), block.size(), 0)) > 0;) {
    for (ssize_t i = 0; i < n; ++i) {
      if (block[static_cast<std::size_t>(i)] != byte_at(at++)) { return false; }
    }
  }
  return at == kTotal;
}
int serve_once(int protocol) {
  const int listener = kernel_socket(protocol);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in any{.sin_family = AF_INET, .sin_port = htons(kPort), .sin_addr = {htonl(INADDR_ANY)}, .sin_zero = {}};
  if (::bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 || ::listen(listener, 4) != 0) { return 2; }
  const int fd = ::accept(listener, nullptr, nullptr);
  std::thread writer{[&] { write_pattern(fd); }};
  const bool intact = read_pattern(fd);
  writer.join();
  return intact ? 0 : 1;
}
int call_once(int protocol) {
  const int fd = kernel_socket(protocol);
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(kPort), .sin_addr = {htonl(0x0a4d0001)}, .sin_zero = {}};
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) { return 2; }
  std::thread writer{[&] { write_pattern(fd); }};
  const bool intact = read_pattern(fd);
  writer.join();
  return intact ? 0 : 1;
}

/// A process that runs `f` in a namespace; killed if it is still there at the end.
class Process {
 public:
  template <class F>
  Process(const std::string& ns, F f) : pid_{::fork()} {
    if (pid_ == 0) {
      ::alarm(60);
      ::_exit(Lab::inside(ns, f));
    }
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  int exit_code() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

// --- our side

asio::awaitable<void> write_pattern(Stream& stream) {
  std::vector<std::uint8_t> block(100'000);
  for (std::size_t at = 0; at < kTotal;) {
    const std::size_t size = std::min(block.size(), kTotal - at);
    for (std::size_t i = 0; i < size; ++i) { block[i] = byte_at(at + i); }
    co_await asio::async_write(stream, asio::buffer(block.data(), size), asio::use_awaitable);
    at += size;
  }
  error_code error;
  stream.shutdown_send(error);
  EXPECT_FALSE(error) << error.message();
}
/// How many bytes came, all of them right.
asio::awaitable<std::size_t> read_pattern(Stream& stream) {
  std::vector<std::uint8_t> block(70'000);
  std::size_t at = 0;
  for (;;) {
    error_code error;
    const std::size_t n =
        co_await stream.async_read_some(asio::buffer(block), asio::redirect_error(asio::use_awaitable, error));
    for (std::size_t i = 0; i < n; ++i) {
      if (block[i] != byte_at(at++)) { co_return 0; }
    }
    if (error) {
      EXPECT_EQ(asio::error::eof, error) << error.message();
      co_return at;
    }
  }
}
asio::awaitable<void> exchange(Stream& stream) {
  const std::size_t read = co_await (write_pattern(stream) && read_pattern(stream));
  EXPECT_EQ(kTotal, read);
}

struct Interop : testing::Test {
  void SetUp() override { ANABRANCH_NEEDS_LAB(); }

  Context open(asio::io_context& io, bool multipath, ContextOptions options = {}) {
    options.connection.multipath = multipath;
    if (const char* capture = std::getenv("ANABRANCH_TEST_PCAPNG")) {
      options.pcapng = capture;
    }  // to see what went on
    auto context = Context::open(io, options);
    if (!context) { throw std::runtime_error{context.error().text}; }
    return *context;
  }
  /// Runs `body(context)` in namespace a to its end, at most twenty seconds, lets connections close and stops.
  template <class Body>
  void run(const Lab& lab, bool multipath, Body body, ContextOptions options = {}) {
    Lab::inside(lab.a(), [&] {
      asio::io_context io{1};
      Context context = open(io, multipath, options);
      asio::steady_timer too_long{io, std::chrono::seconds{20}};
      too_long.async_wait([&](const error_code& error) {
        if (!error) {
          ADD_FAILURE() << "took too long";
          context.stop();
          io.stop();
        }
      });
      asio::co_spawn(
          io,
          [&]() -> asio::awaitable<void> {
            co_await body(context);
            co_await context.async_drain({3'000'000'000}, asio::use_awaitable);
            context.stop();
            too_long.cancel();
          },
          [](std::exception_ptr e) {
            if (e) { std::rethrow_exception(e); }
          });
      try {
        io.run();
      } catch (const std::exception& e) { ADD_FAILURE() << e.what(); }
    });
  }
  /// The kernel may need a moment until it listens.
  static asio::awaitable<void> connect(Stream& stream, const SocketAddress& remote, ConnectOptions options = {}) {
    for (int i = 0; i < 50; ++i) {
      error_code error;
      co_await stream.async_connect(remote, options, asio::redirect_error(asio::use_awaitable, error));
      if (error != asio::error::connection_refused) {
        if (error) { throw boost::system::system_error{error}; }
        co_return;
      }
      asio::steady_timer moment{stream.get_executor(), std::chrono::milliseconds{20}};
      co_await moment.async_wait(asio::use_awaitable);
    }
    throw std::runtime_error{"nobody listens"};
  }
};
const SocketAddress kKernel{Address::v4(10, 77, 0, 2), kPort};
}  // namespace

TEST_F(Interop, AStreamExchangesTwentyMegabytesWithAKernelServerOverPlainTcp) {
  Lab lab;
  Process kernel{lab.b(), [] { return serve_once(IPPROTO_TCP); }};
  run(lab, false, [](Context& context) -> asio::awaitable<void> {
    Stream stream{context};
    co_await connect(stream, kKernel);
    EXPECT_EQ(kKernel, stream.remote_address());
    co_await exchange(stream);
    EXPECT_EQ(mptcp::Protocol::tcp, stream.info().value().protocol);
  });
  EXPECT_EQ(0, kernel.exit_code());
}

TEST_F(Interop, AStreamExchangesTwentyMegabytesWithAKernelServerOverMptcp) {
  Lab lab{2};
  lab.ip(lab.b(), "mptcp limits set subflows 8 add_addr_accepted 8");
  lab.ip(lab.b(), "mptcp endpoint add 10.77.1.2 dev b1 signal");
  Process kernel{lab.b(), [] { return serve_once(IPPROTO_MPTCP); }};
  run(lab, true, [](Context& context) -> asio::awaitable<void> {
    Stream stream{context};
    co_await connect(stream, kKernel);
    co_await exchange(stream);
    const auto info = stream.info().value();
    EXPECT_EQ(mptcp::Protocol::mptcp, info.protocol) << name(info.fallback_reason);
    EXPECT_EQ(kTotal, info.bytes_received);
    EXPECT_EQ(kTotal, info.bytes_written);
    EXPECT_LE(2u, info.subflows.size());
    for (const mptcp::SubflowInfo& subflow : info.subflows) {
      EXPECT_NE(0u, subflow.bytes_sent + subflow.bytes_received) << to_text(subflow.local);
    }
  });
  EXPECT_EQ(0, kernel.exit_code());
}

TEST_F(Interop, AnMptcpStreamFallsBackWhenTheKernelServerSpeaksTcpOnly) {
  Lab lab;
  Process kernel{lab.b(), [] { return serve_once(IPPROTO_TCP); }};
  run(lab, true, [](Context& context) -> asio::awaitable<void> {
    Stream stream{context};
    co_await connect(stream, kKernel);
    co_await exchange(stream);
    const auto info = stream.info().value();
    EXPECT_EQ(mptcp::Protocol::tcp, info.protocol);
    EXPECT_EQ(mptcp::FallbackReason::peer_refused, info.fallback_reason);
  });
  EXPECT_EQ(0, kernel.exit_code());
}

TEST_F(Interop, AnAcceptorServesKernelClientsOfBothKinds) {
  for (const int protocol : {int{IPPROTO_TCP}, int{IPPROTO_MPTCP}}) {
    Lab lab;
    std::optional<Process> kernel;
    run(lab, true, [&](Context& context) -> asio::awaitable<void> {
      auto acceptor = Acceptor::listen(context, {.port = kPort});
      EXPECT_TRUE(acceptor.has_value()) << acceptor.error().text;
      kernel.emplace(lab.b(), [&] { return call_once(protocol); });
      Stream stream = co_await acceptor->async_accept(asio::use_awaitable);
      EXPECT_EQ(kKernel.address, stream.remote_address().address);
      co_await exchange(stream);
      EXPECT_EQ(protocol == IPPROTO_MPTCP ? mptcp::Protocol::mptcp : mptcp::Protocol::tcp,
                stream.info().value().protocol);
    });
    ASSERT_TRUE(kernel.has_value());
    EXPECT_EQ(0, kernel->exit_code());
  }
}

/// RFC 8684 §3.4.1: an address announced with a port; the kernel opens its further subflow there.
TEST_F(Interop, TheKernelJoinsAnAnnouncedPort) {
  Lab lab{2};
  lab.ip(lab.b(), "mptcp limits set subflows 8 add_addr_accepted 8");
  const SocketAddress door{Address::v4(10, 77, 1, 1), kPort + 1};
  std::optional<Process> kernel;
  run(lab, true, [&](Context& context) -> asio::awaitable<void> {
    AcceptOptions options;
    options.port = kPort;
    options.announce_at = {door};
    auto acceptor = Acceptor::listen(context, options);
    EXPECT_TRUE(acceptor.has_value()) << acceptor.error().text;
    kernel.emplace(lab.b(), [&] { return call_once(IPPROTO_MPTCP); });
    Stream stream = co_await acceptor->async_accept(asio::use_awaitable);
    co_await exchange(stream);
    const auto info = stream.info().value();
    const auto joined = std::ranges::find(info.subflows, door, &mptcp::SubflowInfo::local);
    EXPECT_NE(joined, info.subflows.end());
    if (joined != info.subflows.end()) { EXPECT_NE(0u, joined->bytes_received); }
  });
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(0, kernel->exit_code());
}

TEST_F(Interop, AClosedPortRefusesAndAnUnknownHostIsUnreachable) {
  Lab lab;
  run(lab, true, [](Context& context) -> asio::awaitable<void> {
    Stream stream{context};
    error_code error;
    co_await stream.async_connect(kKernel, asio::redirect_error(asio::use_awaitable, error));
    EXPECT_EQ(asio::error::connection_refused, error) << error.message();
    co_await stream.async_connect({Address::v4(192, 0, 2, 1), kPort}, asio::redirect_error(asio::use_awaitable, error));
    EXPECT_TRUE(error == asio::error::host_unreachable || error == asio::error::network_unreachable) << error.message();
  });
}

TEST_F(Interop, OperationsCanBeCancelledAndStopped) {
  Lab lab;
  Process kernel{lab.b(), [] { return serve_once(IPPROTO_TCP); }};
  run(lab, false, [](Context& context) -> asio::awaitable<void> {
    Stream nobody{context};  // a host that does not answer: cancelled after a moment
    asio::steady_timer moment{context.get_executor(), std::chrono::milliseconds{50}};
    const auto first = co_await (nobody.async_connect({Address::v4(10, 77, 0, 99), kPort}, asio::use_awaitable) ||
                                 moment.async_wait(asio::use_awaitable));
    EXPECT_EQ(1u, first.index());
    auto acceptor = Acceptor::listen(context, {}).value();
    EXPECT_NE(0, acceptor.port());
    moment.expires_after(std::chrono::milliseconds{20});
    const auto second = co_await (acceptor.async_accept(asio::use_awaitable) || moment.async_wait(asio::use_awaitable));
    EXPECT_EQ(1u, second.index());
    error_code closed = asio::error::would_block;
    acceptor.async_accept([&](error_code error, Stream) { closed = error; });
    acceptor.close();
    co_await asio::post(context.get_executor(), asio::use_awaitable);
    EXPECT_EQ(asio::error::operation_aborted, closed);
    char byte;
    error_code error;
    co_await nobody.async_read_some(asio::buffer(&byte, 1), asio::redirect_error(asio::use_awaitable, error));
    EXPECT_EQ(asio::error::not_connected, error);
    EXPECT_EQ(0u, co_await nobody.async_read_some(asio::buffer(&byte, 0), asio::use_awaitable));
  });
}

TEST_F(Interop, WhatIsWrongIsSaidInOneLine) {
  Lab lab;
  Lab::inside(lab.a(), [] {
    asio::io_context io{1};
    const auto unknown = Context::open(io, {.interfaces = {"wlan7"}});
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ("there is no interface wlan7", unknown.error().text);
    const auto first = Context::open(io, {.listen_ports = {kPort}});
    ASSERT_TRUE(first.has_value()) << first.error().text;
    const auto second = Context::open(io, {.listen_ports = {kPort}});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(Errc::address_in_use, second.error().code);
    EXPECT_EQ("TCP port 4242 is in use by another program", second.error().text);
  });
  lab.ip(lab.a(), "link set a0 down");
  Lab::inside(lab.a(), [] {
    asio::io_context io{1};
    const auto none = Context::open(io, {});
    ASSERT_FALSE(none.has_value());
    EXPECT_EQ(Errc::unreachable, none.error().code);
  });
}
}  // namespace anabranch
