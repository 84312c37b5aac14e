/// A stack for stateful fuzzing: two interfaces, a listener, connections driven by bytes of the fuzz input.
///
/// After each step the whole object is checked, and how much it may say at once is bounded: a loop without end is a
/// finding. What is written follows a pattern of its position, so that the reader can tell a wrong byte.
#pragma once
#include "base/check.hh"
#include "packet/dissect.hh"
#include "stack/stack.hh"
#include "trace/sinks.hh"

#include <algorithm>
#include <array>
#include <vector>

namespace anabranch::fuzz {

/// The input, read from the front; zeros when it is used up.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> input) : rest_{input} {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) { return 0; }
    const std::uint8_t out = rest_.front();
    rest_ = rest_.subspan(1);
    return out;
  }
  std::uint16_t word() { return static_cast<std::uint16_t>(byte() << 8 | byte()); }
  std::uint32_t below(std::uint32_t n) { return n <= 256 ? byte() % n : word() % n; }
  bool coin() { return (byte() & 1) != 0; }
  std::span<const std::uint8_t> bytes(std::size_t n) {
    const auto out = rest_.first(std::min(n, rest_.size()));
    rest_ = rest_.subspan(out.size());
    return out;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

inline std::uint8_t pattern(std::uint64_t at) { return static_cast<std::uint8_t>(at * 167 + (at >> 8)); }

class Party {
 public:
  static constexpr std::uint16_t kPort = 80;
  static constexpr std::size_t kMostFramesAStep = 20'000;  ///< far beyond any window here: more is a loop

  Party(std::uint64_t seed, std::uint8_t host, mptcp::Config config)
      : generator_{seed},
        config_{std::move(config)},
        host_{host},
        stack_{env_, pool_, stack_config()} {
    for (std::uint8_t i = 1; i <= 2; ++i) {
      const Address address = Address::v4(10, 0, i, host);
      network_.interfaces.push_back(
          {.id = {i}, .name = "if", .mtu = 1500, .super_segment = 0, .addresses = {{address, 24}}});
      network_.routes.push_back({.interface = {i}, .destination = Address::v4(0, 0, 0, 0), .metric = i});
    }
    stack_.update(network_, {});
    stack::ListenOptions options{.port = kPort, .address = {}, .interfaces = {}, .backlog = 8};
    options.config = config_;
    listener_ = *stack_.listen(options);
  }

  stack::Stack& stack() { return stack_; }
  SlabPool& pool() { return pool_; }

  void connect(const SocketAddress& to, Instant now) {
    if (connections_.size() >= kMost) { return; }
    stack::ConnectOptions options{.remote = to, .interfaces = {}, .local_address = {}, .config = config_};
    if (const auto id = stack_.connect(options, now)) { connections_.push_back({*id}); }
  }

  /// Everything it wants to send now.
  std::vector<Frame> transmit(Instant now) {
    std::vector<Frame> out;
    std::array<Frame, 16> some;
    while (const std::size_t n = stack_.poll_transmit(some, now)) {
      for (std::size_t i = 0; i < n; ++i) { out.push_back(std::move(some[i])); }
      ANABRANCH_CHECK(out.size() < kMostFramesAStep);
    }
    return out;
  }

  void after_step() {
    while (stack_.poll_event()) {}
    while (connections_.size() < kMost) {
      const auto id = stack_.accept(listener_);
      if (!id) { break; }
      connections_.push_back({*id});
    }
    ANABRANCH_CHECK(stack_.is_consistent());
    ANABRANCH_CHECK(stack_.connection_count() <= kMostConnections);
  }

  /// One verb of the application, as the input says.
  void act(Reader& in, Instant now) {
    const std::uint8_t verb = in.byte();
    if (verb % 16 == 15) { return change_network(in, now); }
    if (connections_.empty()) { return; }
    const std::size_t which = in.byte() % connections_.size();
    Connection& c = connections_[which];
    switch (verb % 16) {
      case 0:
      case 1:
      case 2: return write(c, std::size_t{in.byte()} * (verb % 16 == 2 ? 256 : 16) + 1, now);
      case 3:
      case 4:
      case 5: return read(c, std::size_t{in.byte()} * 256 + 1, now);
      case 6: (void)stack_.finish(c.id, now); return;
      case 7: (void)stack_.set_backup(c.id, {in.below(4)}, in.coin(), now); return;
      case 8: (void)stack_.close_subflow(c.id, {in.below(4)}, now); return;
      case 9: (void)stack_.info(c.id, now); return;
      case 10: (void)stack_.peek(c.id, {in.byte()}); return;
      case 11:
        if (in.below(4) == 0) { (void)stack_.abort(c.id, now); }
        return;
      case 12:
        stack_.release(c.id, now);
        connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(which));
        return;
      default: return connect({Address::v4(10, 0, static_cast<std::uint8_t>(1 + in.below(2)), peer()), kPort}, now);
    }
  }

  /// What came in is what a peer with the same pattern wrote: to be asked for where nobody tampered with bytes.
  void expect_pattern(bool wanted) { check_pattern_ = wanted; }
  std::size_t open() const { return connections_.size(); }

 private:
  struct Connection {
    stack::ConnectionId id;
    std::uint64_t written = 0, read = 0;
  };
  static constexpr std::size_t kMost = 4, kMostConnections = 64;

  static stack::Stack::Config stack_config() {
    stack::Stack::Config config;
    config.limits = {.connections = kMostConnections, .half_open = 16, .resets_per_second = 100};
    for (std::uint16_t p = 50'000; p < 50'016; ++p) { config.ports.push_back(p); }
    return config;
  }
  std::uint8_t peer() const { return host_ == 1 ? 2 : 1; }

  void write(Connection& c, std::size_t n, Instant now) {
    std::vector<std::uint8_t> bytes(n);
    for (std::size_t i = 0; i < n; ++i) { bytes[i] = pattern(c.written + i); }
    if (const auto taken = stack_.write(c.id, bytes, now)) { c.written += *taken; }
  }
  void read(Connection& c, std::size_t n, Instant now) {
    std::vector<std::uint8_t> bytes(n);
    const auto got = stack_.read(c.id, bytes, now);
    if (!got) { return; }
    for (std::size_t i = 0; i < *got && check_pattern_; ++i) { ANABRANCH_CHECK(bytes[i] == pattern(c.read + i)); }
    c.read += *got;
  }
  void change_network(Reader& in, Instant now) {
    Interface& i = network_.interfaces[in.below(2)];
    switch (in.below(3)) {
      case 0: i.up = !i.up; break;
      case 1: i.mtu = in.coin() ? 1500 : 1280; break;
      default: i.addresses[0].address.raw[3] = static_cast<std::uint8_t>(i.addresses[0].address.raw[3] ^ 0x40); break;
    }
    stack_.update(network_, now);
  }

  Generator generator_;
  trace::Tee trace_;
  NoFaults faults_;
  Env env_{generator_, trace_, faults_};
  SlabPool pool_;
  mptcp::Config config_;
  std::uint8_t host_;
  stack::Stack stack_;
  Network network_;
  stack::ListenerId listener_;
  std::vector<Connection> connections_;
  bool check_pattern_ = false;
};

/// Choices of a connection's configuration that change what goes over the wire.
inline mptcp::Config config_from(Reader& in) {
  mptcp::Config config;
  const std::uint8_t bits = in.byte();
  config.checksum = (bits & 1) != 0;
  config.multipath = (bits & 6) != 6;
  config.tcp.timestamps = (bits & 8) == 0;
  config.tcp.sack = (bits & 16) == 0;
  config.send_buffer = {64 << 10};
  config.receive_buffer = {(bits & 32) != 0 ? 256u << 10 : 16u << 10};
  config.initial_receive_buffer = {16 << 10};
  config.max_subflows = 4;
  config.tcp.keepalive_idle = (bits & 64) != 0 ? Duration{10'000'000'000} : Duration{};
  config.close_timeout = {5'000'000'000};
  return config;
}
}  // namespace anabranch::fuzz
