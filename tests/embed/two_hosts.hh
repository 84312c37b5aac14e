/// Two embedded stacks with one or two links between them, driven in virtual time: only through the C interface.
#pragma once
#include <anabranch/embed.h>

#include <arpa/inet.h>
#include <cstring>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <vector>

namespace anabranch::embed {

inline sockaddr_in v4(const char* text, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, text, &a.sin_addr);
  return a;
}

struct Host {
  anb_stack* stack;
  explicit Host(std::uint8_t seed, const std::function<void(anb_stack_options&)>& change = {}) {
    anb_stack_options options;
    anb_stack_options_init(&options);
    std::memset(options.seed, seed, sizeof options.seed);
    if (change) { change(options); }
    stack = anb_stack_create(&options);
  }
  ~Host() { anb_stack_destroy(stack); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  int bind(int fd, const sockaddr_in& a) {
    return anb_bind(stack, fd, reinterpret_cast<const sockaddr*>(&a), sizeof a);
  }
  int connect(int fd, const sockaddr_in& a, anb_time now) {
    return anb_connect(stack, fd, reinterpret_cast<const sockaddr*>(&a), sizeof a, now);
  }
  ssize_t send(int fd, const std::string& text, anb_time now) {
    return anb_send(stack, fd, text.data(), text.size(), now);
  }
  /// What can be read now, at most `most` bytes; the result of the last anb_recv that gave none in `*end`.
  std::string recv(int fd, anb_time now, ssize_t* end = nullptr, std::size_t most = 1 << 20, int flags = 0) {
    std::string out(most, '\0');
    const ssize_t n = anb_recv(stack, fd, out.data(), most, flags, now);
    if (end) { *end = n; }
    out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return out;
  }
  int set(int fd, int level, int name, int value) {
    return anb_setsockopt(stack, fd, level, name, &value, sizeof value, 0);
  }
  int get(int fd, int level, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    const int result = anb_getsockopt(stack, fd, level, name, &value, &length);
    return result < 0 ? result : value;
  }
  std::uint64_t counter(const char* name) {
    std::uint64_t value = 0;
    EXPECT_EQ(0, anb_counter(stack, name, &value)) << name;
    return value;
  }
};

/// Addresses are 10.0.<link>.1 on the client and 10.0.<link>.2 on the server; each link takes 5 ms.
struct TwoHosts {
  struct Packet {
    anb_time at;
    int to;  ///< 0: client, 1: server
    std::uint32_t interface;
    std::vector<std::uint8_t> bytes;
  };
  static constexpr anb_time kDelay = 5'000'000;

  Host client{1}, server{2};
  anb_time now = 0;
  std::deque<Packet> wire;
  bool cut[3] = {};
  bool deaf[3] = {};                            ///< what the client sends there is lost
  std::vector<std::vector<std::uint8_t>> sent;  ///< all packets, for comparison

  explicit TwoHosts(int links = 1) {
    for (int i = 1; i <= links; ++i) {
      add(client, i, 1);
      add(server, i, 2);
    }
  }
  void add(Host& h, int link, int last, unsigned flags = 0) {
    const auto interface = static_cast<std::uint32_t>(link);
    ASSERT_EQ(0, anb_interface_add(h.stack, interface, 1500, interface, now));
    const sockaddr_in a = v4(("10.0." + std::to_string(link) + "." + std::to_string(last)).c_str(), 0);
    ASSERT_EQ(0, anb_address_add(h.stack, interface, reinterpret_cast<const sockaddr*>(&a), sizeof a, 24, flags, now));
  }
  void transmit(Host& from, int to) {
    std::vector<std::uint8_t> buffer(1500);
    anb_packet p{.data = buffer.data(), .capacity = buffer.size(), .length = 0, .interface = 0, .at = 0};
    while (anb_output(from.stack, &p, now) > 0) {
      if (cut[p.interface] || (to == 1 && deaf[p.interface])) { continue; }
      wire.push_back({now + kDelay, to, p.interface, {buffer.begin(), buffer.begin() + static_cast<long>(p.length)}});
      sent.push_back(wire.back().bytes);
    }
  }
  void step() {
    transmit(client, 1);
    transmit(server, 0);
    anb_time next = std::min(anb_deadline(client.stack), anb_deadline(server.stack));
    if (!wire.empty()) { next = std::min(next, wire.front().at); }
    if (next != ANB_NEVER) { now = std::max(now, next); }
    while (!wire.empty() && wire.front().at <= now) {
      const Packet p = std::move(wire.front());
      wire.pop_front();
      EXPECT_EQ(0,
                anb_input(p.to == 0 ? client.stack : server.stack, p.interface, p.bytes.data(), p.bytes.size(), now));
    }
    anb_advance(client.stack, now);
    anb_advance(server.stack, now);
  }
  /// Lets time pass until `done`, at most 300 s; false when it never became true.
  bool until(const std::function<bool()>& done) {
    for (int i = 0; i < 100'000; ++i) {
      if (done()) { return true; }
      if (now > 300'000'000'000) { break; }
      step();
    }
    return done();
  }
  void pass(anb_time duration) {
    const anb_time end = now + duration;
    while (now < end) {
      const anb_time before = now;
      step();
      if (now == before && wire.empty()) { break; }
    }
    now = std::max(now, end);
  }

  /// The client sends so much, as its buffer takes it.
  bool sends(int fd, std::size_t bytes) {
    return until([&] {
      const ssize_t n = client.send(fd, std::string(bytes, 'x'), now);
      bytes -= n > 0 ? static_cast<std::size_t>(n) : 0;
      return bytes == 0;
    });
  }
  /// A listener on port 80 of the server.
  int listener(int backlog = 16) {
    const int fd = anb_socket(server.stack);
    EXPECT_EQ(0, server.bind(fd, v4("0.0.0.0", 80)));
    EXPECT_EQ(0, anb_listen(server.stack, fd, backlog));
    return fd;
  }
  /// A connection to it: the two ends.
  std::pair<int, int> connection(int listening, int client_socket = 0) {
    const int out = client_socket ? client_socket : anb_socket(client.stack);
    EXPECT_EQ(-EINPROGRESS, client.connect(out, v4("10.0.1.2", 80), now));
    int in = 0;
    EXPECT_TRUE(until([&] { return (in = anb_accept(server.stack, listening, nullptr, nullptr)) > 0; }));
    return {out, in};
  }
};
}  // namespace anabranch::embed
