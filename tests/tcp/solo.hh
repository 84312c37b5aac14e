/// One endpoint and a peer played by the test: exact segments in, exact segments out, at exact times.
#pragma once
#include "support/pair.hh"

namespace anabranch::tcp {

class Solo {
 public:
  static constexpr std::uint32_t kOurs = 1'000'000, kTheirs = 7'000'000;

  explicit Solo(const Config& config = plain()) : sink{Bytes{1u << 20}}, env{random, trace, faults} {
    endpoint = std::make_unique<Endpoint>(env, source, sink, role, group, config);
  }
  /// Neither timestamps nor scaling: segments are easy to write by hand.
  static Config plain() {
    Config config;
    config.timestamps = config.window_scaling = false;
    return config;
  }
  /// An established connection that we opened; nothing waits to leave.
  static Solo open(const Config& config = plain(), std::uint16_t peer_window = 65535) {
    return Solo{config, peer_window};
  }
  Segment syn() const {
    Segment segment;
    segment.seq = {kTheirs};
    segment.flags.syn = true;
    segment.window = 65535;
    segment.tcp.mss = 1460;
    segment.tcp.sack_permitted = true;
    return segment;
  }
  /// An ACK (with `payload` bytes) from the peer: positions from 1, as the endpoint counts.
  Segment segment(std::uint64_t at, std::uint64_t ack, std::size_t payload = 0, std::uint16_t window = 65535) {
    Segment segment;
    segment.seq = {static_cast<std::uint32_t>(kTheirs + at)};
    segment.ack = {static_cast<std::uint32_t>(kOurs + ack)};
    segment.flags.ack = true;
    segment.window = window;
    if (payload > 0) { segment.payload = packer.copy(std::vector<std::uint8_t>(payload, 'x')); }
    return segment;
  }
  static wire::SackBlock block(std::uint64_t left, std::uint64_t right) {
    return {.left = {static_cast<std::uint32_t>(kOurs + left)}, .right = {static_cast<std::uint32_t>(kOurs + right)}};
  }
  Verdict give(const Segment& segment) { return endpoint->on_segment(segment, now); }
  /// Everything that leaves now.
  std::vector<Segment> take() {
    std::vector<Segment> out;
    while (auto segment = endpoint->poll_transmit(now)) {
      if (segment->tcp.timestamps) { stamp = segment->tcp.timestamps->value; }
      out.push_back(std::move(*segment));
    }
    return out;
  }
  /// Time passes; what is due on the way happens. Returns what left.
  std::vector<Segment> wait(Duration time) {
    std::vector<Segment> out;
    const Instant end = now + time;
    while (endpoint->deadline() <= end) {
      now = std::max(now, endpoint->deadline());
      endpoint->on_deadline(now);
      for (Segment& segment : take()) { out.push_back(std::move(segment)); }
    }
    now = end;
    poll_events();
    return out;
  }
  void poll_events() {
    while (const auto event = endpoint->poll_event()) { events.push_back(*event); }
  }
  bool had(Endpoint::Event event) {
    poll_events();
    return std::count(events.begin(), events.end(), event) > 0;
  }
  static std::uint64_t at(const Segment& segment) { return segment.seq.raw - kOurs; }
  static std::uint64_t ack(const Segment& segment) { return segment.ack.raw - kTheirs; }

  Instant now{5'000'000'000};
  std::uint32_t stamp = 0;
  SlabPool pool;
  Packer packer{pool};
  Generator random{3};
  trace::NoTrace trace;
  NoFaults faults;
  cc::NoGroup group;
  support::BufferSource source{pool};
  support::BufferSink sink;
  PlainRole role;
  Env env;
  std::unique_ptr<Endpoint> endpoint;
  std::vector<Endpoint::Event> events;

  Solo(const Solo&) = delete;

 private:
  Solo(const Config& config, std::uint16_t peer_window) : Solo{config} {
    endpoint->connect({kOurs}, now);
    take();
    now = now + Duration{10'000'000};
    Segment answer = syn();
    answer.flags.ack = true;
    answer.ack = {kOurs + 1};
    answer.window = peer_window;
    if (config.timestamps) { answer.tcp.timestamps = {.value = 100, .echo = stamp}; }
    if (config.window_scaling) { answer.tcp.window_scale = 2; }
    give(answer);
    take();
    poll_events();
  }
};

inline bool is_drop(const Verdict& verdict, Drop why) {
  const Drop* drop = std::get_if<Drop>(&verdict);
  return drop != nullptr && *drop == why;
}
inline bool taken(const Verdict& verdict) { return std::holds_alternative<Taken>(verdict); }
}  // namespace anabranch::tcp
