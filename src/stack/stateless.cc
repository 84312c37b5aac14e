// Handshakes of which nothing, or little and bounded, is kept until the third segment proves them (RFC 4987 §3.6).
#include "stack/parts.hh"
#include "tcp/timestamps.hh"

namespace anabranch::stack {

void Stack::Parts::answer_without_state(const Dissected& d, const Listener& l, Instant now) {
  if (strays.size() >= kMostStrays) { return counters.add(Counter::dropped_listener_full); }
  const mptcp::Way way = way_for(d.addresses, answering_interface(d), now);
  counters.add(Counter::syn_cookies_sent);
  Segment answer = cookies.answer(d.segment, l.options.config, way, now);
  // There is no other key that we would know again, so a token that is taken leaves plain TCP. [8684-3.1-09 8684-3.1-10]
  const auto* key = wire::find<wire::CapableKey>(answer.mptcp);
  const auto token_of = [](const wire::CapableKey& k) {
    return (k.flags.version == 0 ? mptcp::kVersion0 : mptcp::kVersion1).token_of(k.sender).raw;
  };
  if (key && tokens.contains(token_of(*key))) {
    counters.add(Counter::token_collisions);
    answer.mptcp.clear();
  }
  send_stray(d.addresses, answer, way.interface, l.options.config);
}

/// The third segment of a connection, with MP_CAPABLE if both speak MPTCP; with data, if the bare third ACK was lost.
bool Stack::Parts::take_third(Dissected& d, Instant now) {
  const wire::TcpFlags& flags = d.segment.flags;
  if (!cookies.waiting(now) || !flags.ack || flags.rst || flags.syn) { return false; }
  Handle<ListenerTag> handle;
  const Listener* l = listener_for(d.addresses.local, d.interface, &handle);
  if (!l || l->options.stateless == Stateless::never) { return false; }
  SynCookies::Recall recall = cookies.recall(d.addresses, d.segment, l->options.config, now);
  if (std::holds_alternative<SynCookies::Stranger>(recall)) { return false; }
  auto* recalled = std::get_if<SynCookies::Recalled>(&recall);
  if (!recalled) {
    counters.add(Counter::dropped_unproved);
    return true;
  }
  if (l->ready.size() >= l->options.backlog) {
    counters.add(Counter::dropped_listener_full);
    return true;
  }
  const mptcp::Dialect* dialect = mptcp::offered(recalled->syn.mptcp, l->options.config.versions);
  if (dialect && tokens.contains(dialect->token_of(recalled->key).raw)) {
    counters.add(Counter::token_collisions);  // no DSS will come from us, so the peer falls back too (RFC 8684 §3.7)
    recalled->syn.mptcp.clear();
  }
  Id id;
  Entry* e = begin_passive(handle, d.addresses, recalled->syn.mptcp, recalled->key, id);
  if (!e) {
    counters.add(Counter::dropped_listener_full);
    return true;
  }
  counters.add(Counter::syn_cookies_accepted);
  mptcp::Way way = way_for(d.addresses, answering_interface(d), now);
  way.isn = recalled->isn;
  way.answered = recalled->answered;
  (void)e->connection->accept(way, recalled->syn, now);
  tell_addresses(*e, now);
  take_segment(d, now);  // it is known now
  return true;
}

void Stack::Parts::answer_join_without_state(const Dissected& d, Entry& e, Instant now) {
  if (strays.size() >= kMostStrays) { return counters.add(Counter::mp_join_refused); }
  const auto& option = *wire::find<wire::JoinSyn>(d.segment.mptcp);
  mptcp::Way way = way_for(d.addresses, answering_interface(d), now);
  auto nonce = static_cast<std::uint32_t>(env.random.visible());
  if (const auto before = joins.repeated(d.addresses, d.segment)) {
    way.isn = before->our_isn;
    nonce = before->nonce;
  }
  const auto answer = e.connection->answer_join(way, option, nonce, now);
  if (!answer) { return refuse_join(d, e, answer.error(), now); }
  counters.add(Counter::join_cookies_sent);
  joins.put(PendingJoin::of(d.addresses, d.segment, way.isn, nonce, now));
  const std::uint32_t clock = tcp::Timestamps{cookies.timestamp_offset(d.addresses)}.value(now);
  Segment syn_ack = answer_to_syn(d.segment, e.connection->config(), way, clock);
  syn_ack.mptcp.push_back(*answer);
  send_stray(d.addresses, syn_ack, way.interface, e.connection->config());
}

/// The MAC first: a subflow costs more than a comparison.
bool Stack::Parts::take_third_of_join(Dissected& d, Instant now) {
  const wire::TcpFlags& flags = d.segment.flags;
  if (joins.size() == 0 || !flags.ack || flags.rst || flags.syn) { return false; }
  const auto join = joins.find(d.addresses, d.segment, now);
  if (!join) { return false; }
  const auto* proof = wire::find<wire::JoinAck>(d.segment.mptcp);
  joins.erase(d.addresses);
  if (!proof) {  // nothing else may come before we have answered the third ACK [8684-3.2-17]
    counters.add(Counter::dropped_unproved);
    answer_stray(d, wire::ResetReason::mptcp_error, now);
    return true;
  }
  const auto it = tokens.find(join->option.token.raw);
  Entry* e = it == tokens.end() ? nullptr : connections.find(it->second);
  if (!e || !e->connection->established()) {
    counters.add(Counter::mp_join_no_token);
    answer_stray(d, wire::ResetReason::mptcp_error, now);
    return true;
  }
  const Id id = it->second;
  if (!e->connection->proves_join(join->option, join->nonce, *proof)) {
    counters.add(Counter::mp_join_bad_mac);
    refuse_join(d, *e, wire::ResetReason::mptcp_error, now);
    return true;
  }
  mptcp::Way way = way_for(d.addresses, answering_interface(d), now);
  way.isn = join->our_isn;
  way.answered = tcp::Answered{cookies.timestamp_offset(d.addresses)};
  mptcp::SubflowId subflow;
  const tcp::Verdict verdict =
      e->connection->resume_join(way, join->syn(d.segment.tcp.timestamps), join->nonce, subflow, now);
  if (const auto* reset = std::get_if<tcp::ResetWith>(&verdict)) {
    refuse_join(d, *e, reset->reason, now);
    return true;
  }
  counters.add(Counter::join_cookies_accepted);
  demux.insert(d.addresses, {id.index, id.generation, subflow});
  take_segment(d, now);  // it is known now
  return true;
}
}  // namespace anabranch::stack
