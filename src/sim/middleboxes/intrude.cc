// Boxes that answer in a host's place, and boxes that let nothing unknown through.
#include "sim/middleboxes/box.hh"

namespace anabranch::sim {
namespace {

/// A packet back to whoever sent `packet`.
Packet answer_to(const Packet& packet) {
  Packet answer{packet.to, packet.from, {}, 0, packet.interface};
  answer.segment.flags.ack = true;
  answer.segment.ack = end_of(packet);
  return answer;
}

class DropSyn final : public TcpBox {
 public:
  DropSyn(bool joins_too, const BoxSettings& settings) : TcpBox{settings}, joins_too_{joins_too} {}

 private:
  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    const bool known = !packet.segment.flags.syn || packet.segment.mptcp.empty() ||
                       (!joins_too_ && option<wire::JoinSyn>(packet) != nullptr);
    const bool capable_answer = !joins_too_ && packet.segment.flags.ack;
    if (known || capable_answer || !turns_on(way)) { hand_on(way, frame, out); }
  }
  bool joins_too_;
};

/// A firewall that first sees whether a client is real: it answers the SYN itself, without any option but MSS, and
/// opens the connection to the server only when the third ACK has come (RFC 4987 §3.7). From there on it translates
/// the server's numbers, because it had to choose its own before it knew them.
class AnswerSyn final : public TcpBox {
 public:
  using TcpBox::TcpBox;
  Instant next() const override {
    Instant at = Instant::never();
    flows_.each([&](const Flow& flow) { at = std::min(at, flow.resend_at); });
    return at;
  }
  void on_time(Instant now, Out& out) override {
    flows_.each([&](Flow& flow) {
      if (flow.resend_at <= now) { knock(flow, now, out); }
    });
  }

 private:
  static constexpr Duration kResendAfter{500'000'000};
  static constexpr unsigned kTries = 6;
  static constexpr std::uint16_t kWindow = 65535, kMss = 1460;
  enum class Stage : std::uint8_t { unknown, answered, knocking, open };
  struct Flow {
    Stage stage = Stage::unknown;
    Way way{};  ///< the client's
    SeqNum our_isn, server_isn;
    Packet syn;  ///< to the server
    Instant resend_at = Instant::never();
    unsigned tries = 0;
  };

  void take(Way way, Packet& packet, Frame& frame, Instant now, Out& out) override {
    Flow& flow = flows_.of(way, packet);
    if (opens(packet) && turns_on(way) && flow.stage <= Stage::answered) {
      answer(flow, way, packet, out);
    } else if (flow.stage == Stage::unknown) {
      hand_on(way, frame, out);
    } else if (way == flow.way) {
      from_client(flow, packet, now, out);
    } else {
      from_server(flow, packet, out);
    }
  }

  void answer(Flow& flow, Way way, const Packet& syn, Out& out) {
    if (flow.stage == Stage::unknown) {
      flow.our_isn = {static_cast<std::uint32_t>(generator().next())};
      flow.way = way;
      flow.syn = syn;
      flow.syn.segment.mptcp.clear();
      flow.syn.segment.tcp = {};
      flow.syn.segment.tcp.mss = syn.segment.tcp.mss;
      flow.stage = Stage::answered;
    }
    Packet reply = answer_to(syn);
    reply.segment.flags.syn = true;
    reply.segment.seq = flow.our_isn;
    reply.segment.window = kWindow;
    reply.segment.tcp.mss = kMss;
    send(reversed(way), reply, out);
  }

  void from_client(Flow& flow, Packet& packet, Instant now, Out& out) {
    if (flow.stage == Stage::answered && !packet.segment.flags.rst) {
      flow.stage = Stage::knocking;
      knock(flow, now, out);
    }
    if (flow.stage != Stage::open) { return; }  // data comes again
    packet.segment.ack = plus(packet.segment.ack, flow.server_isn.raw - flow.our_isn.raw);
    send(flow.way, packet, out);
  }

  void knock(Flow& flow, Instant now, Out& out) {
    flow.resend_at = ++flow.tries < kTries ? now + kResendAfter : Instant::never();
    send(flow.way, flow.syn, out);
  }

  void from_server(Flow& flow, Packet& packet, Out& out) {
    const auto& flags = packet.segment.flags;
    if (flags.syn) {
      if (flow.stage == Stage::answered) { return; }
      flow.server_isn = packet.segment.seq;
      flow.stage = Stage::open;
      flow.resend_at = Instant::never();
      Packet third = answer_to(packet);
      third.segment.seq = packet.segment.ack;
      third.segment.window = kWindow;
      send(flow.way, third, out);
      return;
    }
    if (flow.stage == Stage::open) {
      packet.segment.seq = plus(packet.segment.seq, flow.our_isn.raw - flow.server_isn.raw);
    } else if (flags.rst) {
      packet.segment.seq = plus(flow.our_isn, 1);  // refused: the client takes itself for connected
    }
    send(reversed(flow.way), packet, out);
  }

  FlowTable<Flow> flows_;
};

/// Ends one flow: the first that has carried so many packets with data. Whatever its ends say is answered with a RST.
class InjectReset final : public TcpBox {
 public:
  using TcpBox::TcpBox;

 private:
  static constexpr unsigned kDataPackets = 40;
  struct Flow {
    unsigned data_packets = 0;
    bool over = false;
  };

  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    Flow& flow = flows_.of(way, packet);
    flow.data_packets += has_data(packet) && turns_on(way) ? 1 : 0;
    if (!done_ && flow.data_packets == kDataPackets) {
      done_ = flow.over = true;
      Packet reset{packet.from, packet.to, {}, 0, packet.interface};
      reset.segment.seq = packet.segment.seq;
      reset.segment.flags.rst = true;
      send(way, reset, out);
    }
    if (!flow.over || opens(packet)) {
      hand_on(way, frame, out);
    } else if (!packet.segment.flags.rst) {
      Packet reset = answer_to(packet);
      reset.segment.seq = packet.segment.ack;
      reset.segment.flags.rst = true;
      send(reversed(way), reset, out);
    }
  }

  bool done_ = false;
  FlowTable<Flow> flows_;
};

/// A load balancer that knows nothing of tokens: a join is a new flow, and goes to another server (RFC 8684 §1.3 and
/// RFC 8041 §3.12). What that one says, we say.
class JoinElsewhere final : public TcpBox {
 public:
  using TcpBox::TcpBox;

 private:
  void take(Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    if (!turns_on(way) || option<wire::JoinSyn>(packet) == nullptr) {
      hand_on(way, frame, out);
      return;
    }
    Packet reset = answer_to(packet);
    reset.segment.flags.rst = true;
    reset.segment.mptcp.emplace_back(wire::Reset{false, 0, wire::ResetReason::mptcp_error});
    send(reversed(way), reset, out);
  }
};
}  // namespace

std::unique_ptr<Middlebox> make_intruding(Meddling meddling, const BoxSettings& settings) {
  switch (meddling) {
    case Meddling::answer_syn: return std::make_unique<AnswerSyn>(settings);
    case Meddling::inject_reset: return std::make_unique<InjectReset>(settings);
    case Meddling::join_elsewhere: return std::make_unique<JoinElsewhere>(settings);
    default: return std::make_unique<DropSyn>(meddling == Meddling::drop_unknown_syn, settings);
  }
}
}  // namespace anabranch::sim
