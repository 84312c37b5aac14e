/// What all subflows of a connection share: keys, the two data streams, the closing halves, and what became known.
///
/// Roles read and write it while a segment is taken in or made; they decide nothing beyond their own subflow. What
/// concerns the connection they leave as `News`, which the connection works through when the segment is done.
#pragma once
#include "crypto/wipe.hh"
#include "mptcp/config.hh"
#include "mptcp/counters.hh"
#include "mptcp/data_receive.hh"
#include "mptcp/data_send.hh"
#include "mptcp/dialect.hh"
#include "mptcp/fallback.hh"
#include "stream/close.hh"
#include "stream/memory.hh"
#include "wire/mptcp_option.hh"

#include <variant>
#include <vector>

namespace anabranch::mptcp {

enum class Mode : std::uint8_t { undecided, mptcp, tcp };

// News from a role to the connection.
struct Confirmed {};  ///< both sides know that the path speaks MPTCP
struct Joined {};     ///< an MP_JOIN is complete
struct HeardAddAddr {
  wire::AddAddr option;
};
struct HeardRemoveAddr {
  wire::RemoveAddr option;
};
struct HeardPrio {
  bool backup = false;
  std::optional<wire::AddressId> address;  ///< all subflows with that address of the peer's; else the one it came on
};
struct HeardFastClose {};
struct HeardReset {
  wire::Reset option;
};
struct JoinGaveUp {};           ///< the fourth ACK never came
struct FastCloseUnanswered {};  ///< MP_FASTCLOSE was repeated often enough
struct Counted {
  Counter what{};
};  ///< nothing follows from it, but it is worth a count
struct News {
  SubflowId from;
  std::variant<Confirmed, Joined, HeardAddAddr, HeardRemoveAddr, HeardPrio, HeardFastClose, HeardReset, JoinGaveUp,
               FastCloseUnanswered, Counted>
      what;
};

/// Oddities of peers that change nothing but are worth counting.
enum class Oddity : std::uint8_t {
  data_ack_of_unsent,
  mapping_contradicts,  ///< a second mapping for bytes that have one: the first stays
  mapping_too_many,
  data_fin_contradicts,
  fast_close_wrong_key,
  option_not_for_this_role,
  unknown_option,
};
}  // namespace anabranch::mptcp

template <>
struct anabranch::Names<anabranch::mptcp::Oddity> {
  static constexpr std::string_view list[] = {
      "data_ack_of_unsent",   "mapping_contradicts",      "mapping_too_many", "data_fin_contradicts",
      "fast_close_wrong_key", "option_not_for_this_role", "unknown_option"};
};

namespace anabranch::mptcp {
struct Session {
  Session(SlabPool& pool, const Config& config_, const Dialect& dialect_, wire::Key key,
          stream::MemoryBudget* budget = nullptr)
      : config{config_},
        dialect{dialect_},
        local_key{key},
        local_token{dialect.token_of(key)},
        local_origin{dialect.first_data_seq(key)},
        checksum{config_.checksum},
        memory{budget},
        send{pool, std::min(config_.initial_send_buffer, config_.send_buffer), config_.send_buffer},
        receive{{.initial = config_.initial_receive_buffer, .cap = config_.receive_buffer}} {}

  const Config config;
  const Dialect& dialect;
  const crypto::Secret<wire::Key> local_key;
  const wire::Token local_token;
  DataSeq local_origin;  ///< our data position 0: the IDSN, less what rode on our SYN
  std::optional<crypto::Secret<wire::Key>> remote_key;
  wire::Token remote_token;
  DataSeq remote_origin;
  // RFC 8684 appendix B.2: bytes on the initial subflow's SYN are in no data sequence space, and SSNs do not count them.
  std::uint64_t syn_bytes_out = 0, syn_bytes_in = 0;

  Mode mode = Mode::undecided;  // [8684-3.7-22]
  FallbackReason fallback = FallbackReason::none;
  bool checksum;                    ///< both: what we ask for, then what is in force
  bool wide_acks = true;            ///< the peer's last mapping had 64 bits: so do our DATA_ACKs
  bool no_more_to_initial = false;  ///< the peer's C flag: no joins to its initial address
  bool confirmed = false;           ///< both ends know that the path speaks MPTCP: there may be more subflows
  bool heard_data_ack = false;      ///< on any subflow: windows count from DATA_ACKs from then on
  bool in_sequence = true;          ///< all data so far went over the initial subflow in order
  unsigned alive = 0;               ///< subflows
  unsigned open = 0;                ///< of those, the ones past TCP's handshake
  bool join_in_doubt = false;       ///< our third ACK of a join is unanswered: the peer may have it, or not

  stream::MemoryAccount memory;
  DataSend send;
  DataReceive receive;
  DataPos said_ack{1};  ///< the highest DATA_ACK that left, on any subflow
  stream::Close close;  ///< DATA_FINs; in plain mode the subflow's FINs are told here
  std::vector<News> news;
  Tally<Oddity> oddities;

  void learn_remote_key(wire::Key key) {
    remote_key = key;
    remote_token = dialect.token_of(key);
    remote_origin = DataSeq{dialect.first_data_seq(key).raw - syn_bytes_in};
  }
  void count_syn_bytes_in(std::uint64_t n) {
    if (remote_key) { remote_origin.raw += syn_bytes_in - n; }
    syn_bytes_in = n;
  }
  /// The subflow sequence number of a DSS for our byte at `p`.
  std::uint32_t wire_subflow(SubPos p, bool joined) const {
    return static_cast<std::uint32_t>(joined ? p.n : p.n - syn_bytes_out);
  }
  /// Our DATA_FIN shall leave, or has left and is not acknowledged.
  bool data_fin_owed() const { return mode == Mode::mptcp && close.sending == stream::Sending::fin_sent; }
};
}  // namespace anabranch::mptcp
