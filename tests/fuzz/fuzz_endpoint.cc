// One stack against a peer made of fuzz input: packets, time and the application's verbs, in any order. The peer reads
// what the stack sends, so that it can be nearly right: true sequence numbers, keys, tokens and MACs, a little off.
#include "crypto/keys.hh"
#include "fuzz/party.hh"
#include "fuzz/target.hh"
#include "packet/assemble.hh"
#include "wire/icmp.hh"
#include "wire/option_space.hh"

namespace anabranch {
namespace {
using fuzz::Reader;

constexpr wire::Key kOurKey{0x0102030405060708u};  // the peer's
constexpr std::uint32_t kOurIsn = 0xfffffff0u;     // wraps soon

/// A TCP flow as the peer sees it.
struct Flow {
  Addresses addresses;  ///< local is the peer
  std::uint32_t next = kOurIsn, heard = 0;
  std::uint32_t stamp = 0;  ///< the stack's last timestamp
  std::uint32_t their_nonce = 0;
  bool join = false;
};

class Peer {
 public:
  Peer(Reader& in, fuzz::Party& party) : in_{in}, party_{party} {}

  void step() {
    switch (in_.byte() % 16) {
      case 0: open(); break;
      case 1: now_ = std::max(now_, std::min(party_.stack().deadline(), now_ + 200_s)), wake(); break;
      case 2: now_ = now_ + Duration{std::int64_t{in_.word()} * 100'000}, wake(); break;
      case 3:
      case 4: party_.act(in_, now_); break;
      case 5: raw(); break;
      case 6: icmp(); break;
      case 7:
      case 8: proceed(); break;
      default: send(); break;
    }
    for (const Frame& frame : party_.transmit(now_)) { hear(frame); }
    party_.after_step();
  }

 private:
  void wake() {
    if (party_.stack().deadline() <= now_) { party_.stack().on_deadline(now_); }
  }
  void give(Frame frame) { party_.stack().receive({&frame, 1}, now_); }

  void give(const Flow& flow, const Segment& segment) {
    if (!wire::options_fit(segment.tcp, segment.mptcp)) { return; }
    give(assemble(flow.addresses, segment, {.tos = in_.byte(), .interface = {1}}, arena_));
  }

  Flow* pick() { return flows_.empty() ? nullptr : &flows_[in_.byte() % flows_.size()]; }

  /// A SYN from a port of its own.
  void open() {
    Flow flow{.addresses = {{Address::v4(10, 0, static_cast<std::uint8_t>(1 + in_.below(2)), 2),
                             static_cast<std::uint16_t>(1000 + in_.below(8))},
                            {Address::v4(10, 0, static_cast<std::uint8_t>(1 + in_.below(2)), 1), fuzz::Party::kPort}}};
    Segment syn;
    syn.seq = {kOurIsn};
    syn.flags.syn = true;
    syn.window = in_.word();
    const std::uint8_t bits = in_.byte();
    if ((bits & 1) != 0) { syn.tcp.mss = in_.coin() ? 1460 : in_.word(); }
    if ((bits & 2) != 0) { syn.tcp.window_scale = in_.byte() % 16; }
    if ((bits & 4) != 0) { syn.tcp.timestamps = wire::Timestamps{++stamp_, 0}; }
    if ((bits & 8) != 0) { syn.tcp.sack_permitted = true; }
    switch (bits >> 4) {
      case 0:
      case 1: break;
      case 2: syn.mptcp.push_back(wire::CapableKey{{.version = 0}, kOurKey}); break;
      case 3:
      case 4:
      case 5:
        syn.mptcp.push_back(
            wire::JoinSyn{in_.coin(), {in_.byte()}, their_key_ ? crypto::token_of(*their_key_) : wire::Token{}, 7});
        flow.join = true;
        break;
      default: syn.mptcp.push_back(wire::CapableSyn{{.checksum = (bits & 16) != 0, .no_more_to_this = bits > 0xf0}});
    }
    const auto same = [&](const Flow& f) { return f.addresses == flow.addresses; };
    flow.next = kOurIsn + 1;
    give(flow, syn);
    if (const auto it = std::ranges::find_if(flows_, same); it != flows_.end()) {
      *it = flow;
    } else {
      flows_.push_back(flow);
    }
  }

  /// Mostly 0: right; else a little off, or far.
  std::uint32_t off() {
    switch (in_.byte() % 16) {
      case 0: return 1;
      case 1: return static_cast<std::uint32_t>(-1);
      case 2: return in_.word();
      case 3: return static_cast<std::uint32_t>(-static_cast<std::int32_t>(in_.word()));
      case 4: return static_cast<std::uint32_t>(in_.word()) << 16;
      default: return 0;
    }
  }

  /// What a peer that keeps to the rules would say next: the third ACK with its proof, then data with its mapping.
  void proceed() {
    Flow* flow = pick();
    if (flow == nullptr) { return open(); }
    const wire::Key theirs = their_key_.value_or(wire::Key{1});
    Segment s;
    s.flags.ack = true;
    s.seq = {flow->next};
    s.ack = {flow->heard};
    s.window = 0xffff;
    s.tcp.timestamps = wire::Timestamps{++stamp_, flow->stamp};
    if (flow->next == kOurIsn + 1 && !in_.coin()) {
      if (flow->join) {
        s.mptcp.push_back(wire::JoinAck{crypto::join_ack_mac({kOurKey, 7}, {theirs, flow->their_nonce})});
      } else {
        s.mptcp.push_back(wire::CapableAck{{}, kOurKey, theirs});
      }
      return give(*flow, s);
    }
    const std::uint16_t length = in_.byte();
    s.payload = Packer{party_.pool()}.copy(std::vector<std::uint8_t>(length, 7));
    wire::Dss dss{.ack = wire::DataSeqForm{crypto::idsn_of(theirs).raw + 1 + heard_data_, true}, .map = {}};
    if (length != 0) {
      dss.map = wire::Mapping{.data = {crypto::idsn_of(kOurKey).raw + 1 + data_sent_, true},
                              .subflow = flow->next - kOurIsn,
                              .length = length,
                              .checksum = {}};
    }
    s.mptcp.push_back(dss);
    give(*flow, s);
    data_sent_ += length;
    flow->next += length;
  }

  void send() {
    Flow* flow = pick();
    if (flow == nullptr) { return open(); }
    Segment s;
    const std::uint8_t flags = in_.byte();
    s.flags = {.fin = flags % 16 == 1,
               .syn = flags % 16 == 2,
               .rst = flags % 32 == 3,
               .psh = (flags & 128) != 0,
               .ack = flags % 16 != 4,
               .urg = flags % 16 == 5,
               .ece = flags % 16 == 6,
               .cwr = flags % 16 == 7};
    s.seq = {flow->next + off()};
    s.ack = {flow->heard + off()};
    s.window = in_.coin() ? 0xffff : in_.word();
    if (in_.byte() % 8 != 0) { s.tcp.timestamps = wire::Timestamps{stamp_ += in_.byte(), flow->stamp}; }
    for (std::uint32_t i = in_.below(8) == 0 ? in_.below(4) : 0; i > 0; --i) {
      const std::uint32_t left = flow->heard + off();
      s.tcp.sack.push_back({{left}, {left + in_.word()}});
    }
    const std::size_t length = in_.below(4) == 0 ? in_.word() % 1400u : 0;
    std::vector<std::uint8_t> bytes(length);
    for (std::size_t i = 0; i < length; ++i) { bytes[i] = static_cast<std::uint8_t>(i); }
    s.payload = Packer{party_.pool()}.copy(bytes);
    for (std::uint32_t i = in_.below(4); i > 0; --i) { s.mptcp.push_back(option(*flow, length)); }
    const bool in_order = s.seq.raw == flow->next;
    give(*flow, s);
    if (in_order && s.flags.ack && !s.flags.rst) { flow->next += static_cast<std::uint32_t>(s.length()); }
  }

  wire::MptcpOption option(const Flow& flow, std::size_t length) {
    const wire::Key theirs = their_key_.value_or(wire::Key{1});
    const std::uint64_t from = crypto::idsn_of(kOurKey).raw + 1 + data_sent_;
    const std::uint64_t to = crypto::idsn_of(theirs).raw + 1;
    switch (in_.byte() % 16) {
      case 0: return wire::CapableAck{{}, kOurKey, theirs};
      case 1: return wire::CapableData{{}, kOurKey, theirs, static_cast<std::uint16_t>(length), {}};
      case 2: return wire::JoinAck{crypto::join_ack_mac({kOurKey, 7}, {theirs, flow.their_nonce})};
      case 3:
        return wire::JoinSynAck{
            in_.coin(), {in_.byte()}, crypto::join_syn_ack_mac({kOurKey, 9}, {theirs, flow.their_nonce}), 9};
      case 4: {
        wire::AddAddr a{in_.coin(), {in_.byte()}, Address::v4(10, 0, 3, in_.byte()), {}, {}};
        if (in_.coin()) { a.port = in_.word(); }
        if (!a.echo) { a.mac = crypto::add_addr_mac(kOurKey, theirs, a); }
        return a;
      }
      case 5: {
        wire::RemoveAddr r;
        for (std::uint32_t i = in_.below(5); i > 0; --i) { r.ids.push_back({in_.byte()}); }
        if (r.ids.empty()) { r.ids.push_back({0}); }
        return r;
      }
      case 6: return wire::Prio{in_.coin()};
      case 7: return wire::Fail{from + off()};
      case 8: return wire::FastClose{in_.coin() ? theirs : kOurKey};
      case 9: return wire::Reset{in_.coin(), 0, static_cast<wire::ResetReason>(in_.byte() % 8)};
      case 10: return wire::CapableKey{{.version = static_cast<std::uint8_t>(in_.byte() % 3)}, kOurKey};
      default: {
        wire::Dss dss;
        const bool wide = in_.coin();
        const auto narrow = [&](std::uint64_t n) { return wide ? n : n & 0xffffffffu; };
        if (in_.byte() % 4 != 0) { dss.ack = wire::DataSeqForm{narrow(to + heard_data_ + off()), wide}; }
        if (length != 0 || in_.coin()) {
          dss.data_fin = in_.byte() % 16 == 0;
          dss.map = wire::Mapping{.data = {narrow(from + off()), wide},
                                  .subflow = flow.next - kOurIsn + off(),
                                  .length = static_cast<std::uint16_t>(length + (dss.data_fin ? 1 : 0) + off()),
                                  .checksum = {}};
          if (in_.byte() % 8 == 0) { dss.map->checksum = in_.word(); }
          data_sent_ += length;
        }
        return dss;
      }
    }
  }

  void raw() {
    const auto bytes = in_.bytes(in_.byte());
    if (bytes.empty()) { return; }
    SlabRef slab = party_.pool().get();
    std::ranges::copy(bytes, slab->data());
    slab->used = static_cast<std::uint32_t>(bytes.size());
    give(Frame{.bytes = Chain{Slice{slab, {slab->data(), bytes.size()}}}, .interface = {1}});
  }

  void icmp() {
    if (last_.empty()) { return; }
    const auto kind = static_cast<wire::IcmpKind>(in_.byte() % 6);
    const auto bytes = wire::icmp_error_packet(Address::v4(10, 0, 1, 254), kind, in_.word(), last_);
    if (bytes.empty()) { return; }
    SlabRef slab = party_.pool().get();
    std::ranges::copy(bytes, slab->data());
    slab->used = static_cast<std::uint32_t>(bytes.size());
    give(Frame{.bytes = Chain{Slice{slab, {slab->data(), bytes.size()}}}, .interface = {1}});
  }

  /// What the stack says, every word of it well formed.
  void hear(const Frame& frame) {
    const auto parsed = dissect(frame);
    ANABRANCH_CHECK(parsed.has_value());
    const auto* d = std::get_if<Dissected>(&*parsed);
    ANABRANCH_CHECK(d != nullptr);
    last_ = frame.bytes.first({60}).to_vector();
    const Segment& s = d->segment;
    const auto it = std::ranges::find(flows_, d->addresses, &Flow::addresses);
    if (it == flows_.end()) {
      if (s.flags.syn && flows_.size() < 16) {
        flows_.push_back({.addresses = d->addresses});
        learn(flows_.back(), s);
      }
      return;
    }
    learn(*it, s);
  }
  void learn(Flow& flow, const Segment& s) {
    flow.heard = s.seq.raw + static_cast<std::uint32_t>(s.length());
    if (s.tcp.timestamps) { flow.stamp = s.tcp.timestamps->value; }
    if (const auto* o = wire::find<wire::CapableKey>(s.mptcp)) { their_key_ = o->sender; }
    if (const auto* o = wire::find<wire::CapableAck>(s.mptcp)) { their_key_ = o->sender; }
    if (const auto* o = wire::find<wire::CapableData>(s.mptcp)) { their_key_ = o->sender; }
    if (const auto* o = wire::find<wire::JoinSynAck>(s.mptcp)) { flow.their_nonce = o->nonce; }
    if (const auto* o = wire::find<wire::JoinSyn>(s.mptcp)) { flow.their_nonce = o->nonce; }
    heard_data_ += s.payload.size().n;
  }

  Reader& in_;
  fuzz::Party& party_;
  HeaderArena arena_{party_.pool()};
  Instant now_{};
  std::vector<Flow> flows_;
  std::vector<std::uint8_t> last_;
  std::optional<wire::Key> their_key_;
  std::uint32_t stamp_ = 1;
  std::uint64_t data_sent_ = 0, heard_data_ = 0;
};

FUZZ_STORY(endpoint) {
  constexpr int kMostSteps = 2000;
  Reader in{input};
  const mptcp::Config config = fuzz::config_from(in);
  fuzz::Party party{1, 1, config};
  Peer peer{in, party};
  for (int i = 0; i < kMostSteps && !in.empty(); ++i) { peer.step(); }
}
}  // namespace
}  // namespace anabranch
