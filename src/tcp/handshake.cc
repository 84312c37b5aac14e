#include "tcp/handshake.hh"

#include <algorithm>

namespace anabranch::tcp {
namespace {
constexpr Duration kFirstWait{1'000'000'000};     // RFC 6298 §2.1
constexpr Duration kLongestWait{60'000'000'000};  // RFC 6298 §2.5
constexpr std::uint8_t kLargestShift = 14;        // RFC 7323 §2.3
// [9293-MUST-15]
constexpr std::uint32_t kDefaultMss4 = 536, kDefaultMss6 = 1220;  // RFC 9293 §3.7.1
constexpr std::uint32_t kLeastMss = 88;                           // Linux's floor: options must leave room for data
}  // namespace

void Handshake::begin(bool answering) {
  due_ = true;
  answering_ = answering;
  attempts_ = 0;
  wait_ = kFirstWait;
  deadline_ = Instant::never();
}

void Handshake::begin_answered(Instant now) {
  begin(true);
  due_ = false;
  deadline_ = now + wait_;
}

void Handshake::done() {
  due_ = false;
  deadline_ = Instant::never();
}

void Handshake::agree(const Segment& syn) {
  Negotiated& agreed = context_.agreed;
  const Config& config = context_.config;
  const std::uint32_t default_mss = config.ip_header == 20 ? kDefaultMss4 : kDefaultMss6;
  heard_ = true;
  agreed.peer_isn = syn.seq;
  agreed.peer_mss = std::max<std::uint32_t>(syn.tcp.mss.value_or(default_mss), kLeastMss);
  agreed.timestamps = config.timestamps && syn.tcp.timestamps.has_value();
  agreed.sack = config.sack && syn.tcp.sack_permitted;
  const bool asked = config.ecn == EcnMode::request && attempts_ == 1;
  const bool answers = asked && syn.flags.ece && !syn.flags.cwr;  // both: a peer that mirrors what it does not know
  agreed.ecn = syn.flags.ack ? answers : config.ecn != EcnMode::off && syn.flags.ece && syn.flags.cwr;
  scaled_ = config.window_scaling && syn.tcp.window_scale.has_value();
  agreed.send_scale = scaled_ ? std::min(*syn.tcp.window_scale, kLargestShift) : std::uint8_t{0};
  agreed.receive_scale = scaled_ ? std::min(config.window_scale, kLargestShift) : std::uint8_t{0};
}

wire::TcpOptions Handshake::options(const Timestamps& stamps, Instant now) const {
  const Config& config = context_.config;
  const Negotiated& agreed = context_.agreed;
  wire::TcpOptions options;
  // [9293-MUST-14 9293-MUST-65 9293-MUST-67]
  options.mss = static_cast<std::uint16_t>(std::min<std::uint32_t>(context_.our_mss(), 0xffff));
  if (answering_ ? scaled_ : config.window_scaling) {
    options.window_scale = std::min(config.window_scale, kLargestShift);
  }
  options.sack_permitted = answering_ ? agreed.sack : config.sack;
  if (answering_ ? agreed.timestamps : config.timestamps) { options.timestamps = stamps.option(now); }
  return options;
}

/// A SYN that asks may be lost because it asks: only the first does (RFC 3168 §6.1.1.1).
void Handshake::write_ecn(wire::TcpFlags& flags) const {
  if (answering_) {
    flags.ece = context_.agreed.ecn;
  } else {
    flags.ece = flags.cwr = context_.config.ecn == EcnMode::request && attempts_ == 0;
  }
}

void Handshake::left(Instant now) {
  due_ = false;
  if (attempts_ == 0) { first_left_ = now; }
  ++attempts_;
  deadline_ = now + wait_;
}

bool Handshake::on_deadline(Instant now) {  // [9293-MUST-22 9293-MUST-23]
  if (deadline_ > now) { return false; }
  deadline_ = Instant::never();
  if (attempts_ > context_.config.syn_retries) { return true; }
  wait_ = std::min(wait_ * 2, kLongestWait);
  due_ = true;
  return false;
}

std::optional<Duration> Handshake::rtt(Instant now) const {
  return attempts_ == 1 ? std::optional{now - first_left_} : std::nullopt;
}
}  // namespace anabranch::tcp
