#include "mptcp/connection.hh"

#include "mptcp/roles/capable_client.hh"
#include "mptcp/roles/capable_server.hh"

#include <algorithm>

namespace anabranch::mptcp {

Connection::Connection(Env& env, SlabPool& pool, Counters& counters, const Config& config, const Dialect& dialect,
                       wire::Key key, std::uint64_t number, stream::MemoryBudget* memory)
    : env_{env},
      counters_{counters},
      number_{number},
      session_{pool, config, dialect, key, memory},
      addresses_{config.max_remote_addresses, dialect.add_addr_is_echoed},
      scheduler_{config.make_scheduler ? config.make_scheduler() : make_scheduler(config.scheduler)},
      path_manager_{make_path_manager(config.path_manager, config.paths)},
      batching_{config.no_delay, config.cork},
      reinjection_{config.reinjection} {
  ANABRANCH_CHECK(scheduler_ && path_manager_);  // the stack checks names before it makes a connection
}

Connection::~Connection() = default;

Subflow& Connection::add(const Way& way, Lane lane, std::unique_ptr<SubflowRole> role) {
  lane.id = {next_id_++};
  subflows_.push_back(std::make_unique<Subflow>(env_, session_, static_cast<const cc::Group&>(*this), way,
                                                std::move(lane), std::move(role)));
  seats_.push_back({.id = subflows_.back()->id()});
  views_.emplace_back();
  ++session_.alive;
  return *subflows_.back();
}

Subflow* Connection::find(SubflowId id) {
  const std::size_t i = index_of(id);
  return i == seats_.size() ? nullptr : subflows_[i].get();
}
const Subflow* Connection::find(SubflowId id) const { return const_cast<Connection*>(this)->find(id); }

// --- opening ---------------------------------------------------------------------------------------------------

void Connection::connect(const Way& way, Instant now, const std::optional<tcp::FastOpenOffer>& offer) {
  active_ = true;
  initial_ = way.addresses;
  addresses_.set_initial_local({way.interface, way.addresses.local.address});
  addresses_.set_initial_remote(way.addresses.remote);
  std::unique_ptr<SubflowRole> role;
  if (session_.config.multipath && !path_drops_option_) {
    role = std::make_unique<CapableClient>(session_.dialect);
  } else {
    session_.fallback = path_drops_option_ ? FallbackReason::known_to_drop_option : FallbackReason::not_requested;
    session_.mode = Mode::tcp;
    role = std::make_unique<Plain>();
  }
  mode_told_ = session_.mode;
  add(way, {}, std::move(role)).connect(now, offer);
  settle(now);
}

tcp::Verdict Connection::accept(const Way& way, const Segment& syn, Instant now, const tcp::FastOpenGrant& grant) {
  initial_ = way.addresses;
  addresses_.set_initial_local({way.interface, way.addresses.local.address});
  addresses_.set_initial_remote(way.addresses.remote);
  std::unique_ptr<SubflowRole> role;
  // [8684-3.1-35]
  if (session_.config.multipath && offered(syn.mptcp, session_.config.versions) == &session_.dialect) {
    counters_.add(Counter::mp_capable_syn_received);
    role = std::make_unique<CapableServer>();
  } else {
    session_.fallback = session_.config.multipath ? FallbackReason::peer_did_not_offer : FallbackReason::not_requested;
    session_.mode = Mode::tcp;
    role = std::make_unique<Plain>();
  }
  mode_told_ = session_.mode;
  Subflow& s = add(way, {}, std::move(role));
  s.opened_by_peer = true;
  const tcp::Verdict verdict = s.accept(syn, now, grant);
  settle(now);
  return verdict;
}

std::optional<bool> Connection::offer_taken() const {
  if (!active_ || !established()) { return std::nullopt; }
  if (session_.mode == Mode::mptcp) { return true; }
  return session_.fallback == FallbackReason::peer_refused ? std::optional{false} : std::nullopt;
}

const tcp::Negotiated* Connection::initial_agreement() const {
  const Subflow* s = find({0});
  return s ? &s->endpoint().negotiated() : nullptr;
}

bool Connection::opened_early() const {
  const Subflow* s = find({0});
  return s && s->endpoint().phase() == tcp::Phase::syn_received && s->endpoint().may_send();
}

std::optional<tcp::LastSeen> Connection::last_seen(SubflowId on) const {
  const Subflow* s = find(on);
  return s ? s->endpoint().last_seen() : std::nullopt;
}

// --- the network's side ----------------------------------------------------------------------------------------

tcp::Verdict Connection::on_segment(SubflowId on, const Segment& segment, Instant now) {
  const std::size_t i = index_of(on);
  if (i == seats_.size()) { return tcp::Drop::not_for_this_state; }
  Subflow& s = *subflows_[i];
  const std::uint64_t received = session_.receive.received();
  busy_ = i;
  const tcp::Verdict verdict = s.endpoint().on_segment(segment, now);
  busy_ = kNobody;
  if (const auto* drop = std::get_if<tcp::Drop>(&verdict); drop && *drop == tcp::Drop::no_memory) {
    counters_.add(Counter::memory_dropped);
  }
  if (std::holds_alternative<tcp::Taken>(verdict)) {
    heard_at_ = now;
    s.heard(now);
  }
  stir(i);
  const bool data = session_.receive.received() != received;
  if (data) { note_data(s, now); }
  if (data && s.backup()) {
    settle(now);  // others are asked
  } else {
    settle_changes(now);
  }
  return verdict;
}

void Connection::on_packet_too_big(SubflowId on, std::uint32_t mtu, SeqNum quoted, Instant now) {
  if (Subflow* s = find(on)) { s->endpoint().on_packet_too_big(mtu, quoted, now); }
  settle(now);
}

void Connection::on_unreachable(SubflowId on, bool hard, SeqNum quoted, Instant now) {
  if (Subflow* s = find(on)) { s->endpoint().on_unreachable(hard, quoted, now); }
  settle(now);
}

void Connection::on_deadline(Instant now) {
  for (std::size_t i = 0; i < subflows_.size(); ++i) {
    busy_ = i;
    subflows_[i]->on_deadline(now);
    stir(i);
  }
  busy_ = kNobody;
  if (timers_.take_due(Timer::data_retransmit, now)) { on_data_timeout(now); }
  if (timers_.take_due(Timer::persist, now)) { on_closed_window(now); }
  (void)timers_.take_due(Timer::look_again, now);  // poll_transmit looks
  if (timers_.take_due(Timer::stuck, now)) { reset_stuck(now); }
  if (ask_again_at_ <= now) { ask_again_at_ = Instant::never(); }  // what is asked for comes with the next departures
  if (batching_.deadline() <= now) { batching_.push(session_.send.end()); }
  if (timers_.take_due(Timer::no_subflow, now)) { die(Errc::timed_out, now); }
  if (timers_.take_due(Timer::rates, now)) { report_rates(now); }
  (void)timers_.take_due(Timer::wait_for_fins, now);  // settle sees that the waiting is over
  if (timers_.take_due(Timer::linger, now)) { die(Errc::closed, now); }
  if (timers_.take_due(Timer::hole, now)) { on_old_hole(now); }
  close_idle(now);
  if (manager_wakes_ <= now) {
    std::vector<Request> out;
    path_manager_->on_deadline(now, out);
    manager_wakes_ = path_manager_->deadline();
    carry_out(out, now);
  }
  settle(now);
}

Instant Connection::deadline() const {
  Instant next = timers_.next();
  if (phase_ != Phase::dead) { next = std::min({next, batching_.deadline(), ask_again_at_}); }
  bool can_speak = false;
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    const Seat& at = seat(i);
    next = std::min(next, at.wakes);
    can_speak = can_speak || at.speaks;
  }
  if (phase_ == Phase::open) { next = std::min(next, manager_wakes_); }
  if (can_speak && session_.mode == Mode::mptcp) { next = std::min(next, addresses_.deadline()); }
  return next;
}

// --- the application's side ------------------------------------------------------------------------------------

Bytes Connection::writable() const {
  const bool open = session_.close.may_write() && phase_ != Phase::dead;
  return open ? std::min(session_.send.room(), session_.memory.room_to_send()) : Bytes{};
}

/// How many of so many bytes the connection may take now, as far as memory goes.
Result<std::size_t> Connection::may_write(std::size_t wanted) {
  if (phase_ == Phase::dead) { return fail(error_, "write"); }
  if (!session_.close.may_write()) { return fail(Errc::closed, "write after finish"); }
  if (wanted > session_.send.room().n) { grow_send_buffer(); }
  return static_cast<std::size_t>(std::min<std::uint64_t>(wanted, session_.memory.room_to_send().n));
}

Result<std::size_t> Connection::written(Bytes taken, std::size_t wanted, Instant now) {
  writer_waits_ = taken.n < wanted;
  if (writer_waits_) { wants_writable_ = true; }
  if (taken == Bytes{0} && wanted != 0) { return fail(Errc::would_block, "write"); }
  settle_changes(now);
  return taken.n;
}

Result<std::size_t> Connection::write(std::span<const std::uint8_t> bytes, Instant now) {
  const auto allowed = may_write(bytes.size());
  return allowed ? written(session_.send.write(bytes.first(*allowed)), bytes.size(), now) : allowed;
}

Result<std::size_t> Connection::write(const Chain& bytes, Instant now) {
  const auto allowed = may_write(bytes.size().n);
  return allowed ? written(session_.send.write(bytes.first({*allowed})), bytes.size().n, now) : allowed;
}

Result<Chain> Connection::read(Bytes at_most, Instant now) {
  if (session_.receive.readable()) {
    Chain out = session_.receive.read(at_most, now, slowest_rtt());
    if (phase_ != Phase::dead) {
      for (std::size_t i = 0; i < seats_.size(); ++i) {
        if (!session_.receive.window_update_due(seat(i).segment)) { continue; }
        subflows_[i]->endpoint().send_ack();
        stir(i);
      }
    }
    report_memory();
    return out;
  }
  if (session_.receive.finished()) { return Chain{}; }
  if (phase_ == Phase::dead) { return fail(error_, "read"); }
  wants_readable_ = true;
  return fail(Errc::would_block, "read");
}

Result<Chain> Connection::peek(Bytes at_most) const {
  if (session_.receive.readable()) { return session_.receive.peek(at_most); }
  if (session_.receive.finished()) { return Chain{}; }
  return phase_ == Phase::dead ? fail(error_, "peek") : fail(Errc::would_block, "peek");
}

void Connection::set_no_delay(bool on, Instant now) {
  batching_.set_no_delay(on, session_.send.end());
  settle(now);
}

void Connection::set_cork(bool on, Instant now) {
  batching_.set_cork(on, session_.send.end());
  settle(now);
}

std::optional<Event> Connection::poll_event() {
  if (events_.empty()) { return std::nullopt; }
  const Event out = events_.front();
  events_.pop_front();
  return out;
}

ConnectionInfo Connection::info() const {
  ConnectionInfo out{.protocol = session_.mode == Mode::mptcp ? Protocol::mptcp : Protocol::tcp,
                     .fallback_reason = session_.fallback,
                     .version = session_.mode == Mode::mptcp ? std::optional{session_.dialect.version} : std::nullopt,
                     .checksum = session_.mode == Mode::mptcp && session_.checksum,
                     .bytes_written = session_.send.end() - DataPos{1},
                     .bytes_acknowledged = std::min(session_.send.una(), session_.send.end()) - DataPos{1},
                     .bytes_received = session_.receive.received(),
                     .bytes_reinjected = reinjected_,
                     .bytes_copied = copied_,
                     .penalties = reinjection_.penalties(),
                     .duplicate_bytes = session_.receive.duplicates(),
                     .send_buffer = session_.send.buffer(),
                     .to_send = session_.send.held(),
                     .receive_buffer = session_.receive.buffer(),
                     .reordering = session_.receive.held(),
                     .local_token = session_.local_token.raw,
                     .remote_token = session_.remote_token.raw,
                     .scheduler = scheduler_->name(),
                     .path_manager = path_manager_->name()};
  if (const auto* agreed = initial_agreement()) { out.fast_open = agreed->fast_open; }
  constexpr std::string_view kStates[] = {"handshake", "open", "closing", "closed"};
  out.state = kStates[static_cast<std::size_t>(phase_)];
  out.subflows = ended_infos_;
  for (const auto& s : subflows_) {
    if (!s->over) { out.subflows.push_back(s->info()); }
  }
  std::ranges::sort(out.subflows, {}, &SubflowInfo::id);
  return out;
}

bool Connection::is_consistent() const {
  return seats_are_right() && session_.send.is_consistent() && session_.receive.is_consistent() &&
         session_.alive <= session_.config.max_subflows + 1 &&
         std::ranges::all_of(subflows_, [](const auto& s) { return s->endpoint().is_consistent(); });
}
}  // namespace anabranch::mptcp
