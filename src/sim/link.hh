/// A pipe, one direction of something: a queue, a transmitter of a given rate, and a wire with delay and faults.
///
/// Pure: packets and instants in, packets and an instant out, so it serves virtual and real time alike; time never goes
/// back. The same generator gives the same faults. A super-segment is cut into packets on entry, as a network card
/// would. Order is kept unless jitter or reordering is asked for. One event a packet: the queue is brought up to date
/// when somebody looks. Does not model: contention between directions, bit errors, ICMP answers. A link is two pipes;
/// routes may share any. Who joins them to hosts is the world's or the lab's business.
#pragma once
#include "base/names.hh"
#include "base/random.hh"
#include "base/units.hh"
#include "packet/frame.hh"
#include "packet/offload.hh"
#include "sim/agenda.hh"
#include "sim/event_queue.hh"
#include "sim/parcel.hh"
#include "sim/queue/rule.hh"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace anabranch::sim {

/// Losses in bursts (Gilbert and Elliott): a chain with a good and a bad state that takes a step with every packet.
struct BurstLoss {
  double enter = 0;  ///< probability per packet to go from good to bad; 0: never
  double leave = 1;  ///< probability per packet to go from bad to good; 1 / mean length of a burst
  double loss = 1;   ///< probability to lose a packet in the bad state; in the good one `LinkSpec::loss` holds
  bool operator==(const BurstLoss&) const = default;
};

/// One direction of a link as numbers. Probabilities are per packet, in [0, 1]. Lost packets have used the rate.
struct LinkSpec {
  Rate rate{};                   ///< of the transmitter; counts IP packets plus `overhead` each. 0: unlimited
  Duration delay{};              ///< from the last bit sent to arrival; one way
  Bytes queue{};                 ///< IP bytes that may wait for the transmitter. 0: default_queue(rate)
  double loss = 0;               ///< independent losses
  BurstLoss burst{};             ///< losses in bursts, on top
  Duration jitter{};             ///< further delay, uniform in [0, jitter]
  bool jitter_reorders = false;  ///< whether a packet may overtake another because of jitter
  double reorder = 0;            ///< probability that a packet is held back by `reorder_by` and overtaken
  Duration reorder_by{2'000'000};
  double duplicate = 0;         ///< probability that a packet arrives twice
  std::uint32_t mtu = 0;        ///< larger IP packets vanish. 0: any size passes
  std::uint32_t overhead = 14;  ///< link-layer bytes per packet that use the rate: an Ethernet header
  /// Super-segments pass uncut, as between two ends of a veth pair: each is one packet to queue and faults, and is
  /// handed out with `cut` and checksum state as it came. The rate still counts every packet's headers.
  bool keep_super_segments = false;
  /// A router that knows ECN: packets that may be marked are, instead of being lost, with this probability, and all
  /// that find more than `mark_above` bytes waiting (0: no such limit).
  double mark = 0;
  Bytes mark_above{};
  QueueSpec discipline{};  ///< which packets are dropped or marked before the queue is full; a limit in packets
  /// Single packets with pending checksums stay as they are, as between two ends of a veth pair: nobody computes them.
  bool keep_checksums = false;
  bool operator==(const LinkSpec&) const = default;
};
/// 100 ms of the rate, at least 64 KiB: what a home router or a base station buffers. No limit for an unlimited rate.
Bytes default_queue(Rate rate);

enum class LinkDrop : std::uint8_t {
  queue_full,
  lost,  ///< independent loss
  lost_in_burst,
  link_cut,    ///< offered while cut, or waiting or in flight when it was cut
  too_big,     ///< larger than the link's MTU
  cannot_cut,  ///< a super-segment that is not a readable TCP packet
  early,       ///< by the queue's discipline, before it was full
};
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::LinkDrop> {
  static constexpr std::string_view list[] = {"queue_full", "lost",       "lost_in_burst", "link_cut",
                                              "too_big",    "cannot_cut", "early"};
};

namespace anabranch::sim {

/// What has passed; all of it only grows, so that whoever wants a span of time takes differences.
struct LinkStats {
  std::uint64_t offered_packets = 0, offered_bytes = 0;      ///< IP packets, after cutting
  std::uint64_t delivered_packets = 0, delivered_bytes = 0;  ///< handed out at the end, duplicates included
  Duration busy{};                ///< of the transmitter; divided by the time that passed: utilisation
  Duration waited{};              ///< of all packets together; divided by the time: packets that wait on average
  std::uint64_t byte_waited = 0;  ///< bytes times microseconds waited; divided by the time: bytes that wait on average
  std::uint64_t highest_queue = 0, highest_queue_packets = 0;  ///< most that ever waited, in IP bytes
  std::uint64_t reordered = 0, duplicated = 0, marked = 0;
  Tally<LinkDrop> dropped;  ///< packets
};

class alignas(64) Pipe {
 public:
  /// `pool` gives room for the headers of cut super-segments and must outlive the pipe.
  Pipe(const LinkSpec& spec, Generator generator, SlabPool& pool);
  /// One of many: its packets are of `packets`, and it keeps its place in `agenda`. Both outlive it.
  Pipe(std::string name, const LinkSpec& spec, Generator generator, SlabPool& pool, ParcelPool& packets,
       Agenda& agenda);
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void offer(Frame frame, Instant now, const Route* route = nullptr);
  /// A packet that comes from another pipe, or from nobody's stack; of the same pool.
  void enter(const Transit& transit, Instant now);
  /// When take_due is wanted next; it may then yield nothing (a packet was lost). Never: nothing under way.
  Instant next() const;
  /// Appends what has arrived by `now`, in order of arrival; single packets with complete checksums, `interface` as
  /// it was offered. Returns how many.
  std::size_t take_due(Instant now, std::vector<Frame>& out);
  /// The first packet that has arrived by `now`, if there is one. The caller owns it, gives it back or passes it on, and
  /// calls `rescheduled` when it has taken all.
  bool take_one(Instant now, Transit& out);
  void rescheduled() {
    if (agenda_ != nullptr) { agenda_->set(number_, next()); }
  }

  /// Takes effect for all packets whose transmission has not begun.
  void set(const LinkSpec& spec, Instant now);
  const LinkSpec& spec() const { return spec_; }
  /// From now on nothing enters; what waits is dropped, what is in flight too if asked.
  void cut(Instant now, bool lose_in_flight = false);
  void heal(Instant now);
  bool is_cut() const { return cut_; }

  const std::string& name() const { return name_; }
  std::uint32_t number() const { return number_; }  ///< in the agenda
  const LinkStats& stats() const { return stats_; }
  Bytes queued() const { return {queued_}; }  ///< IP bytes waiting, the packet being sent not counted
  std::size_t queued_packets() const { return line_.size() - sent_; }
  std::size_t in_flight() const { return sent_ + astray_.size(); }  ///< being sent or on the wire

  /// It will be asked soon: brings what that needs nearer (to the processor, not in time).
  void prefetch() const {
    if (line_.empty()) { return; }
    const Transit& first = line_[0];
    if (first.left != 0) { return (*first.via)->prefetch_self(); }
    __builtin_prefetch(first.packet);
    __builtin_prefetch(reinterpret_cast<const char*>(first.packet) + 64);
  }
  void prefetch_self() const {
    __builtin_prefetch(&line_);
    __builtin_prefetch(&most_bytes_);
    __builtin_prefetch(&stats_);
  }

 private:
  Pipe(std::string name, const LinkSpec& spec, Generator generator, SlabPool& pool, std::unique_ptr<ParcelPool> own);

  bool idle() const { return line_.size() == sent_ && free_at_ <= now_; }
  void advance(Instant now);
  void next_leaves();
  void judge(Transit transit);
  bool rule_out(Ruling ruling, Parcel* packet);
  Waiting waiting() const;
  void transmit(Instant start);
  void send_with_faults();
  Transit twin_of(const Transit& transit);
  void drop(Parcel* packet, LinkDrop why);
  Duration transmission(const Transit& transit) const;
  Duration time_on_wire(Bytes bytes) const;
  Duration time_for_all(const Transit& transit) const;
  bool lose();
  void mark(Parcel& packet);
  bool mark_it(Parcel& packet);
  void look_at_spec();
  void choose_rule();

  // What every packet needs, side by side:
  TransitLine line_;  ///< the first `sent_` of them are being sent or on the wire, in order of arrival; others wait
  std::uint32_t sent_ = 0;  ///< of `line_`
  std::uint32_t number_ = Agenda::kNobody;
  Instant now_{std::numeric_limits<std::int64_t>::min()};
  Instant free_at_ = now_;       ///< when the transmitter has sent what it is sending
  Instant last_arrival_ = now_;  ///< of packets that keep their order
  std::uint64_t queued_ = 0;
  std::uint64_t most_bytes_ = 0, most_packets_ = 0;  ///< that may wait
  std::int64_t ns_a_byte_ = 0;                       ///< of the rate, if that is a whole number; else 0
  Duration delay_;                                   ///< as in the spec
  std::uint32_t overhead_ = 0, mtu_ = 0;             ///< likewise
  bool plain_ = true;                                ///< no faults of its own
  bool marks_ = false;                               ///< packets, without a rule
  bool cut_ = false;
  bool whole_ = false;  ///< super-segments have entered uncut
  Agenda* agenda_ = nullptr;
  ParcelPool& packets_;
  std::unique_ptr<QueueRule> rule_;
  EventQueue<Transit> astray_;  ///< on the wire, those that may be overtaken
  LinkStats stats_;

  std::string name_;
  LinkSpec spec_;
  Generator generator_;
  HeaderArena arena_;
  std::unique_ptr<ParcelPool> own_;
  std::vector<Frame> pieces_;  ///< of the super-segment being cut
  /// How long packets take that were seen lately, by size: a network has few sizes, and divisions cost.
  struct Timed {
    std::uint64_t bytes = 0;
    Duration takes;
  };
  mutable std::array<Timed, 8> timed_;
  bool bad_ = false;  ///< state of the burst chain
};
}  // namespace anabranch::sim
