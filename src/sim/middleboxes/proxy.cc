// Boxes that take part in TCP's reliability without being asked.
#include "sim/middleboxes/box.hh"

namespace anabranch::sim {
namespace {

/// Acknowledges data before its receiver does, as performance enhancing proxies do (RFC 3135 §3.1.1). What it has
/// acknowledged it keeps, and sends again until the receiver has it. Its ACKs bear no option of MPTCP: only the
/// receiver's DATA_ACK says that data has arrived.
class AckEarly final : public TcpBox {
 public:
  using TcpBox::TcpBox;
  Instant next() const override {
    Instant at = Instant::never();
    flows_.each([&](const Flow& flow) { at = std::min({at, flow[0].resend_at, flow[1].resend_at}); });
    return at;
  }
  void on_time(Instant now, Out& out) override {
    flows_.each([&](Flow& flow) {
      for (Stream& stream : flow) {
        if (stream.resend_at <= now) { resend(stream, now, out); }
      }
    });
  }

 private:
  static constexpr std::size_t kKept =
      32 * 1024;  ///< bytes of a stream: less than a queue holds; beyond that it only forwards
  static constexpr Duration kResendAfter{300'000'000};  ///< longer than a round trip behind the box
  static constexpr unsigned kTries = 20;                ///< then the receiver is gone
  static constexpr unsigned kDuplicates = 3;            ///< RFC 5681 §3.2
  struct Kept {
    Way way{};
    Frame frame;
    SeqNum end;
  };
  struct Stream {  ///< what one end sends
    std::optional<SeqNum> next;
    std::deque<Kept> kept;
    std::size_t bytes = 0;
    Instant resend_at = Instant::never();
    unsigned tries = 0, duplicates = 0;
    SeqNum acked;  ///< by its receiver
    std::uint16_t window = 0;
    std::uint32_t clock = 0;      ///< of its receiver: TSval
    std::uint32_t own_clock = 0;  ///< of its sender
  };
  using Flow = std::array<Stream, 2>;  // by way

  void take(Way way, Packet& packet, Frame& frame, Instant now, Out& out) override {
    Flow& flow = flows_.of(way, packet);
    heard(packet, flow[static_cast<std::size_t>(reversed(way))], now, out);
    Stream& stream = flow[static_cast<std::size_t>(way)];
    if (packet.segment.flags.syn) { stream.next = end_of(packet); }
    if (packet.segment.tcp.timestamps) { stream.own_clock = packet.segment.tcp.timestamps->value; }
    if (packet.segment.flags.rst) {
      flow = {};
    } else if (turns_on(way) && has_data(packet) && stream.next == packet.segment.seq && stream.bytes < kKept) {
      vouch(way, packet, frame, now, stream, out);
    }
    hand_on(way, frame, out);
  }

  void vouch(Way way, const Packet& packet, const Frame& frame, Instant now, Stream& stream, Out& out) {
    stream.next =
        plus(packet.segment.seq, packet.segment.payload.size().n);  // never a FIN: that is the receiver's to say
    stream.bytes += packet.segment.payload.size().n;
    if (stream.kept.empty()) { stream.resend_at = now + kResendAfter; }
    stream.kept.push_back({way, frame, *stream.next});
    Packet ack{packet.to, packet.from, {}, 0, packet.interface};
    ack.segment.seq = packet.segment.ack;
    ack.segment.ack = *stream.next;
    ack.segment.flags.ack = true;
    ack.segment.window = stream.window;
    if (packet.segment.tcp.timestamps) {
      ack.segment.tcp.timestamps = wire::Timestamps{stream.clock, packet.segment.tcp.timestamps->value};
    }
    send(reversed(way), ack, out);
  }

  /// The receiver of a stream has said something.
  void heard(const Packet& packet, Stream& stream, Instant now, Out& out) {
    stream.window = packet.segment.window;
    if (packet.segment.tcp.timestamps) { stream.clock = packet.segment.tcp.timestamps->value; }
    if (!packet.segment.flags.ack || !stream.next) { return; }
    if (ahead(packet.segment.ack, *stream.next) > 0) { stream.next = packet.segment.ack; }
    if (stream.kept.empty()) { return; }
    if (packet.segment.ack == stream.acked && !has_data(packet)) {
      if (++stream.duplicates == kDuplicates) { resend(stream, now, out); }
      return;
    }
    stream.acked = packet.segment.ack;
    stream.duplicates = stream.tries = 0;
    while (!stream.kept.empty() && ahead(stream.kept.front().end, stream.acked) <= 0) {
      stream.bytes -= stream.kept.front().frame.bytes.size().n -
                      tcp_layout(stream.kept.front().frame).value_or(Layout{}).payload_at;
      stream.kept.pop_front();
    }
    stream.resend_at = stream.kept.empty() ? Instant::never() : now + kResendAfter;
  }

  void resend(Stream& stream, Instant now, Out& out) {
    if (++stream.tries > kTries) {
      stream.kept.clear();
      stream.bytes = 0;
    }
    if (stream.kept.empty()) {
      stream.resend_at = Instant::never();
      return;
    }
    auto packet = read_packet(stream.kept.front().frame);
    if (packet->segment.tcp.timestamps) {  // or what the receiver has heard since would make it a thing of the past
      packet->segment.tcp.timestamps->value = stream.own_clock;
    }
    send(stream.kept.front().way, *packet, out);
    stream.resend_at = now + kResendAfter;
  }

  FlowTable<Flow> flows_;
};

/// Lets the packets of a stream pass in order only. Those above a hole are kept until it is filled, or dropped.
class InOrder final : public TcpBox {
 public:
  InOrder(bool holds, const BoxSettings& settings) : TcpBox{settings}, holds_{holds} {}

 private:
  static constexpr std::size_t kHeld = 256;  ///< packets of a stream; beyond that they are dropped
  struct Stream {
    std::optional<SeqNum> next;
    std::deque<std::pair<SeqNum, Frame>> held;  ///< first and frame, unordered
  };

  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    Stream& stream = flows_.of(way, packet)[static_cast<std::size_t>(way)];
    if (packet.segment.flags.syn) { stream.next = packet.segment.seq; }
    const bool counts = turns_on(way) && stream.next && packet.segment.length() != 0 && !packet.segment.flags.rst;
    if (!counts || ahead(packet.segment.seq, *stream.next) <= 0) {
      if (counts && ahead(end_of(packet), *stream.next) > 0) { stream.next = end_of(packet); }
      hand_on(way, frame, out);
      release(way, stream, out);
    } else if (holds_ && stream.held.size() < kHeld) {
      stream.held.emplace_back(packet.segment.seq, std::move(frame));
    }
  }

  static void release(Way way, Stream& stream, Out& out) {
    for (auto at = stream.held.begin(); at != stream.held.end();) {
      if (ahead(at->first, *stream.next) > 0) {
        ++at;
        continue;
      }
      const auto packet = read_packet(at->second);
      if (ahead(end_of(*packet), *stream.next) > 0) { stream.next = end_of(*packet); }
      hand_on(way, at->second, out);
      stream.held.erase(at);
      at = stream.held.begin();
    }
  }

  bool holds_;
  FlowTable<std::array<Stream, 2>> flows_;
};
}  // namespace

std::unique_ptr<Middlebox> make_proxying(Meddling meddling, const BoxSettings& settings) {
  if (meddling == Meddling::ack_early) { return std::make_unique<AckEarly>(settings); }
  return std::make_unique<InOrder>(meddling == Meddling::hold_above_holes, settings);
}
}  // namespace anabranch::sim
