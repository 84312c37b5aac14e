/// One subflow of a connection: a TCP endpoint, its role, its mappings, its ids.
///
/// Stands between them: it is the endpoint's source, sink and role, and hands each question to the part that knows.
/// Owned by a connection, which schedules it, closes it and hears its end. RFC 8684 §3.3.
#pragma once
#include "mptcp/doubt.hh"
#include "mptcp/path_manager.hh"
#include "mptcp/roles/plain.hh"
#include "mptcp/roles/role.hh"
#include "mptcp/session.hh"
#include "tcp/endpoint.hh"

namespace anabranch::mptcp {

/// Where a subflow runs and what its interface can do: the stack knows, the connection does not choose.
struct Way {
  anabranch::Addresses addresses;
  InterfaceId interface;
  std::uint32_t mtu = 1500;
  std::uint32_t super_segment = 0;  ///< largest frame with a cut; 0: single packets only
  SeqNum isn;
  std::optional<tcp::Answered> answered = {};      ///< passive: the SYN/ACK has left already
  std::optional<std::uint32_t> stamp_offset = {};  ///< as tcp::Config
};

class Subflow final : private tcp::Source, private tcp::Sink, private tcp::Role {
 public:
  Subflow(Env& env, Session& session, const cc::Group& group, const Way& way, Lane lane,
          std::unique_ptr<SubflowRole> role);

  void connect(Instant now, const std::optional<tcp::FastOpenOffer>& offer = {}) {
    endpoint_.connect(way_.isn, now, offer);
  }
  tcp::Verdict accept(const Segment& syn, Instant now, const tcp::FastOpenGrant& grant = {});
  tcp::Endpoint& endpoint() { return endpoint_; }
  const tcp::Endpoint& endpoint() const { return endpoint_; }
  Lane& lane() { return lane_; }
  const Lane& lane() const { return lane_; }
  SubflowId id() const { return lane_.id; }
  const Way& way() const { return way_; }
  SubflowRole& role() { return *role_; }
  const SubflowRole& role() const { return *role_; }

  /// May be given data: established, its role carries data, and we have not finished it.
  bool carries_data() const;
  bool plain() const { return plain_ != nullptr; }
  bool has_signals() const { return wants_segment(); }  ///< options that nobody has sent yet, even without data
  bool backup() const { return lane_.local_backup || lane_.remote_backup; }
  bool peer_finished() const { return peer_finished_; }
  /// The payload of a full packet of data, beside TCP's and MPTCP's options.
  Bytes packet() const;
  /// Binds bytes of the connection to the end of this subflow (RFC 8684 §3.3.1).
  void bind(DataPos data, Chain bytes, Instant now);
  /// What is outstanding below has been carried here (perhaps more), whoever else did.
  DataPos carried_up_to() const { return std::max(carried_, session_.send.una()); }
  /// The same, past all that is bound here now.
  DataPos first_missed();
  /// In-order bytes that no good mapping covers were found: judged and, if falling back, taken in. A reset otherwise.
  /// While the third ACK of a join is unanswered only the peer knows whether this subflow is the only one: it waits.
  void resolve_trouble(Instant now);
  /// The peer acknowledges data as TCP does and says nothing of MPTCP any more: judged.
  void distrust(Instant now);
  /// From now on it says MP_FASTCLOSE and nothing else, until an RST comes.
  void begin_fast_close();
  Instant deadline() const;
  void on_deadline(Instant now);
  SubflowInfo info() const;
  std::uint64_t received() const { return received_; }  ///< in-order bytes
  /// As `info().ended_by`, when it is over. The first reason stays.
  void set_ended_by(std::string_view why) {
    if (ended_by_.empty()) { ended_by_ = why; }
  }
  std::string_view ended_by() const { return ended_by_; }
  /// The peer's RST said why, in the words of RFC 8684 §3.6.
  void reset_by_peer(const wire::Reset& why);
  /// How it ended: whether and when the same path may be tried again.
  Loss loss() const;
  /// A join was answered as by somebody who does not know the connection (any more).
  bool unknown_to_peer() const;
  /// Asks whether the path still lives; what cannot be asked ends at once.
  void question(Doubt::Cause cause, Instant now);
  /// An acceptable segment came: it may be the answer.
  void heard(Instant now);
  Instant heard_at() const { return heard_at_; }  ///< the last one
  /// MP_PRIO has just been said, and nobody will answer it: it is said again, twice, a timeout apart.
  void repeat_priority(Instant now);
  bool troubled() const { return trouble_.has_value(); }  ///< has bytes that `resolve_trouble` shall judge
  bool in_question() const { return doubt_.has_value(); }
  Doubt::Cause cause() const { return doubt_->cause(); }  ///< only when in question
  /// Better left alone by whoever has a choice: silent for too long, withdrawn or given up by the peer.
  bool doubtful() const { return stalled || (doubt_ && doubt_->cause() != Doubt::Cause::replaced); }

  // Kept by the connection:
  bool opened_by_peer = false;
  bool backup_told = false;  ///< what the application was told of its priority last
  bool by_hand = false;      ///< the application opened it, or chose its priority: no path manager changes that
  bool was_up = false;       ///< has carried data, or could have
  bool stalled = false;      ///< its retransmission timer expired and nothing came back since
  bool over = false;         ///< ended; its data was handed to the others
  Instant stalled_since{};   ///< when stalled
  Rate cap;                  ///< its share of its address's
  Instant data_at{};         ///< data came or left for the last time; or it came up then
  bool silent = false;       ///< nothing more can or shall leave: may be erased

 private:
  // tcp::Source
  SubPos end() const override { return lane_.tx.end(); }
  Chain bytes(SubPos at, Bytes at_most) override { return lane_.tx.bytes(at, at_most); }
  void acknowledged(SubPos up_to) override;
  // tcp::Sink
  void deliver(SubPos at, Chain in_order, Instant now) override;
  void peer_finished(SubPos at, Instant now) override;
  Bytes window() override { return session_.receive.window(); }
  Bytes reorder_room() const override { return session_.receive.reorder_room(); }
  Bytes memory_room(bool in_order) const override {
    return in_order ? session_.memory.room_in_order() : session_.memory.room_out_of_order();
  }
  // tcp::Role
  tcp::Verdict read(const Segment& segment, SubPos at, SubPos acknowledges, Instant now) override;
  void write(const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) override;
  std::size_t data_option_bytes(SubPos at) const override { return role_->data_option_bytes(session_, at); }
  bool single_packet(SubPos at) const override { return role_->single_packet(at); }
  bool wants_segment() const override {
    return !plain_ && (lane_.dss_owed || (!lane_.signals.empty() && role_->sends_signals()));
  }
  SubPos send_limit(SubPos ack, Bytes window, SubPos previous) override;

  void settle_syn_data(SubPos acknowledged, Instant now);
  /// The first of the peer's bytes that was not taken in.
  SubPos plain_from() const { return trouble_ ? trouble_->at : lane_.rx.next(); }
  tcp::Verdict obey(Finding finding, FallbackReason why, SubPos from);
  void become_plain(FallbackReason why, Plain role);
  Evidence evidence(Finding finding) const;

  static constexpr Duration kJoinPatience{
      1'000'000'000};  ///< time for a repetition of the third ACK, RFC 6298's first RTO
  struct Trouble {
    Finding finding;
    SubPos at;
    Chain rest;
    Instant until;  ///< to be judged, whatever became of a join
  };

  Session& session_;
  Way way_;
  Lane lane_;
  std::unique_ptr<SubflowRole> role_;
  const Plain* plain_ = nullptr;  ///< role_, when it is that
  std::optional<Trouble> trouble_;
  DataPos carried_{1}, furthest_{1};  ///< without a gap; at all
  DataPos acknowledged_data_{1};      ///< what the subflow's own ACKs say of the connection's data
  bool peer_finished_ = false;
  Instant heard_at_{};
  std::uint64_t received_ = 0;
  std::string_view ended_by_;
  std::optional<wire::Reset> reset_;  ///< the peer's MP_TCPRST
  bool refused_here_ = false;         ///< the RST was ours: what came on this path was not what the RFC wants
  std::optional<Doubt> doubt_;
  struct Repetition {
    unsigned left = 0;
    Duration wait;
    Instant at = Instant::never();
  } priority_;              ///< of MP_PRIO
  tcp::Endpoint endpoint_;  ///< last: borrows this object
};
}  // namespace anabranch::mptcp
