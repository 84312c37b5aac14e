#include "stack/syn_cookies.hh"

#include "tcp/timestamps.hh"

#include <algorithm>

namespace anabranch::stack {
namespace {

constexpr std::uint8_t kLargestShift = 14;       // RFC 7323 §2.3
constexpr Bytes kLargestUnscaledWindow{0xffff};  // all that a SYN/ACK can offer (RFC 7323 §2.2)

std::uint32_t ip_header(const mptcp::Way& way) { return way.addresses.remote.address.family == Family::v4 ? 20 : 40; }
std::uint32_t clock_at(std::uint32_t offset, Instant now) { return tcp::Timestamps{offset}.value(now); }
bool will_stamp(const Segment& syn, const mptcp::Config& config) {
  return config.tcp.timestamps && syn.tcp.timestamps.has_value();
}
}  // namespace

Segment answer_to_syn(const Segment& syn, const mptcp::Config& config, const mptcp::Way& way, std::uint32_t clock) {
  constexpr std::uint32_t kTcpHeader = 20;
  Segment out;
  out.seq = way.isn;
  out.ack = {syn.seq.raw + 1};
  out.flags.syn = out.flags.ack = true;
  out.flags.ece = config.tcp.ecn != tcp::EcnMode::off && syn.flags.ece && syn.flags.cwr;  // RFC 3168 §6.1.1
  const Bytes buffer = std::min(config.initial_receive_buffer, config.receive_buffer);
  out.window = static_cast<std::uint16_t>(std::min(buffer, kLargestUnscaledWindow).n);
  out.tcp.mss = static_cast<std::uint16_t>(std::min(way.mtu - ip_header(way) - kTcpHeader, 0xffffu));
  out.tcp.sack_permitted = config.tcp.sack && syn.tcp.sack_permitted;
  if (config.tcp.window_scaling && syn.tcp.window_scale) {
    out.tcp.window_scale = std::min(config.tcp.window_scale, kLargestShift);
  }
  if (will_stamp(syn, config)) {
    out.tcp.timestamps = wire::Timestamps{.value = clock, .echo = syn.tcp.timestamps->value};
  }
  return out;
}

Segment SynCookies::answer(const Segment& syn, const mptcp::Config& config, const mptcp::Way& way, Instant now) {
  constexpr std::uint32_t kDefaultMss4 = 536, kDefaultMss6 = 1220;  // RFC 9293 §3.7.1
  const crypto::CookieFlow flow{way.addresses.local, way.addresses.remote, syn.seq};
  Segment out = answer_to_syn(syn, config, way, clock_at(timestamp_offset(way.addresses), now));
  out.seq = cookie_.make(flow, syn.tcp.mss.value_or(ip_header(way) == 20 ? kDefaultMss4 : kDefaultMss6), now);
  if (out.tcp.timestamps) {
    const std::optional<std::uint8_t> scale =
        out.tcp.window_scale ? std::optional{std::min(*syn.tcp.window_scale, kLargestShift)} : std::nullopt;
    out.tcp.timestamps->value = crypto::note_in_timestamp(
        out.tcp.timestamps->value, {.window_scale = scale, .sack = out.tcp.sack_permitted, .ecn = out.flags.ece});
  } else {  // there is no place to remember them in
    out.tcp.window_scale.reset();
    out.tcp.sack_permitted = false;
    out.flags.ece = false;
  }
  const mptcp::Dialect* dialect = config.multipath ? mptcp::offered(syn.mptcp, config.versions) : nullptr;
  if (dialect) {
    const bool checksum = config.checksum || mptcp::capable_flags(syn.mptcp)->checksum;
    out.mptcp.push_back(wire::CapableKey{{.version = static_cast<std::uint8_t>(dialect->version), .checksum = checksum},
                                         cookie_.key(flow, crypto::SynCookie::period_at(now))});
  }
  last_ = now;
  answered_ = true;
  return out;
}

SynCookies::Recall SynCookies::recall(const Addresses& addresses, const Segment& third, const mptcp::Config& config,
                                      Instant now) const {
  const crypto::CookieFlow flow{addresses.local, addresses.remote, {third.seq.raw - 1}};
  const SeqNum isn{third.ack.raw - 1};
  const auto valid = cookie_.check(flow, isn, now);
  if (!valid) {
    // Data behind the lost first segment: an RST would end what the peer will repeat from the start.
    if (cookie_.may_follow(flow, isn, kLargestUnscaledWindow, now)) { return Follows{}; }
    return Stranger{};
  }
  const auto* ack = wire::find<wire::CapableAck>(third.mptcp);
  const auto* data = wire::find<wire::CapableData>(third.mptcp);
  const bool keys = ack || data;
  // A DSS proves that options pass: the keys were overtaken or lost, and are repeated with the first byte (§3.1). First
  // bytes without them are version 0's, which does not repeat keys: that connection can only be plain TCP.
  if (!keys && third.payload.empty() && wire::find<wire::Dss>(third.mptcp)) { return Follows{}; }

  Recalled out{.syn = {}, .isn = isn, .key = cookie_.key(flow, valid->period), .answered = {}};
  out.answered.timestamp_offset = timestamp_offset(addresses);
  out.syn.seq = flow.peer_isn;
  out.syn.flags.syn = true;
  out.syn.window = third.window;
  out.syn.tcp.mss = static_cast<std::uint16_t>(valid->mss);
  if (will_stamp(third, config)) {
    const std::uint32_t echo = third.tcp.timestamps->echo;
    const std::uint32_t age = clock_at(out.answered.timestamp_offset, now) - echo;
    if (tcp::Timestamps::kTick * age > crypto::SynCookie::kLife + 1_s) { return Stranger{}; }
    const crypto::TimestampNote note = crypto::note_of_timestamp(echo);
    out.syn.tcp.timestamps = third.tcp.timestamps;
    out.syn.tcp.window_scale = note.window_scale;
    out.syn.tcp.sack_permitted = note.sack;
    out.syn.flags.ece = out.syn.flags.cwr = note.ecn;
  }
  if (ack && ack->flags.version == 0) {
    out.syn.mptcp.push_back(wire::CapableKey{ack->flags, ack->sender});  // as it stood on the SYN (RFC 6824 §3.1)
  } else if (keys) {
    out.syn.mptcp.push_back(wire::CapableSyn{ack ? ack->flags : data->flags});
  }
  return out;
}
}  // namespace anabranch::stack
