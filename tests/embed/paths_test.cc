// Watching and steering the paths of a connection from C, and connecting over several of them at once.
#include "two_hosts.hh"

#include <poll.h>

namespace anabranch::embed {
namespace {

int next_event(Host& h, int fd, anb_path_event& e) {
  e = {};
  e.size = sizeof e;
  return anb_next_path_event(h.stack, fd, &e);
}
sockaddr_in in4(const sockaddr_storage& a) {
  sockaddr_in out{};
  std::memcpy(&out, &a, sizeof out);
  return out;
}
int set_name(Host& h, int fd, int name, const char* value) {
  return anb_setsockopt(h.stack, fd, ANB_SOL, name, value, static_cast<socklen_t>(std::strlen(value)), 0);
}

TEST(EmbedPaths, EachChangeIsToldOnceWithWhatItTakesToAct) {
  TwoHosts t{2};
  const auto [out, in] = t.connection(t.listener());
  t.pass(200'000'000);
  anb_path_event e;
  ASSERT_EQ(1, next_event(t.client, out, e));
  EXPECT_EQ(static_cast<unsigned>(ANB_PATH_OPENED), e.what);
  EXPECT_EQ(0u, e.subflow);
  EXPECT_EQ(0, e.by_peer);
  EXPECT_EQ(v4("10.0.1.1", 0).sin_addr.s_addr, in4(e.local).sin_addr.s_addr);
  ASSERT_EQ(1, next_event(t.client, out, e));
  EXPECT_EQ(static_cast<unsigned>(ANB_PATH_ANNOUNCED), e.what);
  EXPECT_EQ(v4("10.0.2.2", 0).sin_addr.s_addr, in4(e.remote).sin_addr.s_addr);
  while (next_event(t.client, out, e) == 1) { EXPECT_EQ(static_cast<unsigned>(ANB_PATH_OPENED), e.what); }

  EXPECT_EQ(0, anb_subflow_set_backup(t.client.stack, out, 0, 1, t.now));
  ASSERT_EQ(1, next_event(t.client, out, e));
  EXPECT_EQ(static_cast<unsigned>(ANB_PATH_PRIORITY), e.what);
  EXPECT_EQ(1, e.backup);
  EXPECT_EQ(0, e.by_peer);
  while (next_event(t.server, in, e) == 1) {}
  t.pass(50'000'000);
  ASSERT_EQ(1, next_event(t.server, in, e));
  EXPECT_EQ(static_cast<unsigned>(ANB_PATH_PRIORITY), e.what);
  EXPECT_EQ(1, e.by_peer);

  EXPECT_EQ(0, anb_interface_set_up(t.client.stack, 1, 0, t.now));
  ASSERT_EQ(1, next_event(t.client, out, e));
  EXPECT_EQ(static_cast<unsigned>(ANB_PATH_CLOSED), e.what);
  EXPECT_STREQ("interface_lost", e.why);
  EXPECT_EQ(1, e.was_open);
}

TEST(EmbedPaths, PollSaysSoToThoseWhoWatch) {
  TwoHosts t{2};
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(0, t.client.get(fd, ANB_SOL, ANB_WATCH_PATHS));
  EXPECT_EQ(0, t.client.set(fd, ANB_SOL, ANB_WATCH_PATHS, 1));
  t.connection(t.listener(), fd);
  t.pass(200'000'000);
  EXPECT_EQ(POLLOUT | POLLPRI, anb_poll(t.client.stack, fd));
  anb_path_event e;
  while (next_event(t.client, fd, e) == 1) {}
  EXPECT_EQ(POLLOUT, anb_poll(t.client.stack, fd));
}

TEST(EmbedPaths, RatesAreToldAsOftenAsOneWants) {
  TwoHosts t{1};
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINVAL, t.client.set(fd, ANB_SOL, ANB_RATES, 5));
  EXPECT_EQ(0, t.client.set(fd, ANB_SOL, ANB_RATES, 100));
  EXPECT_EQ(100, t.client.get(fd, ANB_SOL, ANB_RATES));
  t.connection(t.listener(), fd);
  anb_path_event e;
  while (next_event(t.client, fd, e) == 1) {}
  EXPECT_EQ(10'000, t.client.send(fd, std::string(10'000, 'x'), t.now));
  ASSERT_TRUE(t.until([&] { return next_event(t.client, fd, e) == 1; }));
  EXPECT_EQ(static_cast<unsigned>(ANB_PATH_RATES), e.what);
  EXPECT_EQ(100'000u, e.sent);
  EXPECT_EQ(0u, e.received);
}

TEST(EmbedPaths, MistakesHaveTheirErrno) {
  TwoHosts t;
  anb_path_event e;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EBADF, next_event(t.client, 99, e));
  EXPECT_EQ(-ENOTCONN, next_event(t.client, fd, e));
  t.connection(t.listener(), fd);
  e.size = 8;
  EXPECT_EQ(-EINVAL, anb_next_path_event(t.client.stack, fd, &e));
  EXPECT_EQ(-EINVAL, anb_next_path_event(t.client.stack, fd, nullptr));
  EXPECT_EQ(-ENOENT, set_name(t.client, fd, ANB_SCHEDULER, "no_such_thing"));
  EXPECT_EQ(0, set_name(t.client, fd, ANB_SCHEDULER, "lowest_rtt"));
  EXPECT_EQ(-EISCONN, set_name(t.client, fd, ANB_PATH_MANAGER, "passive"));
}

TEST(EmbedPaths, APolicyIsSeveralOptionsAtOnce) {
  TwoHosts t;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-ENOENT, set_name(t.client, fd, ANB_POLICY, "no_such_thing"));
  EXPECT_EQ(0, set_name(t.client, fd, ANB_POLICY, "redundant"));
  char scheduler[32];
  socklen_t length = sizeof scheduler;
  EXPECT_EQ(0, anb_getsockopt(t.client.stack, fd, ANB_SOL, ANB_SCHEDULER, scheduler, &length));
  EXPECT_STREQ("redundant", scheduler);
  t.connection(t.listener(), fd);
  EXPECT_EQ(-EISCONN, set_name(t.client, fd, ANB_POLICY, "aggregate"));
}

TEST(EmbedPaths, WhatAnAddressIsForCanBeChanged) {
  TwoHosts t{2};
  const sockaddr_in ours = v4("10.0.2.1", 0), nobodys = v4("10.9.9.9", 0);
  const auto* address = reinterpret_cast<const sockaddr*>(&ours);
  anb_address_use use{.size = sizeof use, .flags = ANB_ADDRESS_NO_SUBFLOWS, .weight = 3, .preference = 1, .cap = 0};
  EXPECT_EQ(-EADDRNOTAVAIL, anb_address_set_use(t.client.stack, reinterpret_cast<const sockaddr*>(&nobodys),
                                                sizeof nobodys, &use, t.now));
  EXPECT_EQ(0, anb_address_set_use(t.client.stack, address, sizeof ours, &use, t.now));
  use.weight = 0;
  EXPECT_EQ(-EINVAL, anb_address_set_use(t.client.stack, address, sizeof ours, &use, t.now));
  use.weight = 1, use.preference = 256;
  EXPECT_EQ(-EINVAL, anb_address_set_use(t.client.stack, address, sizeof ours, &use, t.now));
  use.preference = 0, use.flags = 1u << 31;
  EXPECT_EQ(-EINVAL, anb_address_set_use(t.client.stack, address, sizeof ours, &use, t.now));
  const auto [out, in] = t.connection(t.listener());
  t.pass(200'000'000);
  std::vector<anb_subflow_info> subflows(8);
  const int n = anb_subflows(t.client.stack, out, subflows.data(), subflows.size(), sizeof subflows[0]);
  for (int i = 0; i < n; ++i) { EXPECT_EQ(1u, subflows[static_cast<std::size_t>(i)].interface); }
}

// --- connecting over several paths (RFC 8305, RFC 8041 §3.10)

anb_time time_to_connect(TwoHosts& t, int fd) {
  const anb_time before = t.now;
  EXPECT_TRUE(t.until([&] { return (anb_poll(t.client.stack, fd) & POLLOUT) != 0; }));
  return t.now - before;
}

TEST(EmbedRace, ADeadFirstPathCostsAQuarterOfASecond) {
  TwoHosts t{2};
  t.listener();
  t.deaf[1] = true;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(1, t.client.get(fd, ANB_SOL, ANB_RACE));
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  EXPECT_EQ(-EALREADY, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  EXPECT_LE(time_to_connect(t, fd), 265'000'000);
  EXPECT_EQ(1u, t.client.counter("race_won_by_another"));
  anb_info info{};
  info.size = sizeof info;
  EXPECT_EQ(0, anb_get_info(t.client.stack, fd, &info));
  EXPECT_EQ(1, info.multipath);
}

TEST(EmbedRace, WithoutItADeadFirstPathIsWaitedFor) {
  TwoHosts t{2};
  t.listener();
  t.deaf[1] = true;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(0, t.client.set(fd, ANB_SOL, ANB_RACE, 0));
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  t.pass(2'000'000'000);
  EXPECT_EQ(0, anb_poll(t.client.stack, fd) & POLLOUT);
}

TEST(EmbedRace, TheDelayCanBeChosen) {
  TwoHosts t{2};
  t.listener();
  t.deaf[1] = true;
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINVAL, t.client.set(fd, ANB_SOL, ANB_RACE_DELAY, 5));
  EXPECT_EQ(0, t.client.set(fd, ANB_SOL, ANB_RACE_DELAY, 50));
  EXPECT_EQ(0, t.client.set(fd, ANB_SOL, ANB_RACE_PATIENCE, 100));
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  EXPECT_LE(time_to_connect(t, fd), 65'000'000);
}

TEST(EmbedRace, OneOfSeveralAddressesOfANameIsEnough) {
  TwoHosts t{2};
  t.listener();
  const int fd = anb_socket(t.client.stack);
  sockaddr_storage to[2]{};
  const sockaddr_in nobody = v4("10.0.1.77", 80), server = v4("10.0.2.2", 80);
  std::memcpy(&to[0], &nobody, sizeof nobody);
  std::memcpy(&to[1], &server, sizeof server);
  EXPECT_EQ(-EINVAL, anb_connect_any(t.client.stack, fd, to, 0, t.now));
  EXPECT_EQ(-EBADF, anb_connect_any(t.client.stack, 99, to, 2, t.now));
  EXPECT_EQ(-EINPROGRESS, anb_connect_any(t.client.stack, fd, to, 2, t.now));
  EXPECT_LE(time_to_connect(t, fd), 265'000'000);
  sockaddr_in peer{};
  socklen_t length = sizeof peer;
  EXPECT_EQ(0, anb_getpeername(t.client.stack, fd, reinterpret_cast<sockaddr*>(&peer), &length));
  EXPECT_EQ(server.sin_addr.s_addr, peer.sin_addr.s_addr);
}

TEST(EmbedRace, WhenNobodyAnswersThereIsOneError) {
  TwoHosts t{2};  // nobody listens: both paths refuse
  const int fd = anb_socket(t.client.stack);
  EXPECT_EQ(-EINPROGRESS, t.client.connect(fd, v4("10.0.1.2", 80), t.now));
  EXPECT_TRUE(t.until([&] { return (anb_poll(t.client.stack, fd) & POLLERR) != 0; }));
  EXPECT_EQ(ECONNREFUSED, t.client.get(fd, SOL_SOCKET, SO_ERROR));
  EXPECT_EQ(0, t.client.get(fd, SOL_SOCKET, SO_ERROR));
  EXPECT_EQ(2u, t.client.counter("race_attempts") + 1);
}
}  // namespace
}  // namespace anabranch::embed
