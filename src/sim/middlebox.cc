#include "sim/middlebox.hh"

#include "sim/middleboxes/box.hh"

#include <utility>

namespace anabranch::sim {
namespace {

struct Kind {
  MakeBox make;
  std::string_view does;
};

// In the order of the enumeration.
constexpr Kind kKinds[] = {
    {nullptr, "forwards and nothing else"},
    {make_stripping, "takes every MPTCP option out of every packet"},
    {make_stripping, "takes every MPTCP option out of packets without SYN"},
    {make_stripping, "takes MP_CAPABLE out of SYNs"},
    {make_stripping, "takes MP_CAPABLE out of SYN/ACKs"},
    {make_stripping, "takes MP_CAPABLE out of ACKs without data"},
    {make_stripping, "takes MP_CAPABLE out of packets with data"},
    {make_stripping, "takes MP_JOIN out of every packet"},
    {make_stripping, "takes MP_JOIN out of SYNs"},
    {make_stripping, "takes MP_JOIN out of SYN/ACKs"},
    {make_stripping, "takes MP_JOIN out of third ACKs"},
    {make_stripping, "takes every MPTCP option out of the ACK that answers the third ACK of a join"},
    {make_stripping, "takes DSS out of packets with data"},
    {make_stripping, "takes DSS out of packets with data once 30 of them have passed in a flow"},
    {make_stripping, "takes the DATA_ACK out of every DSS"},
    {make_stripping, "overwrites MPTCP options with end-of-list bytes in packets without SYN"},
    {make_stripping, "takes ADD_ADDR out of every packet, echoes left alone"},
    {make_stripping, "takes the echoes of ADD_ADDR out of every packet"},
    {make_stripping, "takes REMOVE_ADDR out of every packet"},
    {make_stripping, "takes MP_PRIO out of every packet"},
    {make_stripping, "takes MP_FASTCLOSE out of every packet"},
    {make_stripping, "takes the window scale option out of SYNs"},
    {make_stripping, "takes timestamps out of every packet"},
    {make_stripping, "clears the ECN bits of the IP header"},
    {make_intruding, "drops SYNs with MP_CAPABLE"},
    {make_intruding, "drops SYNs with an option it does not know: MP_CAPABLE and MP_JOIN"},
    {make_intruding, "answers SYNs itself, without MPTCP, and opens its own connection to the server"},
    {make_intruding, "sends a RST to both ends once, when 40 packets with data have passed in a flow"},
    {make_intruding, "sends MP_JOIN to another server, which answers with a RST: it has no such token"},
    {make_translating, "rewrites the source address and port, and back"},
    {make_translating, "rewrites them, and once forgets a flow after 150 packets: it goes on from a new port"},
    {make_translating, "adds a random number to a flow's sequence numbers, ACKs and SACK blocks put right"},
    {make_translating, "adds a random number to a flow's sequence numbers and forgets the SACK blocks"},
    {make_resegmenting, "cuts packets with data in two, options on both"},
    {make_resegmenting, "cuts packets with data in two, options on the first only"},
    {make_resegmenting, "cuts packets with data in two, options on the second only"},
    {make_resegmenting, "joins two packets with data into one, with the first one's options"},
    {make_resegmenting, "joins two packets with data into one, with the second one's options"},
    {make_resegmenting, "joins two packets with data into one, without MPTCP options"},
    {make_editing, "changes a byte in every 40,000 of a flow, the length stays"},
    {make_editing, "puts four bytes into a flow once, behind the first 60,000; numbers are shifted from there on"},
    {make_editing, "makes the mapping in one packet of 50 a byte shorter"},
    {make_editing, "changes the data sequence number in one packet of 50 by 2^30"},
    {make_editing, "adds a second DSS, with an older DATA_ACK, where there is room"},
    {make_proxying, "acknowledges data that has not arrived yet, and sees to it that it does"},
    {make_proxying, "keeps packets above a hole until the hole is filled"},
    {make_proxying, "drops packets above a hole"},
    {make_disordering, "sends one packet in ten twice"},
    {make_disordering, "lets 3 to 50 packets overtake one in thirty"},
    {make_disordering, "sends one of the last 64 packets again, behind one packet in twenty"},
};
static_assert(std::size(kKinds) == static_cast<std::size_t>(Meddling::count_));
static_assert(std::size(Names<Meddling>::list) == static_cast<std::size_t>(Meddling::count_));

class Series final : public Middlebox {
 public:
  explicit Series(std::vector<std::unique_ptr<Middlebox>> boxes) : boxes_{std::move(boxes)} {}
  void pass(Way way, Frame packet, Instant now, std::vector<Sent>& out) override {
    enter(way == Way::forth ? 0 : static_cast<int>(boxes_.size()) - 1, way, std::move(packet), now, out);
  }
  Instant next() const override {
    Instant at = Instant::never();
    for (const auto& box : boxes_) { at = std::min(at, box->next()); }
    return at;
  }
  void on_time(Instant now, std::vector<Sent>& out) override {
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
      if (boxes_[i]->next() > now) { continue; }
      std::vector<Sent> left;
      boxes_[i]->on_time(now, left);
      leave(static_cast<int>(i), left, now, out);
    }
  }

 private:
  void enter(int place, Way way, Frame packet, Instant now, std::vector<Sent>& out) {
    if (place < 0 || place == static_cast<int>(boxes_.size())) {
      out.push_back({way, std::move(packet)});
      return;
    }
    std::vector<Sent> left;
    boxes_[static_cast<std::size_t>(place)]->pass(way, std::move(packet), now, left);
    leave(place, left, now, out);
  }
  void leave(int place, std::vector<Sent>& left, Instant now, std::vector<Sent>& out) {
    for (Sent& sent : left) {
      enter(sent.way == Way::forth ? place + 1 : place - 1, sent.way, std::move(sent.frame), now, out);
    }
  }

  std::vector<std::unique_ptr<Middlebox>> boxes_;
};

class Lossy final : public Middlebox {
 public:
  Lossy(double probability, Generator generator) : probability_{probability}, generator_{generator} {}
  void pass(Way way, Frame packet, Instant, std::vector<Sent>& out) override {
    if (!generator_.chance(probability_)) { out.push_back({way, std::move(packet)}); }
  }

 private:
  double probability_;
  Generator generator_;
};

class Filter final : public Middlebox {
 public:
  explicit Filter(std::function<bool(Way, Frame&)> sieve) : sieve_{std::move(sieve)} {}
  void pass(Way way, Frame packet, Instant, std::vector<Sent>& out) override {
    if (sieve_(way, packet)) { out.push_back({way, std::move(packet)}); }
  }

 private:
  std::function<bool(Way, Frame&)> sieve_;
};
}  // namespace

std::string_view describe(Meddling meddling) { return kKinds[static_cast<std::size_t>(meddling)].does; }

bool translates(Meddling meddling) {
  switch (meddling) {
    case Meddling::strip_window_scale:
    case Meddling::answer_syn:
    case Meddling::nat:
    case Meddling::nat_rebind:
    case Meddling::shift_isn:
    case Meddling::shift_isn_not_sack:
    case Meddling::edit_payload:
    case Meddling::edit_length:
    case Meddling::ack_early: return true;
    default: return false;
  }
}

std::unique_ptr<Middlebox> make_middlebox(Meddling meddling, const BoxSettings& settings) {
  const Kind& kind = kKinds[static_cast<std::size_t>(meddling)];
  return kind.make == nullptr ? nullptr : kind.make(meddling, settings);
}
std::unique_ptr<Middlebox> in_series(std::vector<std::unique_ptr<Middlebox>> boxes) {
  return std::make_unique<Series>(std::move(boxes));
}
std::unique_ptr<Middlebox> lossy(double probability, Generator generator) {
  return std::make_unique<Lossy>(probability, generator);
}
std::unique_ptr<Middlebox> filter(std::function<bool(Way, Frame&)> sieve) {
  return std::make_unique<Filter>(std::move(sieve));
}
}  // namespace anabranch::sim
