// Two stacks with a box between them that does what the input says: delays, loses, repeats, reorders, replays, edits,
// strips options, forges resets; while both applications act. As long as it has touched no byte that matters, what is
// read is what was written.
#include "fuzz/party.hh"
#include "fuzz/target.hh"
#include "packet/assemble.hh"
#include "wire/option_space.hh"

#include <deque>

namespace anabranch {
namespace {
using fuzz::Party;
using fuzz::Reader;

struct Flying {
  std::size_t to = 0;
  Frame frame;
};

class World {
 public:
  explicit World(Reader& in)
      : in_{in},
        parties_{Party{1, 1, fuzz::config_from(in)}, Party{2, 2, fuzz::config_from(in)}} {
    for (Party& p : parties_) { p.expect_pattern(true); }
    parties_[0].connect({Address::v4(10, 0, 1, 2), Party::kPort}, now_);
    collect();
  }

  void step() {
    switch (in_.byte() % 16) {
      case 0:
      case 1:
      case 2: deliver(0); break;
      case 3: run(1 + in_.below(16)); break;
      case 4: deliver(pick()); break;
      case 5: lose(pick()); break;
      case 6: repeat(pick()); break;
      case 7: edit(pick()); break;
      case 8: replay(); break;
      case 9: reset(pick()); break;
      case 10:
        now_ = now_ + Duration{std::int64_t{in_.word()} * 20'000};
        wake();
        break;
      case 11:
        now_ = std::max(now_, std::min({parties_[0].stack().deadline(), parties_[1].stack().deadline(), now_ + 100_s}));
        wake();
        break;
      default: parties_[in_.below(2)].act(in_, now_); break;
    }
    collect();
    for (Party& p : parties_) { p.after_step(); }
  }

 private:
  static constexpr std::size_t kMostFlying = 512, kHistory = 32;

  std::size_t pick() { return flying_.empty() ? 0 : in_.byte() % flying_.size(); }

  void collect() {
    for (std::size_t i = 0; i < 2; ++i) {
      for (Frame& frame : parties_[i].transmit(now_)) {
        ANABRANCH_CHECK(dissect(frame).has_value());
        if (history_.size() >= kHistory) { history_.pop_front(); }
        history_.push_back({1 - i, frame});
        if (flying_.size() < kMostFlying) { flying_.push_back({1 - i, std::move(frame)}); }
      }
    }
  }
  void wake() {
    for (Party& p : parties_) {
      if (p.stack().deadline() <= now_) { p.stack().on_deadline(now_); }
    }
  }
  void give(const Flying& f) {
    // Slabs belong to their stack: the other one gets a copy, as over a wire.
    const auto bytes = f.frame.bytes.to_vector();
    SlabRef slab = parties_[f.to].pool().get();
    std::ranges::copy(bytes, slab->data());
    slab->used = static_cast<std::uint32_t>(bytes.size());
    Frame copy{.bytes = Chain{Slice{slab, {slab->data(), bytes.size()}}}, .interface = f.frame.interface};
    parties_[f.to].stack().receive({&copy, 1}, now_);
  }
  void deliver(std::size_t at) {
    if (at >= flying_.size()) { return; }
    const Flying f = std::move(flying_[at]);
    flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(at));
    give(f);
  }
  void lose(std::size_t at) {
    if (at < flying_.size()) { flying_.erase(flying_.begin() + static_cast<std::ptrdiff_t>(at)); }
  }
  void repeat(std::size_t at) {
    if (at < flying_.size() && flying_.size() < kMostFlying) { flying_.push_back(flying_[at]); }
  }
  void replay() {
    if (!history_.empty()) { give(history_[in_.byte() % history_.size()]); }
  }
  /// An honest network for a while, so that connections get somewhere.
  void run(std::uint32_t rounds) {
    for (std::uint32_t i = 0; i < rounds; ++i) {
      for (std::size_t n = flying_.size(); n > 0; --n) { deliver(0); }
      now_ = now_ + 5_ms;
      wake();
      collect();
    }
  }

  void edit(std::size_t at) {
    if (at >= flying_.size()) { return; }
    Flying& f = flying_[at];
    auto parsed = dissect(f.frame);
    if (!parsed || !std::holds_alternative<Dissected>(*parsed)) { return; }
    auto& d = std::get<Dissected>(*parsed);
    change(d.segment, f.to);
    if (!wire::options_fit(d.segment.tcp, d.segment.mptcp)) { return; }
    const Addresses forward{d.addresses.remote, d.addresses.local};
    f.frame = assemble(forward, d.segment, {.interface = f.frame.interface}, arena_);
  }

  /// One change a box may make. Those that give other bytes another place, or other bytes, end the check of bytes.
  void change(Segment& s, std::size_t to) {
    switch (in_.byte() % 12) {
      case 0: s.mptcp.clear(); break;
      case 1:
        if (!s.mptcp.empty()) { s.mptcp.erase(s.mptcp.begin()); }
        break;
      case 2: s.window = in_.word(); break;
      case 3: s.tcp.sack.clear(); break;
      case 4: s.tcp.timestamps.reset(); break;
      case 5: s.flags.psh = !s.flags.psh, s.flags.urg = in_.coin(), s.flags.ece = in_.coin(); break;
      case 6: s.tcp.window_scale.reset(), s.tcp.sack_permitted = false; break;
      case 7: tampered(), s.seq.raw += in_.word(); break;
      case 8: tampered(), s.ack.raw += in_.word(); break;
      case 9:
        tampered(), s.payload = Packer{parties_[1 - to].pool()}.copy(std::vector<std::uint8_t>(in_.byte(), 1));
        break;
      case 10: tampered(), s.flags.fin = !s.flags.fin; break;
      default:
        tampered();
        for (wire::MptcpOption& o : s.mptcp) {
          if (auto* dss = std::get_if<wire::Dss>(&o)) { change(*dss); }
        }
    }
  }
  void change(wire::Dss& dss) {
    const std::uint8_t what = in_.byte();
    if (dss.ack && (what & 1) != 0) {
      dss.ack->bits = (dss.ack->bits + in_.word()) & (dss.ack->wide ? ~0ull : 0xffffffffu);
    }
    if (dss.map && (what & 2) != 0) { dss.map->length = in_.word(); }
    if (dss.map && (what & 4) != 0) { dss.map->subflow += in_.word(); }
    if (dss.map && (what & 8) != 0) {
      dss.map->data.bits = (dss.map->data.bits + in_.word()) & (dss.map->data.wide ? ~0ull : 0xffffffffu);
    }
    if (dss.map && (what & 16) != 0) { dss.data_fin = !dss.data_fin && dss.map->length > 0; }
  }
  void tampered() {
    for (Party& p : parties_) { p.expect_pattern(false); }
  }

  /// Forged from a packet seen: a RST to its receiver or back to its sender.
  void reset(std::size_t at) {
    if (at >= flying_.size()) { return; }
    const Flying& f = flying_[at];
    auto parsed = dissect(f.frame);
    if (!parsed || !std::holds_alternative<Dissected>(*parsed)) { return; }
    const auto& d = std::get<Dissected>(*parsed);
    const bool back = in_.coin();
    Segment s;
    s.flags.rst = true;
    s.flags.ack = in_.coin();
    s.seq = back ? d.segment.ack : d.segment.seq;
    s.ack = back ? d.segment.seq : d.segment.ack;
    s.seq.raw += in_.coin() ? in_.byte() : 0u;
    if (in_.coin()) { s.mptcp.push_back(wire::Reset{in_.coin(), 0, static_cast<wire::ResetReason>(in_.byte() % 8)}); }
    const Addresses forward{d.addresses.remote, d.addresses.local}, backward{d.addresses.local, d.addresses.remote};
    give({back ? 1 - f.to : f.to, assemble(back ? backward : forward, s, {.interface = f.frame.interface}, arena_)});
  }

  Reader& in_;
  std::array<Party, 2> parties_;
  SlabPool pool_;
  HeaderArena arena_{pool_};
  Instant now_{};
  std::deque<Flying> flying_, history_;
};

FUZZ_STORY(pair) {
  constexpr int kMostSteps = 2000;
  Reader in{input};
  World world{in};
  for (int i = 0; i < kMostSteps && !in.empty(); ++i) { world.step(); }
}
}  // namespace
}  // namespace anabranch
