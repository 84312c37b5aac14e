/// Machines on a path that do more than forward: translators, firewalls, proxies, and boxes that tidy options away.
///
/// A `Middlebox` stands in the middle of a link and is handed each packet (never a super-segment) with the way it goes;
/// what leaves it, and which way, is its own business: it may drop, change, hold, repeat, or answer. Time comes in as an
/// argument, chance as a generator, so boxes serve virtual and real time alike. What each kind does, in words:
/// `describe`. Owned by the link. Boxes keep a bounded number of flows and packets.
#pragma once
#include "base/names.hh"
#include "base/random.hh"
#include "base/units.hh"
#include "packet/frame.hh"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace anabranch::sim {

/// Along a link: from its first end to its second, or back.
enum class Way : std::uint8_t { forth, back };
constexpr Way reversed(Way way) { return way == Way::forth ? Way::back : Way::forth; }
/// The packets that a box turns on: those of one way, or all.
enum class Ways : std::uint8_t { forth, back, both };
constexpr bool contains(Ways ways, Way way) {
  return ways == Ways::both || (ways == Ways::forth) == (way == Way::forth);
}

/// A frame that leaves a box.
struct Sent {
  Way way{};
  Frame frame;
};

class Middlebox {
 public:
  virtual ~Middlebox() = default;
  /// A packet comes along. Appends what leaves the box because of it, in order. A frame that the box made itself bears
  /// the interface of one that it saw.
  virtual void pass(Way way, Frame packet, Instant now, std::vector<Sent>& out) = 0;
  /// When on_time is wanted; never: nothing is held.
  virtual Instant next() const { return Instant::never(); }
  virtual void on_time(Instant now, std::vector<Sent>& out) {
    (void)now;
    (void)out;
  }
};

/// What boxes do, by name.
enum class Meddling : std::uint8_t {
  none,
  // --- options that vanish
  strip_all,
  strip_after_syn,
  strip_capable_syn,
  strip_capable_syn_ack,
  strip_capable_third_ack,
  strip_capable_data,
  strip_join,
  strip_join_syn,
  strip_join_syn_ack,
  strip_join_third_ack,
  strip_join_fourth_ack,
  strip_dss,
  strip_dss_later,
  strip_data_ack,
  eol_after_handshake,
  strip_add_addr,
  strip_add_addr_echo,
  strip_remove_addr,
  strip_prio,
  strip_fast_close,
  strip_window_scale,
  strip_timestamps,
  bleach_ecn,
  // --- packets that vanish, and answers from nowhere
  drop_capable_syn,
  drop_unknown_syn,
  answer_syn,
  inject_reset,
  join_elsewhere,
  // --- numbers and addresses that change
  nat,
  nat_rebind,
  shift_isn,
  shift_isn_not_sack,
  // --- segments that change their shape
  split_copy_all,
  split_copy_first,
  split_copy_last,
  coalesce_keep_first,
  coalesce_keep_last,
  coalesce_keep_none,
  // --- contents that change
  edit_payload,
  edit_length,
  corrupt_mapping_length,
  corrupt_data_seq,
  double_dss,
  // --- proxies
  ack_early,
  hold_above_holes,
  drop_above_holes,
  // --- disorder
  duplicate,
  reorder,
  replay,
  count_,
};

/// One sentence: what such a box does to packets.
std::string_view describe(Meddling meddling);
/// Whether packets arrive with other addresses, numbers or contents than they were sent with, so that who watches both
/// ends (sim/oracle.hh) cannot compare.
bool translates(Meddling meddling);

struct BoxSettings {
  SlabPool& pool;       ///< outlives the box
  Generator generator;  ///< decides what the box leaves to chance
  Ways ways = Ways::both;
  std::uint32_t mtu = 1500;       ///< largest packet the box makes
  bool changes_addresses = true;  ///< a translator takes the last byte of the address too, not only the port: for
                                  ///< links where nobody asks who has an address
};
/// A box of that kind; nothing for `none`.
std::unique_ptr<Middlebox> make_middlebox(Meddling meddling, const BoxSettings& settings);

/// Boxes one behind the other, in the order met by packets that go forth.
std::unique_ptr<Middlebox> in_series(std::vector<std::unique_ptr<Middlebox>> boxes);
/// Loses each packet with this probability: a lossy stretch in front of, or between, boxes.
std::unique_ptr<Middlebox> lossy(double probability, Generator generator);
/// For tests: sees each packet and may change it; false: it vanishes.
std::unique_ptr<Middlebox> filter(std::function<bool(Way way, Frame& packet)> sieve);
}  // namespace anabranch::sim

template <>
struct anabranch::Names<anabranch::sim::Way> {
  static constexpr std::string_view list[] = {"forth", "back"};
};
template <>
struct anabranch::Names<anabranch::sim::Ways> {
  static constexpr std::string_view list[] = {"forth", "back", "both"};
};
template <>
struct anabranch::Names<anabranch::sim::Meddling> {
  static constexpr std::string_view list[] = {"none",
                                              "strip_all",
                                              "strip_after_syn",
                                              "strip_capable_syn",
                                              "strip_capable_syn_ack",
                                              "strip_capable_third_ack",
                                              "strip_capable_data",
                                              "strip_join",
                                              "strip_join_syn",
                                              "strip_join_syn_ack",
                                              "strip_join_third_ack",
                                              "strip_join_fourth_ack",
                                              "strip_dss",
                                              "strip_dss_later",
                                              "strip_data_ack",
                                              "eol_after_handshake",
                                              "strip_add_addr",
                                              "strip_add_addr_echo",
                                              "strip_remove_addr",
                                              "strip_prio",
                                              "strip_fast_close",
                                              "strip_window_scale",
                                              "strip_timestamps",
                                              "bleach_ecn",
                                              "drop_capable_syn",
                                              "drop_unknown_syn",
                                              "answer_syn",
                                              "inject_reset",
                                              "join_elsewhere",
                                              "nat",
                                              "nat_rebind",
                                              "shift_isn",
                                              "shift_isn_not_sack",
                                              "split_copy_all",
                                              "split_copy_first",
                                              "split_copy_last",
                                              "coalesce_keep_first",
                                              "coalesce_keep_last",
                                              "coalesce_keep_none",
                                              "edit_payload",
                                              "edit_length",
                                              "corrupt_mapping_length",
                                              "corrupt_data_seq",
                                              "double_dss",
                                              "ack_early",
                                              "hold_above_holes",
                                              "drop_above_holes",
                                              "duplicate",
                                              "reorder",
                                              "replay"};
};
