// Opening a connection: which ways lead there, one attempt over one of them, and what is remembered of it.
#include "stack/parts.hh"

#include <algorithm>

namespace anabranch::stack {

const mptcp::Dialect& Stack::Parts::dialect_towards(const ConnectOptions& options, const SocketAddress& remote,
                                                    Instant now) const {
  switch (options.config.versions) {
    case mptcp::Versions::v0: return mptcp::kVersion0;
    case mptcp::Versions::v1: return mptcp::kVersion1;
    case mptcp::Versions::prefer_v1: break;
  }
  return mptcp::dialect_of(versions.offer(remote, now));
}

void Stack::Parts::remember_version(const Entry& e, Instant now) {
  const mptcp::Connection& c = *e.connection;
  const auto taken = c.offer_taken();
  if (!taken) { return; }
  versions.note(c.initial_addresses().remote, c.dialect().version, *taken, now);
}

/// What the SYN may say of fast open (RFC 7413 §4.2): ask for a cookie, use one, or nothing for a while.
/// Only the first attempt may carry data: what several carry, the peer could get several times.
std::optional<tcp::FastOpenOffer> Stack::Parts::offer_for(const ConnectOptions& options, const Addresses& a, bool first,
                                                          Instant now) {
  if (!options.fast_open) { return std::nullopt; }
  const Remembered* known = destinations.find({a.local.address, a.remote});
  if (known && (known->fast_open.now(now) || (!first && !known->cookie.empty()))) { return std::nullopt; }
  tcp::FastOpenOffer offer{.patience = options.fast_open_patience};
  if (known) {
    offer.cookie = known->cookie;
    offer.mss = known->mss;
  }
  counters.add(offer.cookie.empty() ? Counter::fast_open_asked : Counter::fast_open_tried);
  return offer;
}

/// The handshake of a connection we opened is over, well or not: what it told is for the next one.
void Stack::Parts::remember_handshake(Entry& e, Errc error, Instant now) {
  if (!std::exchange(e.watched, false)) { return; }
  const Addresses& a = e.connection->initial_addresses();
  const Destination where{a.local.address, a.remote};
  const auto reason = e.connection->info().fallback_reason;
  if (reason == mptcp::FallbackReason::syn_option_dropped && config.multipath_pause > Duration{}) {
    counters.add(Counter::mp_capable_blackholes);
    destinations.at(where).multipath.happened(now, config.multipath_pause);
  } else if (Remembered* known = destinations.find(where); known && reason == mptcp::FallbackReason::none) {
    known->multipath.works();
  }
  const tcp::Negotiated* agreed = e.connection->initial_agreement();
  using Outcome = tcp::FastOpenOutcome;
  if (!agreed || !e.offered) { return; }
  const Outcome outcome = agreed->fast_open;
  const bool silence = error == Errc::timed_out || error == Errc::unreachable;
  const bool failed = silence || outcome == Outcome::lost || (outcome == Outcome::refused && agreed->cookie.empty());
  if (failed && config.fast_open_pause > Duration{}) {
    counters.add(Counter::fast_open_failed);
    Remembered& known = destinations.at(where);
    known.fast_open.happened(now, config.fast_open_pause);
    known.cookie.clear();
    return;
  }
  if (outcome == Outcome::accepted) {
    counters.add(Counter::fast_open_accepted);
    destinations.at(where).fast_open.works();
  }
  if (!agreed->cookie.empty()) {
    destinations.at(where).cookie = agreed->cookie;
    destinations.at(where).mss = agreed->peer_mss;
  }
}

namespace {
/// What an address is for is asked of all but the best one, which a connection may always be opened from.
const AddressUse* use_of(const Network& network, const Candidate& c) {
  const Interface* i = find_interface(network, c.interface);
  const auto it = std::ranges::find(i->addresses, c.local, &InterfaceAddress::address);
  return it == i->addresses.end() ? nullptr : &it->use;
}

/// Whether its bytes are dear: the others come first.
bool is_backup(const Network& network, const Candidate& c, const mptcp::Config& config) {
  const AddressUse* use = use_of(network, c);
  return use && (use->backup || (use->metered && config.paths.metered != mptcp::Metered::as_others));
}
}  // namespace

bool Stack::Parts::is_one_host(const Address& a) const {
  return !a.is_multicast() && !a.is_unspecified() && !is_broadcast(network, a);
}

/// The interfaces that may carry the first subflow there, the best first.
std::vector<InterfaceId> Stack::Parts::interfaces_for(const ConnectOptions& options, const Address& to) const {
  std::vector<InterfaceId> ways = interfaces_towards(network, to);
  if (!options.interfaces.empty()) {
    const auto place = [&](InterfaceId i) { return std::ranges::find(options.interfaces, i); };
    std::erase_if(ways, [&](InterfaceId i) { return place(i) == options.interfaces.end(); });
    std::ranges::stable_sort(ways, {}, [&](InterfaceId i) { return place(i) - options.interfaces.begin(); });
  }
  if (options.local_address) {
    std::erase_if(ways,
                  [&](InterfaceId i) { return !has_address(*find_interface(network, i), *options.local_address); });
  }
  return ways;
}

/// All ways to open this connection, in the order to try them.
Result<std::vector<Candidate>> Stack::Parts::candidates_for(const ConnectOptions& options) const {
  if (!is_one_host(options.remote.address)) {  // [9293-MUST-46]
    return fail(Errc::bad_argument, "connect: not the address of one host");
  }
  std::vector<SocketAddress> remotes{options.remote};
  std::ranges::copy_if(options.remotes, std::back_inserter(remotes),
                       [&](const SocketAddress& r) { return is_one_host(r.address); });
  std::vector<Candidate> out;
  for (const SocketAddress& remote : remotes) {
    for (const InterfaceId i : interfaces_for(options, remote.address)) {
      // [9293-MUST-44]
      const Candidate way{i, options.local_address.value_or(*source_address(network, i, remote.address)), remote};
      const AddressUse* use = use_of(network, way);
      const bool known = std::ranges::find(out, way) != out.end();
      if (out.empty() || (!known && use && use->subflows)) { out.push_back(way); }
    }
  }
  if (out.empty()) { return fail(Errc::unreachable, "connect: no allowed interface has a route there"); }
  const bool races = options.race.on && !options.local_address && options.local_port == 0;
  if (!races) {
    out.resize(1);
    return out;
  }
  out = spread(std::move(out));
  std::stable_partition(out.begin() + 1, out.end(),
                        [&](const Candidate& c) { return !is_backup(network, c, options.config); });
  out.resize(std::min(out.size(), Race::kMostCandidates));
  return out;
}

/// One attempt over one way: its SYN will leave. `first`: of its connection.
Result<Id> Stack::Parts::begin_attempt(const ConnectOptions& options, const Candidate& way, bool first, Instant now) {
  std::optional<std::uint16_t> port = options.local_port;
  if (options.local_port == 0) {
    port = free_port(way.local, way.remote, now);
  } else if (const Addresses wanted{{way.local, *port}, way.remote};
             demux.contains(wanted) && !end_lingering(wanted, now)) {
    return fail(Errc::address_in_use, "connect: that local port is connected there already");
  }
  if (!port) { return fail(Errc::no_ports_left, "connect"); }
  const Id id = add(options.config, dialect_towards(options, way.remote, now));
  if (!id) { return fail(Errc::limit_reached, "connect: too many connections"); }
  Entry& e = *connections.find(id);
  e.interfaces = options.interfaces;
  const Addresses a{{way.local, *port}, way.remote};
  e.used.push_back(a);
  demux.insert(a, {id.index, id.generation, {0}});
  e.watched = options.fast_open || options.config.multipath;
  const Remembered* known = destinations.find({way.local, way.remote});
  if (known && known->multipath.now(now) && options.config.multipath) {
    counters.add(Counter::mp_capable_suppressed);
    e.connection->go_without_option();
  }
  const auto offer = offer_for(options, a, first, now);
  e.offered = offer.has_value();
  e.connection->connect(way_for(a, way.interface, now), now, offer);
  tell_addresses(e, now);
  return id;
}

Result<ConnectionId> Stack::Parts::connect(const ConnectOptions& options, Instant now) {
  if (const auto bad = check(options.config)) { return fail(*bad, "connect: unknown policy name or empty limit"); }
  if (options.race.between < Race::kLeastBetween || options.race.patience < Duration{}) {
    return fail(Errc::bad_argument, "connect: attempts are 10 ms apart at least");
  }
  auto ways = candidates_for(options);
  if (!ways) { return std::unexpected(ways.error()); }
  auto first = begin_attempt(options, ways->front(), true, now);
  while (!first && first.error().code == Errc::no_ports_left && ways->size() > 1) {
    ways->erase(ways->begin());
    first = begin_attempt(options, ways->front(), true, now);
  }
  if (!first) { return std::unexpected(first.error()); }
  counters.add(Counter::connections_opened);
  if (ways->size() > 1) { open_contest(*first, options, std::move(*ways), now); }
  touched(*first, now);
  return ConnectionId{first->index, first->generation};
}
}  // namespace anabranch::stack
