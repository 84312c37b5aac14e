/// Which bytes leave once more on another subflow before their own has failed, and which path shall carry less.
///
/// Values in, values out: it is shown the subflows when one of them has room and nothing fresh may leave, and orders
/// copies of what a quicker one delivers sooner. Each byte is copied once at most; what a dead subflow held is another
/// matter (`Connection::take_over`). Knows nothing of contents. Owned by a connection. RFC 8684 §3.3.6, RFC 8041 §2.2.
#pragma once
#include "base/intervals.hh"
#include "base/names.hh"
#include "mptcp/mapping_tx.hh"
#include "mptcp/subflow_id.hh"
#include "tcp/sent.hh"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

namespace anabranch::mptcp {

/// How the subflow that holds up all others is made to carry less.
enum class Penalty : std::uint8_t {
  off,
  halve_window,  ///< its congestion window and threshold, as after a loss
  hold_back,     ///< it is given less than its congestion window allows, which stays as it is
};

/// What of it is done; part of a connection's `Config`. Reasons and defaults: docs/buffers.md.
struct Reinjection {
  /// The window or the send buffer is full because of what a slower subflow holds: a quicker one with room sends it too.
  bool opportunistic = true;
  Penalty penalise = Penalty::hold_back;  ///< in the same case
  /// Nothing more waits to be sent, and a quicker subflow with room would deliver the last bytes sooner: it sends them too.
  bool trailing = true;
  /// No subflow but the one with the shortest round trip is given more than three times what its path holds without a
  /// queue: what waits in a queue of seconds must be kept in order here and there (RFC 8041 §2.2).
  bool cap_bufferbloat = false;
  /// A subflow on which nothing comes back for longer than it should, while others are answered, gets nothing new.
  bool avoid_silent = true;
  /// One that has been stalled for so long while others are answered is reset; the path manager may open another. 0: never.
  Duration reset_stuck_after = {30'000'000'000};
};

class ReinjectionControl {
 public:
  explicit ReinjectionControl(const Reinjection& options) : options_{options} {}

  /// A subflow that may carry data.
  struct Carrier {
    SubflowId id;
    Bytes room;                                   ///< may leave now
    Bytes window;                                 ///< congestion window
    Bytes in_flight, queued;                      ///< sent and not acknowledged; bound to it and not sent
    Bytes packet;                                 ///< of data in a full packet
    Duration srtt{}, rttvar{}, min_rtt{}, rto{};  ///< srtt zero: no sample yet
    Duration latest_rtt{};                        ///< the latest sample
    Rate throughput{};                            ///< what arrives while it is kept busy; zero: not known
    Instant heard{};                              ///< the peer was last heard on it
    const MappingTx* rides = nullptr;             ///< what it holds; valid during the call
    SubPos sent_up_to, acknowledged;
    const tcp::Sent* sent = nullptr;  ///< what became of it; valid during the call; null: nothing is known
    bool avoided = false;             ///< stalled, or withdrawn by the peer: others have its data already
    bool backup = false;
    bool recovering = false;  ///< it mends a loss
  };

  /// Why nothing fresh leaves although there is room.
  enum class Idle : std::uint8_t {
    window_full,  ///< the peer's window, and there is more to send
    buffer_full,  ///< the application has more to write than the send buffer takes
    all_sent,
  };
  struct Situation {
    Instant now;
    DataPos una;
    Idle idle;
  };
  struct Copy {
    DataPos begin, end;
    SubflowId from;
    bool operator==(const Copy&) const = default;
  };
  struct Orders {
    std::vector<Copy> copies;            ///< in no order
    std::optional<SubflowId> penalised;  ///< it holds up the others; its window is to be halved if that is the option
    Instant again = Instant::never();    ///< when something may have changed without a segment
  };
  Orders look(const Situation& situation, std::span<const Carrier> carriers);

  /// How much may be on this subflow, sent or bound, whatever its congestion window says.
  Bytes most_on(const Carrier& c, std::span<const Carrier> all, Instant now);
  /// Whether it should have been answered by now, and others were.
  bool silent(const Carrier& c, std::span<const Carrier> all, Instant now) const;
  /// When `silent` may become true if nothing is heard.
  static Instant silent_at(const Carrier& c);

  /// `most_on` may say less than everything, and wants to be asked often.
  bool restrains() const {
    return options_.cap_bufferbloat ||
           std::ranges::any_of(records_, [](const Record& r) { return r.limit < kNoLimit; });
  }

  void acknowledged(DataPos una) { copied_.remove_below(una); }
  void forget(SubflowId id);

  std::uint64_t penalties() const { return penalties_; }
  const Reinjection& options() const { return options_; }

  static constexpr Bytes kNoLimit{~std::uint64_t{0}};
  /// More than one packet in flight, or acknowledgments are delayed and losses found by timeouts only.
  static constexpr std::uint64_t kLeastPackets = 4;
  /// RFC 6928: what may leave at once on a path of which nothing is known is no burden for its queue.
  static constexpr std::uint64_t kUncappedPackets = 10;
  /// Times what the path holds without a queue: as much again as losses and late acknowledgments may ask for. Below
  /// `kQueued` times the shortest round trip there is no queue to speak of.
  static constexpr std::uint64_t kBloat = 3;
  static constexpr std::int64_t kQueued = 2;

 private:
  /// Of a subflow that was penalised, or is measured.
  struct Record {
    SubflowId id;
    Bytes limit = kNoLimit;  ///< hold_back
    Instant penalised{}, grown{};
    SubPos measured_from{};  ///< cap_bufferbloat: what it delivered since then
    Instant measured_since{};
    Rate rate{};  ///< the best of the last round trips
  };
  /// Of those that may carry copies, the quickest; the next one after `before`, if that is given.
  const Carrier* quickest(std::span<const Carrier> carriers, Instant now, const Carrier* before) const;
  void copy_from(const Carrier& holder, const Carrier& by, const Situation& s, Bytes& budget, Orders& out);
  bool penalise(const Carrier& holder, Instant now);
  Bytes held_back(Record& r, const Carrier& c, Instant now) const;
  Bytes without_bloat(const Carrier& c, std::span<const Carrier> all, Instant now);
  Record* find(SubflowId id);
  Record& record(SubflowId id);

  Reinjection options_;
  IntervalSet<DataPos> copied_;  ///< not acknowledged yet
  std::vector<Record> records_;
  std::uint64_t penalties_ = 0;
};
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Penalty> {
  static constexpr std::string_view list[] = {"off", "halve_window", "hold_back"};
};
template <>
struct anabranch::Names<anabranch::mptcp::ReinjectionControl::Idle> {
  static constexpr std::string_view list[] = {"window_full", "buffer_full", "all_sent"};
};
