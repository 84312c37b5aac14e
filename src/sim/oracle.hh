/// Watches every segment on the wire and knows what must never happen, without asking the stacks.
///
/// It follows the connections of a world from their handshakes, as a passive observer with all keys in sight, and
/// checks at each segment: mapped bytes are those of the pattern at their data position; a mapping never contradicts
/// an earlier one; ACK and DATA_ACK never exceed what was delivered to their sender; the advertised right edge never
/// moves back; no data beyond what the peer allowed; DATA_FIN and FIN stand at the end of what was to be sent.
/// Needs a server port of its own for each connection. RFC 8684 §3.3, RFC 9293 §3.8.6.
#pragma once
#include "base/intervals.hh"
#include "packet/dissect.hh"
#include "sim/pattern.hh"
#include "wire/notation.hh"

#include <array>
#include <map>
#include <optional>
#include <string>

namespace anabranch::sim {

/// What will be written into one direction of a connection.
struct Promise {
  Pattern pattern;
  std::uint64_t bytes = 0;
};

class Oracle {
 public:
  /// From now on the connection to `port` carries `up` (from the client) and `down` (from the server).
  void expect(std::uint16_t port, const Promise& up, const Promise& down);
  /// A stack has handed out this frame (a super-segment or a packet).
  void sent(const Frame& frame);
  /// A frame has reached the host it is for, at this moment.
  void delivered(const Frame& frame);
  /// The first thing that was wrong; nothing while all is well.
  const std::optional<std::string>& violation() const { return violation_; }
  /// What numbers count from in the notation of a segment from `local` to `remote`.
  wire::Origins origins(const Addresses& from_local) const;

 private:
  static constexpr std::size_t kUp = 0, kDown = 1;  // directions of data: from the client, from the server

  /// One direction of a connection's data. Positions: the first byte is 1.
  struct Stream {
    Promise promise;
    std::optional<DataSeq> idsn;
    IntervalSet<std::uint64_t> delivered;
    bool fin_delivered = false;
    std::uint64_t edge_advertised = 0;  ///< the receiver's: highest position it has ever allowed, exclusive
    std::uint64_t edge_known = 0;       ///< the same, as far as it has reached the sender; 0: nothing yet
    std::uint64_t acked_known = 1;
  };
  struct Conversation {
    std::array<Stream, 2> streams;
  };
  struct MappedRange {
    std::uint64_t data = 0, length = 0;
  };
  /// One direction of a TCP connection. Positions: SYN is 0.
  struct Half {
    std::optional<SeqNum> isn;
    std::uint8_t scale = 0;
    bool offers_scale = false;
    std::uint64_t highest = 1;  ///< end of what was sent; to unwrap numbers near it
    IntervalSet<std::uint64_t> delivered;
    std::optional<std::uint64_t> fin;
    bool fin_delivered = false;
    std::uint64_t edge_advertised = 0;              ///< at the subflow's level, for plain TCP
    std::map<std::uint64_t, MappedRange> mappings;  ///< by first subflow position
    std::optional<MappedRange> infinite;            ///< data and subflow position (in `length`) it starts at
  };
  struct Flow {
    Conversation* conversation = nullptr;
    std::array<Half, 2> halves;
    std::array<std::optional<DataSeq>, 2> idsn;  ///< of the keys on its SYNs, if it opens a connection
    bool multipath = false;                      ///< options of MPTCP stood on both SYN and SYN/ACK
    bool offered = false;                        ///< one stood on the SYN
    bool joined = false;                         ///< it was MP_JOIN: never plain TCP
  };
  struct Seen {  ///< a segment with what it belongs to
    Flow& flow;
    std::size_t direction;
    const Segment& segment;
    Half& half() const { return flow.halves[direction]; }
    Half& other() const { return flow.halves[1 - direction]; }
    Stream& stream() const { return flow.conversation->streams[direction]; }
    Stream& reverse() const { return flow.conversation->streams[1 - direction]; }
  };
  using Key = std::pair<SocketAddress, SocketAddress>;  ///< client, server

  std::optional<Seen> find(const Dissected& dissected, bool may_open);
  void sent_syn(const Seen& seen);
  void learn_keys(const Seen& seen);
  void sent_mapping(const Seen& seen);
  void add_mapping(const Seen& seen, std::uint64_t sub, std::uint64_t data, std::uint64_t length);
  void sent_payload(const Seen& seen);
  void sent_acknowledgment(const Seen& seen);
  void sent_data_ack(const Seen& seen, const wire::DataSeqForm& ack);
  void sent_window(const Seen& seen);
  void delivered_payload(const Seen& seen);
  void delivered_window(const Seen& seen);
  /// Calls f(data position, offset in payload, length) for each part of the payload whose data position is known.
  template <class F>
  void each_mapped(const Seen& seen, F&& f);
  std::uint64_t position(const Half& half, SeqNum seq) const;
  static std::uint64_t window_of(const Seen& seen);
  static std::uint64_t prefix(const IntervalSet<std::uint64_t>& set) { return set.first_gap(1); }
  void fail(const Seen& seen, std::string what);

  std::map<std::uint16_t, Conversation> conversations_;
  std::map<Key, Flow> flows_;
  std::optional<std::string> violation_;
};
}  // namespace anabranch::sim
