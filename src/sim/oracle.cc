#include "sim/oracle.hh"

#include "crypto/keys.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::sim {
namespace {
/// Position of a DSN or DATA_ACK near `near`.
std::uint64_t data_position(const wire::DataSeqForm& form, DataSeq idsn, std::uint64_t near) {
  if (form.wide) { return unwrap(DataSeq{form.bits}, idsn, DataPos{near}).n; }
  return unwrap_narrow(static_cast<std::uint32_t>(form.bits), idsn, DataPos{near}).n;
}
}  // namespace

void Oracle::expect(std::uint16_t port, const Promise& up, const Promise& down) {
  Conversation& conversation = conversations_[port];
  conversation = {};
  conversation.streams[kUp].promise = up;
  conversation.streams[kDown].promise = down;
}

std::optional<Oracle::Seen> Oracle::find(const Dissected& d, bool may_open) {
  const SocketAddress from = d.addresses.remote, to = d.addresses.local;
  const bool up = conversations_.contains(to.port);
  if (!up && !conversations_.contains(from.port)) { return std::nullopt; }
  const Key key = up ? Key{from, to} : Key{to, from};
  const auto known = flows_.find(key);
  const bool opens = may_open && up && d.segment.flags.syn && !d.segment.flags.ack;
  if (known == flows_.end() && !opens) { return std::nullopt; }
  if (opens && (known == flows_.end() || known->second.halves[kUp].isn != d.segment.seq)) {
    const bool joins = wire::find<wire::JoinSyn>(d.segment.mptcp) != nullptr;
    flows_[key] = Flow{.conversation = &conversations_[to.port], .halves = {}, .idsn = {}, .joined = joins};
  }
  return Seen{flows_[key], up ? kUp : kDown, d.segment};
}

void Oracle::sent(const Frame& frame) {
  const auto dissection = dissect(frame);
  if (!dissection) {
    if (!violation_) { violation_ = fmt::format("a stack sent a frame that is {}", name(dissection.error())); }
    return;
  }
  const auto* dissected = std::get_if<Dissected>(&*dissection);
  if (dissected == nullptr) { return; }
  const auto seen = find(*dissected, true);
  if (!seen) { return; }
  if (seen->segment.flags.syn) { sent_syn(*seen); }
  if (!seen->half().isn || seen->segment.flags.rst) { return; }
  learn_keys(*seen);
  sent_mapping(*seen);
  sent_payload(*seen);
  if (seen->segment.flags.ack && !seen->segment.flags.syn) {
    sent_acknowledgment(*seen);
    sent_window(*seen);
  }
}

void Oracle::sent_syn(const Seen& seen) {
  Half& half = seen.half();
  half.isn = seen.segment.seq;
  half.offers_scale = seen.segment.tcp.window_scale.has_value();
  half.scale = std::min<std::uint8_t>(seen.segment.tcp.window_scale.value_or(0), 14);  // RFC 7323 §2.3
  const auto& options = seen.segment.mptcp;
  const bool option = wire::find<wire::CapableSyn>(options) || wire::find<wire::CapableKey>(options) ||
                      wire::find<wire::JoinSyn>(options) || wire::find<wire::JoinSynAck>(options);
  if (seen.direction == kUp) {
    seen.flow.offered = option;
  } else {
    seen.flow.multipath = seen.flow.offered && option;
  }
}

void Oracle::learn_keys(const Seen& seen) {
  const auto learn_at = [&](std::optional<DataSeq>& known, wire::Key key, const wire::CapableFlags& flags) {
    const DataSeq idsn = crypto::idsn_of(key, flags.version == 0 ? wire::Version::v0 : wire::Version::v1);
    if (known && *known != idsn) { fail(seen, "a key differs from the one before"); }
    known = idsn;
  };
  const auto learn = [&](Stream& stream, wire::Key key, const wire::CapableFlags& flags) {
    learn_at(seen.flow.idsn[&stream == &seen.flow.conversation->streams[kUp] ? kUp : kDown], key, flags);
    learn_at(stream.idsn, key, flags);
  };
  const auto& options = seen.segment.mptcp;
  if (const auto* syn = wire::find<wire::CapableKey>(options)) {
    learn_at(seen.flow.idsn[seen.direction], syn->sender, syn->flags);  // of an attempt: another may win the race
  }
  if (const auto* ack = wire::find<wire::CapableAck>(options)) {
    learn(seen.stream(), ack->sender, ack->flags);
    learn(seen.reverse(), ack->receiver, ack->flags);
  }
  if (const auto* data = wire::find<wire::CapableData>(options)) {
    learn(seen.stream(), data->sender, data->flags);
    learn(seen.reverse(), data->receiver, data->flags);
    add_mapping(seen, 1, 1, data->length);
  }
}

void Oracle::sent_mapping(const Seen& seen) {
  const auto* dss = wire::find<wire::Dss>(seen.segment.mptcp);
  if (dss == nullptr) { return; }
  if (dss->ack) { sent_data_ack(seen, *dss->ack); }
  if (!dss->map) {
    if (dss->data_fin) { fail(seen, "DATA_FIN without a mapping"); }
    return;
  }
  Stream& stream = seen.stream();
  if (!stream.idsn) {
    fail(seen, "a mapping before the sender's key");
    return;
  }
  const wire::Mapping& map = *dss->map;
  const std::uint64_t data = data_position(map.data, *stream.idsn, prefix(stream.delivered));
  const std::uint64_t sub = unwrap(SeqNum{map.subflow}, SeqNum{0}, SubPos{position(seen.half(), seen.segment.seq)}).n;
  if (map.length == 0) {
    seen.half().infinite = MappedRange{data, sub};
    return;
  }
  const std::uint64_t length = map.length - (dss->data_fin ? 1u : 0u);
  if (dss->data_fin && data + length != stream.promise.bytes + 1) {
    fail(seen, fmt::format("DATA_FIN at {} and not behind the {} bytes written", data + length, stream.promise.bytes));
  }
  if (length != 0) { add_mapping(seen, sub, data, length); }
}

void Oracle::add_mapping(const Seen& seen, std::uint64_t sub, std::uint64_t data, std::uint64_t length) {
  if (length == 0) { return; }
  auto& mappings = seen.half().mappings;
  if (data == 0 || data + length > seen.stream().promise.bytes + 1) {
    fail(seen,
         fmt::format("mapping of data {}+{} beyond the {} bytes written", data, length, seen.stream().promise.bytes));
    return;
  }
  auto next = mappings.upper_bound(sub);
  if (next != mappings.begin()) {
    const auto& [at, range] = *std::prev(next);
    if (sub < at + range.length && range.data + (sub - at) != data) {
      fail(seen, fmt::format("mapping {}:{}+{} contradicts {}:{}+{}", data, sub, length, range.data, at, range.length));
    }
  }
  if (next != mappings.end() && next->first < sub + length && next->second.data - (next->first - sub) != data) {
    fail(seen, fmt::format("mapping {}:{}+{} contradicts {}:{}+{}", data, sub, length, next->second.data, next->first,
                           next->second.length));
  }
  MappedRange& kept = mappings[sub];
  kept = {data, std::max(kept.length, length)};
}

template <class F>
void Oracle::each_mapped(const Seen& seen, F&& f) {
  const Half& half = seen.half();
  const std::uint64_t begin = position(half, seen.segment.seq), end = begin + seen.segment.payload.size().n;
  for (std::uint64_t at = begin; at < end;) {
    const auto next = half.mappings.upper_bound(at);
    std::uint64_t data = 0, until = next == half.mappings.end() ? end : std::min(end, next->first);
    if (next != half.mappings.begin() && at < std::prev(next)->first + std::prev(next)->second.length) {
      const auto& [from, range] = *std::prev(next);
      data = range.data + (at - from);
      until = std::min(until, from + range.length);
    } else if (half.infinite && at >= half.infinite->length) {
      data = half.infinite->data + (at - half.infinite->length);
    } else if (!seen.flow.joined) {
      data = at;  // plain TCP, from the start or after a fallback: the first subflow is the stream
    } else {
      fail(seen, fmt::format("payload at {} has no mapping", at));
      return;
    }
    f(data, at - begin, until - at);
    at = until;
  }
}

void Oracle::sent_payload(const Seen& seen) {
  Half& half = seen.half();
  const Chain& payload = seen.segment.payload;
  const std::uint64_t begin = position(half, seen.segment.seq) + (seen.segment.flags.syn ? 1 : 0);
  const std::uint64_t end = begin + payload.size().n;
  if (seen.segment.flags.fin) {
    if (half.fin && *half.fin != end) { fail(seen, fmt::format("FIN at {}, it was at {}", end, *half.fin)); }
    half.fin = end;
    if (!seen.flow.multipath && end != seen.stream().promise.bytes + 1) {
      fail(seen, fmt::format("FIN at {} and not behind the {} bytes written", end, seen.stream().promise.bytes));
    }
  }
  if (half.fin && end > begin && end > *half.fin) { fail(seen, "bytes behind the FIN"); }
  half.highest = std::max(half.highest, end);
  each_mapped(seen, [&](std::uint64_t data, std::uint64_t at, std::uint64_t length) {
    const Stream& stream = seen.stream();
    if (data == 0 || data - 1 + length > stream.promise.bytes) {
      fail(seen, fmt::format("data {}+{} beyond the {} bytes written", data, length, stream.promise.bytes));
    } else if (!stream.promise.pattern.matches(data - 1, payload.part({at}, {length}))) {
      fail(seen, fmt::format("bytes at data {}+{} are not those written", data, length));
    } else if (stream.edge_known != 0 && data + length > stream.edge_known + 1) {  // one byte may probe a shut window
      fail(seen, fmt::format("data {}+{} beyond the peer's right edge {}", data, length, stream.edge_known));
    }
  });
}

void Oracle::sent_acknowledgment(const Seen& seen) {
  const Half& other = seen.other();
  if (!other.isn) { return; }
  std::uint64_t may = prefix(other.delivered);
  if (other.fin_delivered && other.fin == may) { ++may; }
  const std::uint64_t ack = unwrap(seen.segment.ack, *other.isn, SubPos{may}).n;
  if (ack > may) { fail(seen, fmt::format("ACK {} of what was delivered up to {}", ack, may)); }
}

void Oracle::sent_data_ack(const Seen& seen, const wire::DataSeqForm& form) {
  Stream& stream = seen.reverse();
  if (!stream.idsn) {
    fail(seen, "a DATA_ACK before the peer's key");
    return;
  }
  std::uint64_t may = prefix(stream.delivered);
  if (stream.fin_delivered && may == stream.promise.bytes + 1) { ++may; }
  const std::uint64_t ack = data_position(form, *stream.idsn, may);
  if (ack > may) { fail(seen, fmt::format("DATA_ACK {} of what was delivered up to {}", ack, may)); }
}

std::uint64_t Oracle::window_of(const Seen& seen) {
  const bool scaled = seen.half().offers_scale && seen.other().offers_scale && !seen.segment.flags.syn;
  return static_cast<std::uint64_t>(seen.segment.window) << (scaled ? seen.half().scale : 0);
}

void Oracle::sent_window(const Seen& seen) {
  Stream& stream = seen.reverse();
  const auto* dss = wire::find<wire::Dss>(seen.segment.mptcp);
  std::uint64_t edge = window_of(seen);
  std::uint64_t* advertised = nullptr;
  if (dss != nullptr && dss->ack && stream.idsn) {
    edge += data_position(*dss->ack, *stream.idsn, prefix(stream.delivered));
    advertised = &stream.edge_advertised;
  } else if (!seen.flow.multipath && seen.other().isn) {
    edge += unwrap(seen.segment.ack, *seen.other().isn, SubPos{seen.other().highest}).n;
    advertised = &seen.half().edge_advertised;
  } else {
    return;
  }
  const std::uint64_t rounding = std::uint64_t{1} << seen.half().scale;  // RFC 7323 §2.3: the field is rounded down
  if (edge + rounding <= *advertised) {
    fail(seen, fmt::format("right edge moved back from {} to {}", *advertised, edge));
  }
  *advertised = std::max(*advertised, edge);
}

void Oracle::delivered(const Frame& frame) {
  const auto dissection = dissect(frame);
  if (!dissection) { return; }
  const auto* dissected = std::get_if<Dissected>(&*dissection);
  if (dissected == nullptr) { return; }
  const auto seen = find(*dissected, false);
  if (!seen || !seen->half().isn || seen->segment.flags.rst) { return; }
  if (position(seen->half(), seen->segment.seq) > seen->half().highest) { return; }  // of an earlier use of the ports
  delivered_payload(*seen);
  if (seen->segment.flags.ack || seen->segment.flags.syn) { delivered_window(*seen); }
}

void Oracle::delivered_payload(const Seen& seen) {
  Half& half = seen.half();
  if (seen.segment.flags.syn && seen.segment.seq != half.isn) { return; }  // of an earlier use of the ports
  const std::uint64_t begin = position(half, seen.segment.seq) + (seen.segment.flags.syn ? 1 : 0);
  (void)half.delivered.add(begin, begin + seen.segment.payload.size().n);
  if (seen.segment.flags.fin) { half.fin_delivered = true; }
  each_mapped(seen, [&](std::uint64_t data, std::uint64_t, std::uint64_t length) {
    (void)seen.stream().delivered.add(data, data + length);
  });
  const auto* dss = wire::find<wire::Dss>(seen.segment.mptcp);
  if (dss != nullptr && dss->data_fin) { seen.stream().fin_delivered = true; }
}

void Oracle::delivered_window(const Seen& seen) {
  Stream& stream = seen.reverse();
  const auto* dss = wire::find<wire::Dss>(seen.segment.mptcp);
  std::uint64_t ack = 1;
  if (dss != nullptr && dss->ack && stream.idsn) {
    ack = data_position(*dss->ack, *stream.idsn, prefix(stream.delivered));
  } else if (seen.segment.flags.ack && seen.other().isn && !seen.segment.flags.syn) {
    // Plain TCP, from the start or fallen back to. A segment of Multipath TCP without DATA_ACK allows what it allows
    // beyond the last one; that the first subflow's own ACK may be ahead of it errs on the side of the sender.
    ack = stream.acked_known;
    if (!seen.flow.joined) {
      ack = std::max(ack, unwrap(seen.segment.ack, *seen.other().isn, SubPos{seen.other().highest}).n);
    }
  }
  stream.acked_known = std::max(stream.acked_known, ack);
  stream.edge_known = std::max(stream.edge_known, ack + window_of(seen));
}

std::uint64_t Oracle::position(const Half& half, SeqNum seq) const {
  return unwrap(seq, *half.isn, SubPos{half.highest}).n;
}

wire::Origins Oracle::origins(const Addresses& from) const {
  const bool up = conversations_.contains(from.remote.port);
  const auto flow = flows_.find(up ? Key{from.local, from.remote} : Key{from.remote, from.local});
  if (flow == flows_.end()) { return {}; }
  const std::size_t direction = up ? kUp : kDown;
  const Half &half = flow->second.halves[direction], &other = flow->second.halves[1 - direction];
  const auto& streams = flow->second.conversation->streams;
  return {half.isn.value_or(SeqNum{}), other.isn.value_or(SeqNum{}), streams[direction].idsn.value_or(DataSeq{}),
          streams[1 - direction].idsn.value_or(DataSeq{})};
}

void Oracle::fail(const Seen& seen, std::string what) {
  if (violation_) { return; }
  wire::TcpHeader header;
  const Segment& s = seen.segment;
  header.seq = s.seq;
  header.ack = s.ack;
  header.flags = s.flags;
  header.window = s.window;
  header.tcp = s.tcp;
  header.mptcp = s.mptcp;
  const wire::Origins origins{seen.half().isn.value_or(SeqNum{}), seen.other().isn.value_or(SeqNum{}),
                              seen.stream().idsn.value_or(DataSeq{}), seen.reverse().idsn.value_or(DataSeq{})};
  violation_ = fmt::format(
      "{}, in: {} {}", what, seen.direction == kUp ? "from the client:" : "from the server:",
      wire::format_notation(wire::line_of(header, static_cast<std::uint32_t>(s.payload.size().n)), origins));
}
}  // namespace anabranch::sim
