#include "mptcp/subflow.hh"

#include "mptcp/roles/capable_client.hh"
#include "mptcp/roles/fast_closing.hh"
#include "wire/checksum.hh"
#include "wire/option_space.hh"

#include <algorithm>

namespace anabranch::mptcp {
namespace {
constexpr std::uint32_t kTcpHeader = 20;

/// A join that is not answered is over after some ten seconds; the path manager tries again, with pauses that fit.
constexpr unsigned kJoinSynRetries = 1;

tcp::Config endpoint_config(const Session& session, const Way& way, const Lane& lane) {
  tcp::Config config = session.config.tcp;
  if (lane.joined) {
    config.syn_retries = std::min(config.syn_retries, kJoinSynRetries);
    if (session.config.paths.probe_idle > Duration{}) { config.keepalive_idle = session.config.paths.probe_idle; }
  }
  config.mtu = way.mtu;
  config.ip_header = way.addresses.remote.address.family == Family::v4 ? 20 : 40;
  const std::uint32_t headers = config.ip_header + kTcpHeader + static_cast<std::uint32_t>(wire::kOptionSpace);
  if (!config.stamp_offset) { config.stamp_offset = way.stamp_offset; }
  config.super_segment = way.super_segment > headers ? std::min(way.super_segment, 65535u) - headers : 0;
  return config;
}
}  // namespace

Subflow::Subflow(Env& env, Session& session, const cc::Group& group, const Way& way, Lane lane,
                 std::unique_ptr<SubflowRole> role)
    : session_{session},
      way_{way},
      lane_{std::move(lane)},
      role_{std::move(role)},
      plain_{dynamic_cast<const Plain*>(role_.get())},
      endpoint_{env, *this, *this, *this, group, endpoint_config(session, way, lane_)} {}

/// With a grant, what rides on the SYN is the application's at once, outside the data sequence numbers (RFC 8684 B.2).
tcp::Verdict Subflow::accept(const Segment& syn, Instant now, const tcp::FastOpenGrant& grant) {
  if (way_.answered) { return endpoint_.accept(syn, way_.isn, *way_.answered, now); }
  if (!grant.take_data) { return endpoint_.accept(syn, way_.isn, now, grant); }
  session_.count_syn_bytes_in(syn.payload.size().n);
  const tcp::Verdict verdict = endpoint_.accept(syn, way_.isn, now, grant);
  session_.count_syn_bytes_in(endpoint_.negotiated().syn_data);  // as far as the window took it
  lane_.rx.start_at(SubPos{1} + session_.syn_bytes_in);
  return verdict;
}

bool Subflow::carries_data() const {
  return role_->carries_data() && endpoint_.may_send() && !trouble_ &&
         endpoint_.close_state().sending == stream::Sending::open && !(peer_finished_ && !plain_);
}

Bytes Subflow::packet() const {
  const std::size_t options = (role_->data_option_bytes(session_, lane_.tx.end()) + 3) / 4 * 4;
  return std::max(endpoint_.segment() - Bytes{options}, Bytes{1});
}

void Subflow::bind(DataPos data, Chain bytes, Instant now) {
  data_at = now;
  std::optional<std::uint16_t> checksum;
  if (session_.checksum && !plain_) {
    wire::Sum sum;
    for (const Slice& slice : bytes.slices()) { sum.add(slice.bytes()); }
    checksum =
        wire::dss_checksum(wrap(data, session_.local_origin).raw, session_.wire_subflow(lane_.tx.end(), lane_.joined),
                           static_cast<std::uint16_t>(bytes.size().n), sum);
  }
  const DataPos end = data + bytes.size().n;
  if (data <= carried_up_to()) { carried_ = std::max(carried_up_to(), end); }
  furthest_ = std::max(furthest_, end);
  lane_.tx.bind(data, std::move(bytes), checksum, now);
}

DataPos Subflow::first_missed() {
  carried_ = carried_up_to();
  for (bool moved = carried_ < furthest_; moved;) {  // else nothing was bound out of turn: the usual case
    moved = false;
    for (const TxMapping& m : lane_.tx.mappings()) {
      if (m.data > carried_ || m.data_end() <= carried_) { continue; }
      carried_ = m.data_end();
      moved = true;
    }
  }
  return carried_;
}

void Subflow::acknowledged(SubPos up_to) {
  up_to = std::min(up_to, lane_.tx.end());
  if (up_to > SubPos{1}) {
    if (const TxMapping* m = lane_.tx.at(up_to - 1)) {
      acknowledged_data_ = std::max(acknowledged_data_, m->data + (up_to - m->sub));
    }
  }
  lane_.tx.acknowledged(up_to);
  if (plain_) { session_.send.on_data_ack(acknowledged_data_); }  // [8684-3.7-19]
}

void Subflow::deliver(SubPos at, Chain in_order, Instant now) {
  received_ += in_order.size().n;
  if (!lane_.joined && at <= SubPos{session_.syn_bytes_in}) {  // the SYN's payload comes alone, before all else
    session_.receive.insert(DataPos{at.n}, std::move(in_order));
    return;
  }
  if (plain_) {
    session_.receive.insert(plain_->from().data + (at - plain_->from().sub), std::move(in_order));  // [8684-3.7-20]
    return;
  }
  if (trouble_) {
    trouble_->rest.append(in_order);
    return;
  }
  if (session_.receive.held() && !session_.memory.joins(in_order.size())) {
    session_.news.push_back({lane_.id, Counted{Counter::memory_dropped}});
    session_.receive.drop_out_of_order();
  }
  MappingRx::Translated t = lane_.rx.deliver(at, std::move(in_order), session_.checksum);
  for (MappingRx::Piece& piece : t.pieces) { session_.receive.insert(piece.at, std::move(piece.bytes)); }
  if (t.trouble == MapTrouble::none) { return; }
  const Finding finding = t.trouble == MapTrouble::missing ? Finding::mapping_missing : Finding::checksum_wrong;
  trouble_ = Trouble{finding, t.at, std::move(t.rest), now + kJoinPatience};
}

void Subflow::peer_finished(SubPos at, Instant) {
  peer_finished_ = true;
  if (plain_) { session_.receive.fin_at(plain_->from().data + (at - plain_->from().sub)); }
}

tcp::Verdict Subflow::read(const Segment& segment, SubPos at, SubPos acknowledges, Instant now) {
  lane_.told_ack.reset();
  Step step = role_->read(session_, lane_, {segment, at, acknowledges, now});
  const bool has_signal = std::ranges::any_of(
      segment.mptcp, [](const wire::MptcpOption& o) { return !std::holds_alternative<wire::Dss>(o); });
  const bool answers_syn = segment.flags.syn && segment.flags.ack && endpoint_.phase() == tcp::Phase::syn_sent;
  if (answers_syn && std::holds_alternative<Stay>(step)) { settle_syn_data(acknowledges, now); }
  return std::visit(Overloaded{
                        [&](Stay&) -> tcp::Verdict { return tcp::Taken{has_signal}; },
                        [&](Become& b) -> tcp::Verdict {
                          role_ = std::move(b.successor);
                          return tcp::Taken{has_signal};
                        },
                        [this](Found& f) { return obey(f.finding, f.why, plain_from()); },
                        [this](Refuse& r) -> tcp::Verdict {
                          refused_here_ = true;
                          set_ended_by(name(r.reason));
                          return tcp::ResetWith{r.reason};
                        },
                        [](Ignore&) -> tcp::Verdict { return tcp::Drop::role_refused; },
                    },
                    step);
}

void Subflow::write(const tcp::Plan& plan, wire::MptcpOptions& out, Instant now) {
  role_->write(session_, lane_, plan, out, now);
}

SubPos Subflow::send_limit(SubPos ack, Bytes window, SubPos previous) {
  if (plain_) {
    // One subflow, bound in order: the last byte bound is the last byte sent of the connection.
    const DataPos data = session_.send.next() - (lane_.tx.end() - ack);
    session_.send.raise_limit(data + window.n);
    return ack + window.n;
  }
  // A late segment must not lend its window to a newer DATA_ACK (§3.3.5), and one without a DATA_ACK says nothing of
  // the connection once there has been one (§3.3.2). [8684-3.3.2-03 8684-3.3.5-01]
  if (lane_.told_ack || !session_.heard_data_ack) {
    session_.send.raise_limit(lane_.told_ack.value_or(DataPos{1}) + window.n);
  }
  return std::max(previous, ack + window.n);  // [8684-3.3.5-03]
}

/// The peer speaks MPTCP. What it took from our SYN is outside the data sequence numbers, for good; what it did not take
/// is data like any other, and is mapped anew (RFC 8684 appendix B.2, B.3).
void Subflow::settle_syn_data(SubPos acknowledged, Instant now) {
  if (lane_.tx.empty() || plain_ || lane_.joined) { return; }
  const std::uint64_t taken = acknowledged - SubPos{1};
  const TxMapping all = lane_.tx.mappings().front();
  const Chain rest = all.bytes.part({taken}, all.bytes.size() - Bytes{taken});
  session_.syn_bytes_out = taken;
  session_.local_origin = DataSeq{session_.local_origin.raw - taken};
  session_.send.on_data_ack(all.data + taken);
  lane_.tx = MappingTx{SubPos{1} + taken};
  if (!rest.empty()) { bind(all.data + taken, rest, now); }
}

Evidence Subflow::evidence(Finding finding) const {
  // A client cannot know whether its third ACK of a join has arrived: from then on it counts as another subflow. A
  // peer that gives up by itself has not seen it, and then nothing went that way.
  const bool told = finding == Finding::peer_reports_failure || finding == Finding::infinite_mapping;
  return {.finding = finding,
          .only_subflow = told ? session_.in_sequence : session_.open <= 1,
          .joined = lane_.joined,
          .in_sequence = session_.in_sequence,
          .checksum_seen = lane_.rx.ever_verified(),
          .data_acked = lane_.heard_mapping && session_.said_ack > DataPos{1}};
}

/// Does what the verdict says. `from`: the first of the peer's bytes that count plainly.
tcp::Verdict Subflow::obey(Finding finding, FallbackReason why, SubPos from) {
  const Verdict verdict = judge(evidence(finding));
  const bool resets = verdict == Verdict::reset_subflow || verdict == Verdict::fail_and_reset_subflow;
  if (!resets && verdict != Verdict::carry_on) {
    // What waits for the rest of its mapping, to be checked with it, will wait in vain.
    if (Chain waiting = lane_.rx.take_pending(); !waiting.empty()) {
      session_.receive.insert(session_.receive.next(), std::move(waiting));
    }
  }
  const Plain::From plainly{from, session_.receive.next()};
  switch (verdict) {
    case Verdict::carry_on: return tcp::Taken{};
    case Verdict::become_tcp: become_plain(why, Plain{plainly}); return tcp::Taken{};
    case Verdict::infinite_mapping: become_plain(why, Plain{plainly, lane_.tx.end()}); return tcp::Taken{};
    case Verdict::fail_and_become_tcp: {  // also the answer to MP_FAIL, so that both directions revert [8684-3.7-14]
      Plain role{plainly, lane_.tx.end()};
      role.set_fail(wrap(session_.receive.next(), session_.remote_origin).raw,
                    finding == Finding::peer_reports_failure);
      become_plain(why, std::move(role));
      endpoint_.send_ack();
      return tcp::Taken{};
    }
    case Verdict::fail_and_reset_subflow: lane_.fail_on_reset = true; [[fallthrough]];
    case Verdict::reset_subflow: break;
  }
  refused_here_ = true;
  set_ended_by(name(finding));
  return tcp::ResetWith{wire::ResetReason::middlebox_interference};
}

void Subflow::become_plain(FallbackReason why, Plain role) {
  session_.mode = Mode::tcp;
  session_.fallback = why;
  auto plain = std::make_unique<Plain>(std::move(role));
  plain_ = plain.get();
  role_ = std::move(plain);
  session_.send.on_data_ack(acknowledged_data_);
}

void Subflow::resolve_trouble(Instant now) {
  if (!trouble_) { return; }
  if (plain_) {  // the peer has said meanwhile what this is
    Trouble t = *std::exchange(trouble_, {});
    received_ -= t.rest.size().n;
    return deliver(t.at, std::move(t.rest), now);
  }
  if (session_.join_in_doubt && session_.in_sequence && !lane_.joined && now < trouble_->until) { return; }
  Trouble t = *std::exchange(trouble_, {});
  if (t.finding == Finding::checksum_wrong) {
    session_.news.push_back({lane_.id, Counted{Counter::data_checksum_errors}});
  }
  const auto why =
      t.finding == Finding::checksum_wrong ? FallbackReason::checksum_failed : FallbackReason::mapping_missing;
  const tcp::Verdict verdict = obey(t.finding, why, t.at);
  if (const auto* reset = std::get_if<tcp::ResetWith>(&verdict)) {
    endpoint_.abort(reset->reason);
  } else {
    received_ -= t.rest.size().n;
    deliver(t.at, std::move(t.rest), now);
  }
}

void Subflow::begin_fast_close() {
  constexpr Duration kLeast{
      200'000'000};  // as for other repetitions: an RTO that is shorter was measured on idle links
  role_ = std::make_unique<FastClosing>(std::max(endpoint_.info().rto, kLeast));
  lane_.signals.clear();
  lane_.dss_owed = true;  // an ACK leaves for it
}

void Subflow::distrust(Instant) {
  const tcp::Verdict verdict = obey(Finding::no_dss_from_peer, FallbackReason::no_dss_from_peer, plain_from());
  if (const auto* reset = std::get_if<tcp::ResetWith>(&verdict)) {
    set_ended_by(name(Finding::no_dss_from_peer));
    endpoint_.abort(reset->reason);
  }
}

void Subflow::on_deadline(Instant now) {
  if (role_->deadline() <= now) { role_->on_deadline(session_, lane_, now); }
  if (endpoint_.deadline() <= now) { endpoint_.on_deadline(now); }
  if (priority_.at <= now) {
    lane_.signals.push_back(wire::Prio{lane_.local_backup});
    priority_.wait = priority_.wait * 2;
    priority_.at = --priority_.left != 0 ? now + priority_.wait : Instant::never();
  }
  if (!doubt_) { return; }
  switch (doubt_->on_deadline(now)) {
    case Doubt::Ask::nothing: break;
    case Doubt::Ask::probe: endpoint_.send_probe(); break;
    case Doubt::Ask::gone:
      set_ended_by(name(doubt_->cause()));
      doubt_.reset();
      endpoint_.abort(wire::ResetReason::unspecified);
  }
}

Instant Subflow::deadline() const {
  if (endpoint_.dead()) { return Instant::never(); }
  const Instant judged = trouble_ ? trouble_->until : Instant::never();
  const Instant next = std::min({endpoint_.deadline(), role_->deadline(), judged, priority_.at});
  return doubt_ ? std::min(next, doubt_->deadline()) : next;
}

void Subflow::repeat_priority(Instant now) {
  constexpr unsigned kRepetitions = 2;  // as REMOVE_ADDR: three in all
  constexpr Duration kLeast{200'000'000};
  priority_ = {.left = kRepetitions, .wait = std::max(endpoint_.info().rto, kLeast)};
  priority_.at = now + priority_.wait;
}

void Subflow::question(Doubt::Cause cause, Instant now) {
  // Who has only moved may come back; an address that was withdrawn since then ends without an answer.
  const bool known = doubt_ && (doubt_->cause() != Doubt::Cause::peer_moved || cause != Doubt::Cause::address_removed);
  if (known || endpoint_.dead() || endpoint_.phase() == tcp::Phase::time_wait) { return; }
  if (endpoint_.phase() != tcp::Phase::open) {
    set_ended_by(name(cause));
    return endpoint_.abort(wire::ResetReason::unspecified);
  }
  const tcp::Info info = endpoint_.info();
  doubt_.emplace(cause, now, info.rto, info.min_rtt);
  endpoint_.send_probe();
}

void Subflow::heard(Instant now) {
  heard_at_ = now;
  if (doubt_ && !endpoint_.dead() && doubt_->answered_by(now)) { doubt_.reset(); }
}

void Subflow::reset_by_peer(const wire::Reset& why) {
  reset_ = why;
  // What we have found out ourselves before stays; "reset_by_peer" and "refused" are only less exact.
  const bool vague = ended_by_.empty() || ended_by_ == "reset_by_peer" || ended_by_ == "refused";
  if (vague && why.reason != wire::ResetReason::unspecified && name(why.reason) != "?") {
    ended_by_ = name(why.reason);
  }
}

bool Subflow::unknown_to_peer() const {
  if (!lane_.joined || was_up) { return false; }
  if (!reset_) { return ended_by_ == "refused"; }
  return reset_->reason == wire::ResetReason::mptcp_error && !reset_->transient;
}

Loss Subflow::loss() const {
  if (reset_) { return reset_->transient ? Loss::failed : Loss::refused; }
  // RFC 8684 §3.9.3: what answered a join with an RST, or with nonsense, is not asked again.
  if (refused_here_ || ended_by_ == "refused") { return Loss::refused; }
  return ended_by_ == "closed" || ended_by_.empty() ? Loss::closed : Loss::failed;
}

SubflowInfo Subflow::info() const {
  const tcp::Info tcp = endpoint_.info();
  SubflowInfo out{.id = lane_.id,
                  .local = way_.addresses.local,
                  .remote = way_.addresses.remote,
                  .interface = way_.interface,
                  .backup = backup(),
                  .state = "joining",
                  .bytes_sent = tcp.bytes_sent,
                  .bytes_received = received_,
                  .retransmits = tcp.retransmits,
                  .srtt = tcp.srtt,
                  .min_rtt = tcp.min_rtt,
                  .window = tcp.window,
                  .in_flight = tcp.in_flight,
                  .queued = {lane_.tx.end() - endpoint_.sent_up_to()},
                  .user_timeout = tcp.user_timeout,
                  .ended_by = ended_by_};
  if (!ended_by_.empty() || endpoint_.dead()) {
    out.state = "closed";
  } else if (endpoint_.phase() == tcp::Phase::time_wait || endpoint_.close_state().sending != stream::Sending::open ||
             peer_finished_) {
    out.state = "closing";
  } else if (doubtful()) {
    out.state = "stalled";
  } else if (was_up) {
    out.state = "active";
  }
  return out;
}
}  // namespace anabranch::mptcp
