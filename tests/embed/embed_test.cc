// The embedding interface, seen as its users see it: POSIX' meaning, errno values, no state but the stack's.
#include "two_hosts.hh"

#include <netinet/tcp.h>
#include <poll.h>

namespace anabranch::embed {
namespace {

// --- stacks

TEST(EmbedStack, OptionsOutOfRangeMakeNone) {
  EXPECT_EQ(nullptr, anb_stack_create(nullptr));
  EXPECT_EQ(nullptr, Host(1, [](auto& o) { o.size = 8; }).stack);
  EXPECT_EQ(nullptr, Host(1, [](auto& o) { o.max_connections = 0; }).stack);
  EXPECT_EQ(nullptr, Host(1, [](auto& o) { o.first_port = 9, o.last_port = 8; }).stack);
  EXPECT_NE(nullptr, Host(1).stack);
}

TEST(EmbedStack, TheSameSeedGivesTheSamePackets) {
  const auto run = [] {
    TwoHosts t{2};
    const auto [out, in] = t.connection(t.listener());
    t.client.send(out, std::string(50'000, 'x'), t.now);
    t.pass(1'000'000'000);
    return t.sent;
  };
  const auto once = run();
  EXPECT_GT(once.size(), 40u);
  EXPECT_EQ(once, run());
}

TEST(EmbedStack, AnotherSeedGivesOtherSequenceNumbersAndKeys) {
  const auto first_packet = [](std::uint8_t seed) {
    Host h{seed};
    EXPECT_EQ(0, anb_interface_add(h.stack, 1, 1500, 0, 0));
    const sockaddr_in a = v4("10.0.0.1", 0);
    EXPECT_EQ(0, anb_address_add(h.stack, 1, reinterpret_cast<const sockaddr*>(&a), sizeof a, 24, 0, 0));
    EXPECT_EQ(-EINPROGRESS, h.connect(anb_socket(h.stack), v4("10.0.0.2", 80), 0));
    std::vector<std::uint8_t> bytes(1500);
    anb_packet p{.data = bytes.data(), .capacity = bytes.size(), .length = 0, .interface = 0, .at = 0};
    EXPECT_EQ(1, anb_output(h.stack, &p, 0));
    return std::vector<std::uint8_t>(bytes.begin() + 24, bytes.begin() + 28);
  };
  EXPECT_NE(first_packet(1), first_packet(2));
}

TEST(EmbedStack, AnEmptyOneWantsNothing) {
  Host h{1};
  std::uint8_t buffer[1500];
  anb_packet p{.data = buffer, .capacity = sizeof buffer, .length = 0, .interface = 0, .at = 0};
  EXPECT_EQ(ANB_NEVER, anb_deadline(h.stack));
  EXPECT_EQ(0, anb_output(h.stack, &p, 0));
  int events = 0;
  EXPECT_EQ(0, anb_next_ready(h.stack, &events));
  anb_advance(h.stack, 1'000'000'000);
}

// --- interfaces and packets

TEST(EmbedNetwork, MistakesHaveTheirErrno) {
  Host h{1};
  const sockaddr_in a = v4("10.0.0.1", 0), nobody = v4("0.0.0.0", 0);
  const auto* address = reinterpret_cast<const sockaddr*>(&a);
  sockaddr unknown{};
  unknown.sa_family = AF_UNIX;
  EXPECT_EQ(-EINVAL, anb_interface_add(h.stack, 0, 1500, 0, 0));
  EXPECT_EQ(-EINVAL, anb_interface_add(h.stack, 1, 100, 0, 0));
  EXPECT_EQ(0, anb_interface_add(h.stack, 1, 1500, 0, 0));
  EXPECT_EQ(-EEXIST, anb_interface_add(h.stack, 1, 1500, 0, 0));
  EXPECT_EQ(-ENODEV, anb_interface_set_up(h.stack, 2, 0, 0));
  EXPECT_EQ(-ENODEV, anb_interface_remove(h.stack, 2, 0));
  EXPECT_EQ(-ENODEV, anb_address_add(h.stack, 2, address, sizeof a, 24, 0, 0));
  EXPECT_EQ(-EINVAL, anb_address_add(h.stack, 1, address, sizeof a, 33, 0, 0));
  EXPECT_EQ(-EINVAL, anb_address_add(h.stack, 1, reinterpret_cast<const sockaddr*>(&nobody), sizeof a, 24, 0, 0));
  EXPECT_EQ(-EAFNOSUPPORT, anb_address_add(h.stack, 1, &unknown, sizeof unknown, 24, 0, 0));
  EXPECT_EQ(-EAFNOSUPPORT, anb_address_add(h.stack, 1, address, 4, 24, 0, 0));
  EXPECT_EQ(0, anb_address_add(h.stack, 1, address, sizeof a, 24, 0, 0));
  EXPECT_EQ(-EEXIST, anb_address_add(h.stack, 1, address, sizeof a, 24, 0, 0));
  EXPECT_EQ(0, anb_address_remove(h.stack, address, sizeof a, 0));
  EXPECT_EQ(-EADDRNOTAVAIL, anb_address_remove(h.stack, address, sizeof a, 0));
  const std::uint8_t nonsense[3] = {1, 2, 3};
  EXPECT_EQ(-ENODEV, anb_input(h.stack, 2, nonsense, sizeof nonsense, 0));
  EXPECT_EQ(-EINVAL, anb_input(h.stack, 1, nonsense, 0, 0));
  EXPECT_EQ(-EMSGSIZE, anb_input(h.stack, 1, std::vector<std::uint8_t>(65536).data(), 65536, 0));
}

TEST(EmbedNetwork, NonsenseIsCountedAndNoError) {
  TwoHosts t;
  const std::uint8_t nonsense[3] = {1, 2, 3};
  EXPECT_EQ(0, anb_input(t.server.stack, 1, nonsense, sizeof nonsense, 0));
  EXPECT_EQ(1u, t.server.counter("dropped_malformed"));
}

TEST(EmbedNetwork, APacketWaitsForABufferThatTakesIt) {
  TwoHosts t;
  EXPECT_EQ(-EINPROGRESS, t.client.connect(anb_socket(t.client.stack), v4("10.0.1.2", 80), 0));
  std::uint8_t buffer[1500];
  anb_packet p{.data = buffer, .capacity = 10, .length = 0, .interface = 0, .at = 0};
  EXPECT_EQ(-EMSGSIZE, anb_output(t.client.stack, &p, 7));
  p.capacity = p.length;
  EXPECT_EQ(1, anb_output(t.client.stack, &p, 7));
  EXPECT_EQ(1u, p.interface);
  EXPECT_EQ(7, p.at);
  EXPECT_EQ(0, anb_output(t.client.stack, &p, 7));
}

// --- sockets

TEST(EmbedSocket, ANumberThatIsNoSocketIsEbadf) {
  Host h{1};
  const int fd = anb_socket(h.stack);
  char byte = 0;
  EXPECT_EQ(0, anb_close(h.stack, fd, 0));
  for (const int bad : {fd, 0, -1, 999}) {
    EXPECT_EQ(-EBADF, anb_close(h.stack, bad, 0));
    EXPECT_EQ(-EBADF, anb_poll(h.stack, bad));
    EXPECT_EQ(-EBADF, anb_send(h.stack, bad, &byte, 1, 0));
    EXPECT_EQ(-EBADF, anb_recv(h.stack, bad, &byte, 1, 0, 0));
    EXPECT_EQ(-EBADF, anb_listen(h.stack, bad, 1));
    EXPECT_EQ(-EBADF, h.set(bad, SOL_SOCKET, SO_KEEPALIVE, 1));
  }
}

TEST(EmbedSocket, BeforeItIsConnectedNothingCanBeSaid) {
  TwoHosts t;
  const int fd = anb_socket(t.client.stack);
  char byte = 0;
  EXPECT_EQ(-ENOTCONN, anb_send(t.client.stack, fd, &byte, 1, 0));
  EXPECT_EQ(-ENOTCONN, anb_recv(t.client.stack, fd, &byte, 1, 0, 0));
  EXPECT_EQ(-ENOTCONN, anb_shutdown(t.client.stack, fd, SHUT_WR, 0));
  EXPECT_EQ(-ENOTCONN, anb_getpeername(t.client.stack, fd, nullptr, nullptr));
  EXPECT_EQ(-EDESTADDRREQ, anb_listen(t.client.stack, fd, 1));
  EXPECT_EQ(POLLOUT | POLLHUP, anb_poll(t.client.stack, fd));
  EXPECT_EQ(-EINVAL, anb_accept(t.client.stack, fd, nullptr, nullptr));
}

TEST(EmbedSocket, ConnectSendsAndReceivesBothWays) {
  TwoHosts t;
  const int listening = t.listener();
  EXPECT_EQ(-EAGAIN, anb_accept(t.server.stack, listening, nullptr, nullptr));
  const auto [out, in] = t.connection(listening);
  EXPECT_EQ(-EISCONN, t.client.connect(out, v4("10.0.1.2", 80), t.now));
  EXPECT_EQ(5, t.client.send(out, "hello", t.now));
  ASSERT_TRUE(t.until([&, in = in] { return (anb_poll(t.server.stack, in) & POLLIN) != 0; }));
  EXPECT_EQ("hello", t.server.recv(in, t.now));
  EXPECT_EQ(5, t.server.send(in, "world", t.now));
  ASSERT_TRUE(t.until([&, out = out] { return (anb_poll(t.client.stack, out) & POLLIN) != 0; }));
  EXPECT_EQ("world", t.client.recv(out, t.now));
  EXPECT_EQ(POLLOUT, anb_poll(t.client.stack, out));
}

TEST(EmbedSocket, ItKnowsBothAddresses) {
  TwoHosts t;
  const int listening = t.listener();
  const auto [out, in] = t.connection(listening);
  sockaddr_in a{};
  socklen_t length = sizeof a;
  EXPECT_EQ(0, anb_getpeername(t.client.stack, out, reinterpret_cast<sockaddr*>(&a), &length));
  EXPECT_EQ(sizeof a, length);
  EXPECT_EQ(v4("10.0.1.2", 80).sin_addr.s_addr, a.sin_addr.s_addr);
  EXPECT_EQ(80, ntohs(a.sin_port));
  EXPECT_EQ(0, anb_getsockname(t.server.stack, in, reinterpret_cast<sockaddr*>(&a), &length));
  EXPECT_EQ(80, ntohs(a.sin_port));
}

TEST(EmbedSocket, WhileConnectingItHasToWait) {
  TwoHosts t;
  t.listener();
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), 0));
  EXPECT_EQ(-EALREADY, t.client.connect(fd, v4("10.0.1.2", 80), 0));
  EXPECT_EQ(-EAGAIN, t.client.send(fd, "x", 0));
  EXPECT_EQ(0, anb_poll(t.client.stack, fd));
  ASSERT_TRUE(t.until([&] { return anb_poll(t.client.stack, fd) == POLLOUT; }));
  EXPECT_EQ(0, t.client.get(fd, SOL_SOCKET, SO_ERROR));
}

TEST(EmbedSocket, RefusalIsToldOnceAndConnectMayTryAgain) {
  TwoHosts t;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), 0));
  ASSERT_TRUE(t.until([&] { return (anb_poll(t.client.stack, fd) & POLLERR) != 0; }));
  EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP, anb_poll(t.client.stack, fd));
  EXPECT_EQ(-ECONNREFUSED, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  t.listener();
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  EXPECT_TRUE(t.until([&] { return anb_poll(t.client.stack, fd) == POLLOUT; }));
}

TEST(EmbedSocket, SoErrorTakesTheErrorAway) {
  TwoHosts t;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), 0));
  ASSERT_TRUE(t.until([&] { return (anb_poll(t.client.stack, fd) & POLLERR) != 0; }));
  EXPECT_EQ(ECONNREFUSED, t.client.get(fd, SOL_SOCKET, SO_ERROR));
  EXPECT_EQ(0, t.client.get(fd, SOL_SOCKET, SO_ERROR));
}

TEST(EmbedSocket, WithoutARouteConnectFailsAtOnce) {
  Host h{1};
  EXPECT_EQ(-ENETUNREACH, h.connect(anb_socket(h.stack), v4("10.0.1.2", 80), 0));
}

TEST(EmbedSocket, BindChoosesAddressAndPort) {
  TwoHosts t{2};
  const int listening = t.listener();
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EADDRNOTAVAIL, t.client.bind(fd, v4("10.9.9.9", 0)));
  EXPECT_EQ(0, t.client.bind(fd, v4("10.0.2.1", 1234)));
  EXPECT_EQ(-EINVAL, t.client.bind(fd, v4("10.0.2.1", 1235)));
  t.connection(listening, fd);
  sockaddr_in a{};
  socklen_t length = sizeof a;
  EXPECT_EQ(0, anb_getsockname(t.client.stack, fd, reinterpret_cast<sockaddr*>(&a), &length));
  EXPECT_EQ(1234, ntohs(a.sin_port));
  EXPECT_EQ(v4("10.0.2.1", 0).sin_addr.s_addr, a.sin_addr.s_addr);
  const int second = anb_socket(t.client.stack);
  EXPECT_EQ(0, t.client.bind(second, v4("10.0.2.1", 1234)));
  EXPECT_EQ(-EADDRINUSE, t.client.connect(second, v4("10.0.1.2", 80), t.now));
}

TEST(EmbedSocket, OnePortHasOneListener) {
  TwoHosts t;
  t.listener();
  const int fd = anb_socket(t.server.stack);
  EXPECT_EQ(0, t.server.bind(fd, v4("0.0.0.0", 80)));
  EXPECT_EQ(-EADDRINUSE, anb_listen(t.server.stack, fd, 1));
}

TEST(EmbedSocket, PeekLeavesTheBytes) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  t.client.send(out, "abcdef", t.now);
  ASSERT_TRUE(t.until([&, in = in] { return (anb_poll(t.server.stack, in) & POLLIN) != 0; }));
  EXPECT_EQ("abc", t.server.recv(in, t.now, nullptr, 3, ANB_PEEK));
  EXPECT_EQ("abcdef", t.server.recv(in, t.now, nullptr, 100, ANB_PEEK));
  EXPECT_EQ("ab", t.server.recv(in, t.now, nullptr, 2));
  EXPECT_EQ("cdef", t.server.recv(in, t.now));
  ssize_t end = 0;
  t.server.recv(in, t.now, &end, 1, ANB_PEEK);
  EXPECT_EQ(-EAGAIN, end);
  EXPECT_EQ(-EINVAL, anb_recv(t.server.stack, in, &end, 1, 64, t.now));
}

TEST(EmbedSocket, AZeroLengthReadReturnsAtOnce) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  EXPECT_EQ(0, anb_recv(t.server.stack, in, nullptr, 0, 0, t.now));
}

TEST(EmbedSocket, AFullBufferIsEagainUntilThereIsRoom) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  const std::string block(1 << 20, 'b');
  std::size_t total = 0;
  ssize_t n = 0;
  while ((n = t.client.send(out, block, t.now)) > 0) { total += static_cast<std::size_t>(n); }
  EXPECT_EQ(-EAGAIN, n);
  EXPECT_EQ(0, anb_poll(t.client.stack, out) & POLLOUT);
  std::size_t got = 0;
  EXPECT_TRUE(t.until([&, in = in] {
    got += t.server.recv(in, t.now).size();
    return got == total;
  }));
  EXPECT_NE(0, anb_poll(t.client.stack, out) & POLLOUT);
}

TEST(EmbedSocket, HalfCloseEndsOneDirection) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  t.client.send(out, "question", t.now);
  EXPECT_EQ(0, anb_shutdown(t.client.stack, out, SHUT_WR, t.now));
  EXPECT_EQ(-EPIPE, t.client.send(out, "more", t.now));
  ASSERT_TRUE(t.until([&, in = in] { return (anb_poll(t.server.stack, in) & POLLIN) != 0; }));
  EXPECT_EQ("question", t.server.recv(in, t.now));
  ssize_t end = -1;
  ASSERT_TRUE(t.until([&, in = in] { return (anb_poll(t.server.stack, in) & POLLRDHUP) != 0; }));
  t.server.recv(in, t.now, &end);
  EXPECT_EQ(0, end);
  EXPECT_EQ(6, t.server.send(in, "answer", t.now));
  ASSERT_TRUE(t.until([&, out = out] { return t.client.recv(out, t.now) == "answer"; }));
  EXPECT_EQ(0, anb_shutdown(t.server.stack, in, SHUT_RDWR, t.now));
  EXPECT_TRUE(t.until([&, out = out] { return (anb_poll(t.client.stack, out) & POLLHUP) != 0; }));
  EXPECT_EQ(0, t.client.get(out, SOL_SOCKET, SO_ERROR));
}

TEST(EmbedSocket, ShutForReadingThrowsAwayWhatComes) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  EXPECT_EQ(0, anb_shutdown(t.server.stack, in, SHUT_RD, t.now));
  t.client.send(out, std::string(100'000, 'x'), t.now);
  t.pass(2'000'000'000);
  ssize_t end = -1;
  EXPECT_EQ("", t.server.recv(in, t.now, &end));
  EXPECT_EQ(0, end);
  anb_info info{};
  info.size = sizeof info;
  EXPECT_EQ(0, anb_get_info(t.client.stack, out, &info));
  EXPECT_EQ(100'000u, info.bytes_acknowledged);
  EXPECT_EQ(-EINVAL, anb_shutdown(t.server.stack, in, 77, t.now));
}

TEST(EmbedSocket, LingerOfZeroResets) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  const linger now_or_never{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(0, anb_setsockopt(t.client.stack, out, SOL_SOCKET, SO_LINGER, &now_or_never, sizeof now_or_never, t.now));
  EXPECT_EQ(0, anb_close(t.client.stack, out, t.now));
  ASSERT_TRUE(t.until([&, in = in] { return (anb_poll(t.server.stack, in) & POLLERR) != 0; }));
  ssize_t end = 0;
  t.server.recv(in, t.now, &end);
  EXPECT_EQ(-ECONNRESET, end);
  t.server.recv(in, t.now, &end);
  EXPECT_EQ(0, end);
  EXPECT_EQ(-EPIPE, t.server.send(in, "x", t.now));
  EXPECT_EQ(1u, t.server.counter("mp_fastclose_received"));
}

TEST(EmbedSocket, WhatArrivedBeforeAResetCanBeRead) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  t.client.send(out, "last words", t.now);
  t.pass(100'000'000);
  const linger l{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(0, anb_setsockopt(t.client.stack, out, SOL_SOCKET, SO_LINGER, &l, sizeof l, t.now));
  EXPECT_EQ(0, anb_close(t.client.stack, out, t.now));
  t.pass(100'000'000);
  EXPECT_EQ("last words", t.server.recv(in, t.now));
  ssize_t end = 0;
  t.server.recv(in, t.now, &end);
  EXPECT_EQ(-ECONNRESET, end);
}

TEST(EmbedSocket, ACloseThatFollowsAResetStillLetsAcceptSucceed) {
  TwoHosts t;
  const int listening = t.listener();
  const int out = anb_socket(t.client.stack);
  EXPECT_EQ(-EINPROGRESS, t.client.connect(out, v4("10.0.1.2", 80), t.now));
  ASSERT_TRUE(t.until([&] { return (anb_poll(t.server.stack, listening) & POLLIN) != 0; }));
  const linger l{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(0, anb_setsockopt(t.client.stack, out, SOL_SOCKET, SO_LINGER, &l, sizeof l, t.now));
  EXPECT_EQ(0, anb_close(t.client.stack, out, t.now));
  t.pass(100'000'000);
  const int in = anb_accept(t.server.stack, listening, nullptr, nullptr);
  ASSERT_GT(in, 0);
  ssize_t end = 0;
  t.server.recv(in, t.now, &end);
  EXPECT_EQ(-ECONNRESET, end);
}

TEST(EmbedSocket, ReadinessIsToldOnceAChange) {
  TwoHosts t;
  const int listening = t.listener();
  const auto [out, in] = t.connection(listening);
  int events = 0;
  while (anb_next_ready(t.server.stack, &events) > 0) {}
  t.client.send(out, "x", t.now);
  t.pass(100'000'000);
  EXPECT_EQ(in, anb_next_ready(t.server.stack, &events));
  EXPECT_EQ(POLLIN | POLLOUT, events);
  EXPECT_EQ(0, anb_next_ready(t.server.stack, &events));
}

TEST(EmbedSocket, ManyComeAndGoAndNumbersAreUsedAgain) {
  TwoHosts t;
  const int listening = t.listener(64);
  int most = 0;
  for (int i = 0; i < 200; ++i) {
    const auto [out, in] = t.connection(listening);
    most = std::max({most, out, in});
    EXPECT_EQ(0, anb_close(t.client.stack, out, t.now));
    t.pass(50'000'000);
    EXPECT_EQ(0, anb_close(t.server.stack, in, t.now));
    t.pass(50'000'000);
  }
  EXPECT_LE(most, 4);
}

TEST(EmbedSocket, ASocketTooManyIsEmfile) {
  Host h{1, [](auto& o) { o.max_connections = 1; }};
  int fd = 0;
  for (int i = 0; i < 1025; ++i) { fd = anb_socket(h.stack); }
  EXPECT_GT(fd, 0);
  EXPECT_EQ(-EMFILE, anb_socket(h.stack));
  EXPECT_EQ(0, anb_close(h.stack, fd, 0));
  EXPECT_EQ(fd, anb_socket(h.stack));
}

// --- options

TEST(EmbedOption, EachReadsBackWhatWasSet) {
  Host h{1};
  const int fd = anb_socket(h.stack);
  const struct {
    int level, name, value;
  } options[] = {
      {SOL_SOCKET, SO_SNDBUF, 100'000},   {SOL_SOCKET, SO_RCVBUF, 200'000},      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {SOL_SOCKET, SO_REUSEADDR, 1},      {IPPROTO_TCP, TCP_KEEPIDLE, 11},       {IPPROTO_TCP, TCP_KEEPINTVL, 12},
      {IPPROTO_TCP, TCP_KEEPCNT, 3},      {IPPROTO_TCP, TCP_USER_TIMEOUT, 4500}, {ANB_SOL, ANB_MULTIPATH, 0},
      {ANB_SOL, ANB_CHECKSUM, 1},         {ANB_SOL, ANB_MAX_SUBFLOWS, 3},        {ANB_SOL, ANB_MAX_REMOTE, 5},
      {ANB_SOL, ANB_CLOSE_TIMEOUT, 1500}, {ANB_SOL, ANB_NO_ANNOUNCE, 1},         {ANB_SOL, ANB_VERSIONS, 2}};
  for (const auto& o : options) {
    EXPECT_EQ(0, h.set(fd, o.level, o.name, o.value)) << o.level << " " << o.name;
    EXPECT_EQ(o.value, h.get(fd, o.level, o.name)) << o.level << " " << o.name;
  }
  EXPECT_EQ(SOCK_STREAM, h.get(fd, SOL_SOCKET, SO_TYPE));
  EXPECT_EQ(0, h.get(fd, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST(EmbedOption, NamesAreChecked) {
  Host h{1};
  const int fd = anb_socket(h.stack);
  const auto set = [&](int level, int name, const char* text) {
    return anb_setsockopt(h.stack, fd, level, name, text, static_cast<socklen_t>(std::strlen(text)), 0);
  };
  EXPECT_EQ(0, set(IPPROTO_TCP, TCP_CONGESTION, "lia"));
  EXPECT_EQ(-ENOENT, set(IPPROTO_TCP, TCP_CONGESTION, "no such thing"));
  EXPECT_EQ(0, set(ANB_SOL, ANB_SCHEDULER, "lowest_rtt"));
  EXPECT_EQ(-ENOENT, set(ANB_SOL, ANB_PATH_MANAGER, "nobody"));
  char text[16] = {};
  socklen_t length = sizeof text;
  EXPECT_EQ(0, anb_getsockopt(h.stack, fd, IPPROTO_TCP, TCP_CONGESTION, text, &length));
  EXPECT_STREQ("lia", text);
  EXPECT_EQ(4u, length);
}

TEST(EmbedOption, MistakesHaveTheirErrno) {
  TwoHosts t;
  const int listening = t.listener();
  const auto [out, in] = t.connection(listening);
  EXPECT_EQ(-ENOPROTOOPT, t.client.set(out, SOL_SOCKET, 9999, 1));
  EXPECT_EQ(-ENOPROTOOPT, t.client.set(out, SOL_SOCKET, SO_ERROR, 1));
  EXPECT_EQ(-ENOPROTOOPT, t.client.get(out, IPPROTO_TCP, 9999));
  EXPECT_EQ(-EISCONN, t.client.set(out, SOL_SOCKET, SO_SNDBUF, 10'000));
  EXPECT_EQ(-EISCONN, t.server.set(listening, ANB_SOL, ANB_CHECKSUM, 1));
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINVAL, t.client.set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0));
  EXPECT_EQ(-EINVAL, t.client.set(fd, ANB_SOL, ANB_MAX_SUBFLOWS, 0));
  EXPECT_EQ(-EINVAL, t.client.set(fd, ANB_SOL, ANB_VERSIONS, 3));
  EXPECT_EQ(-EINVAL, anb_setsockopt(t.client.stack, fd, SOL_SOCKET, SO_SNDBUF, "x", 1, 0));
  EXPECT_EQ(1, t.server.get(listening, SOL_SOCKET, SO_ACCEPTCONN));
  EXPECT_EQ(1460, t.client.get(out, IPPROTO_TCP, TCP_MAXSEG));
}

TEST(EmbedOption, AListenersOptionsAreInherited) {
  TwoHosts t;
  const int listening = anb_socket(t.server.stack);
  EXPECT_EQ(0, t.server.set(listening, SOL_SOCKET, SO_SNDBUF, 77'000));
  EXPECT_EQ(0, t.server.bind(listening, v4("0.0.0.0", 80)));
  EXPECT_EQ(0, anb_listen(t.server.stack, listening, 4));
  const auto [out, in] = t.connection(listening);
  EXPECT_EQ(77'000, t.server.get(in, SOL_SOCKET, SO_SNDBUF));
  EXPECT_EQ(77'000, t.server.send(in, std::string(200'000, 'x'), t.now));
}

TEST(EmbedOption, ACorkHoldsWhatDoesNotFillAPacketUntilItIsDrawn) {
  TwoHosts t;
  const auto [out, in] = t.connection(t.listener());
  t.pass(100'000'000);
  EXPECT_EQ(0, t.client.set(out, IPPROTO_TCP, TCP_CORK, 1));
  t.client.send(out, "abc", t.now);
  t.pass(50'000'000);
  EXPECT_EQ("", t.server.recv(in, t.now));
  const int off = 0;
  EXPECT_EQ(0, anb_setsockopt(t.client.stack, out, IPPROTO_TCP, TCP_CORK, &off, sizeof off, t.now));
  t.pass(50'000'000);
  EXPECT_EQ("abc", t.server.recv(in, t.now));
}

TEST(EmbedOption, TheSecondFastOpenedConnectionBringsItsDataWithTheSyn) {
  TwoHosts t;
  const int listening = anb_socket(t.server.stack);
  EXPECT_EQ(0, t.server.set(listening, IPPROTO_TCP, TCP_FASTOPEN, 8));
  EXPECT_EQ(0, t.server.bind(listening, v4("0.0.0.0", 80)));
  EXPECT_EQ(0, anb_listen(t.server.stack, listening, 8));
  anb_time took[2] = {};
  for (anb_time& time : took) {
    const int out = anb_socket(t.client.stack);
    EXPECT_EQ(0, t.client.set(out, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1));
    EXPECT_EQ(0, t.client.set(out, ANB_SOL, ANB_MULTIPATH, 0));
    const anb_time start = t.now;
    EXPECT_EQ(-EINPROGRESS, t.client.connect(out, v4("10.0.1.2", 80), t.now));
    EXPECT_EQ(5, t.client.send(out, "hello", t.now));
    int in = 0;
    std::string got;
    EXPECT_TRUE(t.until([&] {
      if (in <= 0) { in = anb_accept(t.server.stack, listening, nullptr, nullptr); }
      if (in > 0) { got += t.server.recv(in, t.now); }
      return got == "hello";
    }));
    time = t.now - start;
    t.pass(1'000'000'000);
  }
  EXPECT_EQ(took[1], TwoHosts::kDelay);  // one way, where the first had to ask for a cookie
  EXPECT_GT(took[0], 2 * TwoHosts::kDelay);
}

// --- multipath

TEST(EmbedMultipath, TwoLinksMakeSeveralSubflowsAndTheInfoSaysSo) {
  TwoHosts t{2};
  const auto [out, in] = t.connection(t.listener());
  ASSERT_TRUE(t.sends(out, 200'000));
  t.pass(3'000'000'000);
  anb_info info{};
  EXPECT_EQ(-EINVAL, anb_get_info(t.client.stack, out, &info));
  info.size = sizeof info;
  ASSERT_EQ(0, anb_get_info(t.client.stack, out, &info));
  EXPECT_EQ(1, info.multipath);
  EXPECT_EQ(1, info.version);
  EXPECT_STREQ("open", info.state);
  EXPECT_STREQ("none", info.fallback_reason);
  EXPECT_EQ(200'000u, info.bytes_written);
  EXPECT_EQ(200'000u, info.bytes_acknowledged);
  anb_subflow_info flows[8];
  const int n = anb_subflows(t.client.stack, out, flows, 8, sizeof flows[0]);
  ASSERT_GE(n, 2);
  EXPECT_EQ(info.subflows, n);
  EXPECT_EQ(0u, flows[0].id);
  EXPECT_EQ(1u, flows[0].interface);
  EXPECT_STREQ("active", flows[0].state);
  EXPECT_STREQ("", flows[0].ended_by);
  EXPECT_GE(flows[0].srtt, 2 * TwoHosts::kDelay);
  std::uint64_t sum = 0;
  for (int i = 0; i < n; ++i) { sum += flows[i].bytes_sent; }
  EXPECT_GE(sum, 200'000u);
  EXPECT_EQ(n, anb_subflows(t.client.stack, out, nullptr, 0, 0));
}

TEST(EmbedMultipath, ASubflowIsClosedByHand) {
  TwoHosts t{2};
  const auto [out, in] = t.connection(t.listener());
  t.pass(1'000'000'000);
  EXPECT_EQ(-ENOENT, anb_subflow_close(t.client.stack, out, 99, t.now));
  EXPECT_EQ(0, anb_subflow_close(t.client.stack, out, 0, t.now));
  t.client.send(out, "over the other", t.now);
  t.pass(1'000'000'000);
  EXPECT_EQ("over the other", t.server.recv(in, t.now));
  anb_subflow_info flow;
  anb_subflows(t.client.stack, out, &flow, 1, sizeof flow);
  EXPECT_STREQ("closed", flow.ended_by);
}

TEST(EmbedMultipath, ABackupIsToldToThePeer) {
  TwoHosts t{2};
  const auto [out, in] = t.connection(t.listener());
  t.pass(1'000'000'000);
  EXPECT_EQ(-ENOENT, anb_subflow_set_backup(t.client.stack, out, 99, 1, t.now));
  EXPECT_EQ(0, anb_subflow_set_backup(t.client.stack, out, 0, 1, t.now));
  t.pass(1'000'000'000);
  EXPECT_EQ(3u, t.server.counter("mp_prio_received"));  // said three times: nobody acknowledges it
  anb_subflow_info flow;
  ASSERT_GT(anb_subflows(t.server.stack, in, &flow, 1, sizeof flow), 0);
  EXPECT_EQ(1, flow.backup);
}

TEST(EmbedMultipath, ALinkThatGoesDownMovesTheDataToTheOther) {
  TwoHosts t{2};
  const auto [out, in] = t.connection(t.listener());
  t.pass(1'000'000'000);
  std::size_t written = static_cast<std::size_t>(t.client.send(out, std::string(500'000, 'x'), t.now));
  t.pass(12'000'000);
  t.cut[1] = true;
  EXPECT_EQ(0, anb_interface_set_up(t.client.stack, 1, 0, t.now));
  std::size_t got = 0;
  EXPECT_TRUE(t.until([&, out = out, in = in] {
    const ssize_t more = t.client.send(out, std::string(500'000 - written, 'x'), t.now);
    written += more > 0 ? static_cast<std::size_t>(more) : 0;
    got += t.server.recv(in, t.now).size();
    return got == 500'000;
  }));
}

TEST(EmbedMultipath, AnAddressIsUsedAsItsFlagsSay) {
  const auto subflows = [](unsigned client_flags, unsigned server_flags) {
    TwoHosts t;
    t.add(t.client, 2, 1, client_flags);
    t.add(t.server, 2, 2, server_flags);
    const auto [out, in] = t.connection(t.listener());
    t.pass(2'000'000'000);
    anb_subflow_info flows[8];
    const int n = anb_subflows(t.client.stack, out, flows, 8, sizeof flows[0]);
    int backups = 0;
    for (int i = 0; i < n; ++i) { backups += flows[i].backup; }
    return std::pair{n, backups};
  };
  EXPECT_EQ((std::pair{4, 0}), subflows(0, 0));
  EXPECT_EQ((std::pair{2, 0}), subflows(ANB_ADDRESS_NO_SUBFLOWS, 0));
  EXPECT_EQ((std::pair{2, 0}), subflows(0, ANB_ADDRESS_NO_ANNOUNCE));
  EXPECT_EQ((std::pair{4, 2}), subflows(ANB_ADDRESS_BACKUP, 0));
  EXPECT_EQ((std::pair{1, 0}), subflows(ANB_ADDRESS_NO_SUBFLOWS, ANB_ADDRESS_NO_ANNOUNCE));
}

TEST(EmbedMultipath, ASubflowIsOpenedByHand) {
  TwoHosts t;
  t.add(t.client, 2, 1, ANB_ADDRESS_NO_SUBFLOWS);
  t.add(t.server, 2, 2, ANB_ADDRESS_NO_ANNOUNCE);
  const auto [out, in] = t.connection(t.listener());
  t.pass(1'000'000'000);
  const sockaddr_in from = v4("10.0.2.1", 0), to = v4("10.0.2.2", 80), nobody = v4("10.7.7.7", 0);
  const auto* remote = reinterpret_cast<const sockaddr*>(&to);
  EXPECT_EQ(-EADDRNOTAVAIL,
            anb_subflow_open(t.client.stack, out, reinterpret_cast<const sockaddr*>(&nobody), remote, 0, t.now));
  EXPECT_EQ(-EINVAL, anb_subflow_open(t.client.stack, out, nullptr, nullptr, 0, t.now));
  EXPECT_EQ(0, anb_subflow_open(t.client.stack, out, reinterpret_cast<const sockaddr*>(&from), remote, 1, t.now));
  t.pass(1'000'000'000);
  anb_subflow_info flows[8];
  ASSERT_EQ(2, anb_subflows(t.server.stack, in, flows, 8, sizeof flows[0]));
  EXPECT_EQ(2u, flows[1].interface);
  EXPECT_EQ(1, flows[1].backup);
  EXPECT_STREQ("active", flows[1].state);
}

TEST(EmbedMultipath, AnAddressIsAnnouncedWithItsPortAndWithdrawnByHand) {
  TwoHosts t;
  t.add(t.client, 2, 1, ANB_ADDRESS_NO_SUBFLOWS);
  t.add(t.server, 2, 2, ANB_ADDRESS_NO_ANNOUNCE);
  const auto [out, in] = t.connection(t.listener());
  t.pass(1'000'000'000);
  const sockaddr_in where = v4("10.0.2.2", 9000), nobody = v4("10.7.7.7", 0);
  const auto* address = reinterpret_cast<const sockaddr*>(&where);
  EXPECT_EQ(-EADDRNOTAVAIL,
            anb_announce(t.server.stack, in, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody, t.now));
  EXPECT_EQ(-EADDRNOTAVAIL, anb_withdraw(t.server.stack, in, address, sizeof where, t.now));
  EXPECT_EQ(0, anb_announce(t.server.stack, in, address, sizeof where, t.now));
  t.pass(1'000'000'000);
  anb_subflow_info flows[8];
  ASSERT_EQ(2, anb_subflows(t.client.stack, out, flows, 8, sizeof flows[0]));
  EXPECT_EQ(0, std::memcmp(&flows[1].remote, &where, sizeof where));
  EXPECT_EQ(0, anb_withdraw(t.server.stack, in, address, sizeof where, t.now));
  t.pass(1'000'000'000);
  EXPECT_EQ(3u, t.client.counter("remove_addr_received"));  // said three times: nobody acknowledges it
}

TEST(EmbedMultipath, PlainTcpWhenItIsSwitchedOff) {
  TwoHosts t{2};
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(0, t.client.set(fd, ANB_SOL, ANB_MULTIPATH, 0));
  const auto [out, in] = t.connection(t.listener(), fd);
  anb_info info{};
  info.size = sizeof info;
  ASSERT_EQ(0, anb_get_info(t.server.stack, in, &info));
  EXPECT_EQ(0, info.multipath);
  EXPECT_STREQ("peer_did_not_offer", info.fallback_reason);
  const sockaddr_in to = v4("10.0.2.2", 80);
  EXPECT_EQ(-EOPNOTSUPP,
            anb_subflow_open(t.client.stack, out, nullptr, reinterpret_cast<const sockaddr*>(&to), 0, t.now));
}

TEST(EmbedCounter, AllHaveNamesAndValues) {
  Host h{1};
  std::size_t n = 0;
  for (const char* name = nullptr; (name = anb_counter_name(n)) != nullptr; ++n) { h.counter(name); }
  EXPECT_GT(n, 30u);
  std::uint64_t value = 0;
  EXPECT_EQ(-ENOENT, anb_counter(h.stack, "no such counter", &value));
}
}  // namespace
}  // namespace anabranch::embed
