#include "apps/sim_boxes.hh"

#include "sim/middleboxes/box.hh"

#include <utility>

namespace anabranch::apps::experiment {
namespace {

using sim::Packet;

template <class... Forms>
bool has_any(const Packet& p) {
  return ((sim::option<Forms>(p) != nullptr) || ...);
}

bool is_of(DropKind kind, const Packet& p) {
  const auto& flags = p.segment.flags;
  const bool data = sim::has_data(p);
  switch (kind) {
    case DropKind::all: return true;
    case DropKind::data: return data;
    case DropKind::ack: return !flags.syn && !flags.fin && !flags.rst && !data;
    case DropKind::syn: return sim::opens(p);
    case DropKind::syn_ack: return flags.syn && !sim::opens(p);
    case DropKind::third_ack: return has_any<wire::CapableAck>(p);
    case DropKind::fin: return flags.fin;
    case DropKind::rst: return flags.rst;
    case DropKind::mp_capable:
      return has_any<wire::CapableSyn, wire::CapableKey, wire::CapableAck, wire::CapableData>(p);
    case DropKind::mp_join: return has_any<wire::JoinSyn, wire::JoinSynAck, wire::JoinAck>(p);
    case DropKind::dss: return has_any<wire::Dss>(p);
    case DropKind::add_addr: return has_any<wire::AddAddr, wire::AddAddrV0>(p);
    case DropKind::remove_addr: return has_any<wire::RemoveAddr>(p);
    case DropKind::mp_prio: return has_any<wire::Prio, wire::PrioOfAddress>(p);
    case DropKind::mp_fail: return has_any<wire::Fail>(p);
    default: return has_any<wire::FastClose>(p);
  }
}

class Dropper final : public sim::TcpBox {
 public:
  Dropper(const BoxPlan& plan, const sim::BoxSettings& settings)
      : TcpBox{settings},
        kind_{*plan.drop},
        chance_{plan.chance},
        left_{plan.times} {}

 protected:
  void take(sim::Way way, Packet& packet, Frame& frame, Instant, Out& out) override {
    const bool hit =
        turns_on(way) && left_ > 0 && is_of(kind_, packet) && (chance_ >= 1 || generator().chance(chance_));
    if (hit) {
      --left_;
    } else {
      hand_on(way, frame, out);
    }
  }

 private:
  DropKind kind_;
  double chance_;
  std::uint64_t left_;
};

/// A box that stands there from `start` to `stop`; what it holds at its end still leaves.
class Timed final : public sim::Middlebox {
 public:
  Timed(std::unique_ptr<sim::Middlebox> box, Instant start, Instant stop)
      : box_{std::move(box)},
        start_{start},
        stop_{stop} {}
  void pass(sim::Way way, Frame packet, Instant now, std::vector<sim::Sent>& out) override {
    if (now < start_ || now >= stop_) {
      out.push_back({way, std::move(packet)});
    } else {
      box_->pass(way, std::move(packet), now, out);
    }
  }
  Instant next() const override { return box_->next(); }
  void on_time(Instant now, std::vector<sim::Sent>& out) override { box_->on_time(now, out); }

 private:
  std::unique_ptr<sim::Middlebox> box_;
  Instant start_, stop_;
};

}  // namespace

std::unique_ptr<sim::Middlebox> make_box(const BoxPlan& plan, const sim::BoxSettings& settings) {
  std::unique_ptr<sim::Middlebox> box;
  if (plan.drop) {
    box = std::make_unique<Dropper>(plan, settings);
  } else {
    box = sim::make_middlebox(plan.box, settings);
  }
  if (box == nullptr) {
    box = sim::filter([](sim::Way, Frame&) { return true; });
  }
  return std::make_unique<Timed>(std::move(box), plan.start, plan.stop);
}
}  // namespace anabranch::apps::experiment
