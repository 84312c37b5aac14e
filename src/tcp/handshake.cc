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

void Handshake::begin(const std::optional<FastOpenOffer>& offer, Instant now) {
  offer_ = offer;
  answering_ = false;
  attempts_ = 0;
  wait_ = kFirstWait;
  waiting_ = may_carry();
  due_ = !waiting_;
  deadline_ = waiting_ ? now + offer_->patience : Instant::never();
}

void Handshake::begin_answer(const FastOpenGrant& grant) {
  grant_ = grant.cookie;
  due_ = answering_ = true;
  waiting_ = false;
  attempts_ = 0;
  wait_ = kFirstWait;
  deadline_ = Instant::never();
}

void Handshake::begin_answered(Instant now) {
  begin_answer({});
  due_ = false;
  deadline_ = now + wait_;
}

bool Handshake::try_plainly() {
  if (syn_end_ == SubPos{1} || attempts_ != 1) { return false; }
  context_.agreed.fast_open = FastOpenOutcome::refused;
  offer_.reset();
  due_ = true;
  return true;
}

Bytes Handshake::syn_room() const {
  if (!may_carry()) { return {}; }
  constexpr std::uint32_t kTypical4 = 1460, kTypical6 = 1440, kOptions = 40;  // RFC 7413 §4.1.3; RFC 9293 §3.1
  const bool v4 = context_.config.ip_header == 20;
  const std::uint32_t known = offer_->mss != 0 ? offer_->mss : (v4 ? kDefaultMss4 : kDefaultMss6);
  return Bytes{std::min({known, context_.our_mss(), v4 ? kTypical4 : kTypical6})} - Bytes{kOptions};
}

std::optional<wire::FastOpen> Handshake::fast_open() const {
  if (attempts_ > 0) { return std::nullopt; }  // RFC 7413 §4.2.2: neither SYN nor SYN/ACK repeats it
  if (answering_) { return grant_.empty() ? std::nullopt : std::optional{wire::FastOpen{grant_}}; }
  return offer_ ? std::optional{wire::FastOpen{offer_->cookie}} : std::nullopt;
}

/// RFC 7413 §4.2.2, "client: receiving SYN-ACK", with its heuristic for paths that drop such SYNs.
void Handshake::conclude(const Segment& syn_ack, SubPos ack) {
  Negotiated& agreed = context_.agreed;
  const auto& told = syn_ack.tcp.fast_open;
  if (!fast_opened_) { return; }
  if (told) { agreed.cookie = told->cookie; }
  agreed.syn_data = ack - SubPos{1};
  if (agreed.syn_data > 0) {
    agreed.fast_open = FastOpenOutcome::accepted;
  } else if (attempts_ > 1 && !told) {
    agreed.fast_open = FastOpenOutcome::lost;
  } else {
    agreed.fast_open = syn_end_ == SubPos{1} ? FastOpenOutcome::asked : FastOpenOutcome::refused;
  }
}

void Handshake::done() {
  due_ = waiting_ = false;
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

void Handshake::left(Bytes payload, bool fast_open, Instant now) {
  due_ = waiting_ = false;
  if (attempts_ == 0) {
    first_left_ = now;
    if (!answering_) {
      syn_end_ = SubPos{1} + payload.n;
      fast_opened_ = fast_open;
    }
  }
  ++attempts_;
  deadline_ = now + wait_;
}

unsigned Handshake::most_attempts() const {
  const Config& config = context_.config;
  return 1 + (answering_ ? config.syn_ack_retries : config.syn_linear + config.syn_retries);
}

bool Handshake::on_deadline(Instant now) {  // [9293-MUST-22 9293-MUST-23]
  if (deadline_ > now) { return false; }
  deadline_ = Instant::never();
  due_ = true;
  if (waiting_) { return false; }
  if (attempts_ >= most_attempts()) { return true; }
  const unsigned linear = answering_ ? 0 : context_.config.syn_linear;
  if (attempts_ > linear) { wait_ = std::min(wait_ * 2, kLongestWait); }
  return false;
}

std::optional<Duration> Handshake::rtt(Instant now) const {
  return attempts_ == 1 ? std::optional{now - first_left_} : std::nullopt;
}
}  // namespace anabranch::tcp
