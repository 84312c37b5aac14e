#include "support/script_wire.hh"

#include "base/result.hh"
#include "wire/checksum.hh"

#include <algorithm>
#include <fmt/format.h>

namespace anabranch::support {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Replaces `mac=good`, `csum=bad` and their like by numbers, and tells in which order which of them were asked for.
std::vector<bool> take_wishes(std::string& text) {
  std::vector<bool> wishes;
  for (;;) {
    std::size_t at = std::string::npos;
    std::size_t length = 0;
    bool good = false, mac = false;
    for (const auto& [word, is_good, is_mac] : {std::tuple{"mac=good", true, true},
                                                {"mac=bad", false, true},
                                                {"csum=good", true, false},
                                                {"csum=bad", false, false}}) {
      const std::size_t found = text.find(word);
      if (found < at) { at = found, length = std::string_view{word}.size(), good = is_good, mac = is_mac; }
    }
    if (at == std::string::npos) { return wishes; }
    const bool third_ack =
        mac && text.substr(0, at).ends_with("join ") && !text.substr(at + length).starts_with(" id=");
    text.replace(at, length, mac ? (third_ack ? "mac=0x" + std::string(40, '0') : "mac=0x0") : "csum=0x0");
    wishes.push_back(good);
  }
}

std::string hex(std::uint64_t n, int digits) { return fmt::format("0x{:0{}x}", n, digits); }
std::string hex(const std::array<std::uint8_t, 20>& mac) {
  std::string out = "0x";
  for (const std::uint8_t b : mac) { out += fmt::format("{:02x}", b); }
  return out;
}
}  // namespace

std::uint8_t pattern_at(std::uint64_t position) {
  return static_cast<std::uint8_t>(position * 131 + (position >> 8) * 17 + (position >> 16));
}

wire::Origins ScriptWire::from_peer(const ScriptFlow& flow) const {
  return {flow.peer_isn, flow.our_isn, idsn_of(peer_key_), stack_key_ ? idsn_of(*stack_key_) : DataSeq{}};
}

std::uint16_t ScriptWire::checksum(std::uint64_t data, std::uint32_t subflow, std::uint16_t length, std::uint64_t bytes,
                                   DataSeq origin, std::uint64_t skipped) const {
  std::vector<std::uint8_t> payload(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i) { payload[i] = pattern_at(data + skipped + i); }
  return wire::dss_checksum(origin.raw + data, subflow, length, wire::Sum{payload});
}

/// Fills in what a line of the peer left to the runner: MACs and checksums, right or wrong as wished.
void ScriptWire::fix(wire::MptcpOption& option, ScriptFlow& flow, const std::vector<bool>& good, std::size_t& at) {
  const wire::Key ours = stack_key_.value_or(wire::Key{});
  const crypto::JoinParty peer{peer_key_, flow.peer_nonce}, stack{ours, flow.our_nonce};
  const auto spoil = [&] { return at < good.size() && !good[at++]; };
  const DataSeq origin = idsn_of(peer_key_);
  std::visit(Overloaded{
                 [&](wire::JoinSyn& o) { flow.peer_nonce = o.nonce; },
                 [&](wire::JoinSynAck& o) {
                   flow.peer_nonce = o.nonce;
                   if (o.mac == 0) {
                     o.mac = crypto::join_syn_ack_mac({peer_key_, o.nonce}, stack, version_) ^ (spoil() ? 1u : 0u);
                   }
                 },
                 [&](wire::JoinAck& o) {
                   if (o != wire::JoinAck{}) { return; }  // written out in the script
                   o.mac = crypto::join_ack_mac(peer, stack, version_);
                   if (spoil()) { o.mac[7] ^= 1; }
                 },
                 [&](wire::AddAddr& o) {
                   if (o.mac && *o.mac == 0) { o.mac = crypto::add_addr_mac(peer_key_, ours, o) ^ (spoil() ? 1u : 0u); }
                 },
                 [&](wire::Dss& o) {
                   if (!o.map) { return; }
                   const std::uint64_t data = o.map->data.wide
                                                  ? o.map->data.bits - origin.raw
                                                  : static_cast<std::uint32_t>(o.map->data.bits - origin.raw);
                   const std::uint64_t bytes = o.map->length - (o.data_fin && o.map->length ? 1u : 0u);
                   const std::uint64_t skip = flow.peer_syn_data;
                   if (bytes) { flow.peer_mappings.push_back({o.map->subflow + skip, data + skip, bytes}); }
                   if (o.map->length != 0 && o.map->checksum && *o.map->checksum == 0) {  // an infinite one has 0
                     const auto sum = checksum(data, o.map->subflow, o.map->length, bytes, origin, skip);
                     o.map->checksum = static_cast<std::uint16_t>(sum ^ (spoil() ? 0x0101u : 0u));
                   }
                 },
                 [&](wire::CapableData& o) {
                   const std::uint64_t skip = flow.peer_syn_data;
                   flow.peer_mappings.push_back({1 + skip, 1 + skip, o.length});
                   if (o.checksum && *o.checksum == 0) {
                     const auto sum = checksum(1, 1, o.length, o.length, origin, skip);
                     o.checksum = static_cast<std::uint16_t>(sum ^ (spoil() ? 0x0101u : 0u));
                   }
                 },
                 [](auto&) {},
             },
             option);
}

std::expected<Segment, std::string> ScriptWire::peer_segment(std::string text, ScriptFlow& flow) {
  if (stack_key_) { replace_all(text, "token=B", "token=" + hex(token_of(*stack_key_).raw, 8)); }
  replace_all(text, "fast_open B", cookie());
  replace_all(text, "token=A", "token=" + hex(token_of(peer_key_).raw, 8));
  const std::vector<bool> wishes = take_wishes(text);
  const auto symbols = [this](std::string_view name) -> std::optional<std::uint64_t> {
    if (name == "A") { return peer_key_.raw; }
    if (name == "B" && stack_key_) { return stack_key_->raw; }
    return std::nullopt;
  };
  auto line = wire::parse_notation(text, from_peer(flow), symbols);
  if (!line) {
    return std::unexpected(fmt::format("not a segment, at {}: expected {}", line.error().at, line.error().what));
  }
  learn_version(line->mptcp);
  std::size_t at = 0;
  for (wire::MptcpOption& option : line->mptcp) { fix(option, flow, wishes, at); }
  Segment out{.seq = line->seq,
              .ack = line->ack,
              .flags = line->flags,
              .window = line->window.value_or(65535),
              .tcp = line->tcp,
              .mptcp = line->mptcp,
              .payload = {}};
  if (line->flags.syn && line->flags.ack) { flow.our_syn_data = line->ack.raw - flow.our_isn.raw - 1; }
  std::vector<std::uint8_t> bytes(line->payload);
  for (std::uint32_t i = 0; i < line->payload; ++i) {
    const std::uint64_t first = line->flags.syn ? 1 : 0;  // a SYN takes the position before its payload
    const std::uint64_t sub = static_cast<std::uint32_t>(line->seq.raw - flow.peer_isn.raw) + first + i;
    std::uint64_t data = sub;  // without a mapping: as plain TCP counts
    for (const ScriptFlow::Mapped& m : flow.peer_mappings) {
      if (m.sub <= sub && sub < m.sub + m.length) {
        data = m.data + (sub - m.sub);
        break;
      }
    }
    bytes[i] = pattern_at(data);
  }
  out.payload = packer_.copy(bytes);
  return out;
}

void ScriptWire::learn_version(const wire::MptcpOptions& options) {
  const auto note = [this](const wire::CapableFlags& flags) {
    version_ = flags.version == 0 ? wire::Version::v0 : wire::Version::v1;
  };
  if (const auto* o = wire::find<wire::CapableSyn>(options)) { note(o->flags); }
  if (const auto* o = wire::find<wire::CapableKey>(options)) { note(o->flags); }
}

void ScriptWire::learn(const Segment& segment, ScriptFlow& flow) {
  learn_version(segment.mptcp);
  if (segment.flags.syn) {
    flow.our_isn = segment.seq;
    flow.know_our_isn = true;
    if (segment.flags.ack) { flow.peer_syn_data = segment.ack.raw - flow.peer_isn.raw - 1; }
    if (segment.flags.ack && segment.tcp.fast_open) { cookie_ = segment.tcp.fast_open->cookie; }
  }
  if (const auto* o = wire::find<wire::CapableKey>(segment.mptcp)) { stack_key_ = o->sender; }
  if (const auto* o = wire::find<wire::CapableAck>(segment.mptcp)) { stack_key_ = o->sender; }
  if (const auto* o = wire::find<wire::JoinSyn>(segment.mptcp)) { flow.our_nonce = o->nonce; }
  if (const auto* o = wire::find<wire::JoinSynAck>(segment.mptcp)) { flow.our_nonce = o->nonce; }
}

std::string ScriptWire::cookie() const {
  std::string out = "fast_open 0x";
  for (const std::uint8_t b : cookie_) { out += fmt::format("{:02x}", b); }
  return out;
}

void ScriptWire::name_values(std::string& text, const Segment& segment, const ScriptFlow& flow) const {
  const wire::Key ours = stack_key_.value_or(wire::Key{});
  const crypto::JoinParty peer{peer_key_, flow.peer_nonce}, stack{ours, flow.our_nonce};
  const DataSeq origin = idsn_of(ours);
  const auto judge_sum = [&](std::uint16_t seen, std::uint16_t right) {
    replace_all(text, "csum=" + hex(seen, 4), seen == right ? "csum=good" : "csum=bad");
  };
  const auto judge_mac = [&](const std::string& seen, bool right) {
    replace_all(text, "mac=" + seen, right ? "mac=good" : "mac=bad");
  };
  for (const wire::MptcpOption& option : segment.mptcp) {
    std::visit(Overloaded{
                   [&](const wire::JoinSynAck& o) {
                     judge_mac(hex(o.mac, 16), o.mac == crypto::join_syn_ack_mac({ours, o.nonce}, peer, version_));
                   },
                   [&](const wire::JoinAck& o) {
                     judge_mac(hex(o.mac), o.mac == crypto::join_ack_mac(stack, peer, version_));
                   },
                   [&](const wire::AddAddr& o) {
                     if (o.mac) { judge_mac(hex(*o.mac, 16), *o.mac == crypto::add_addr_mac(ours, peer_key_, o)); }
                   },
                   [&](const wire::Dss& o) {
                     if (!o.map || !o.map->checksum) { return; }
                     if (o.map->length == 0) { return judge_sum(*o.map->checksum, 0); }  // RFC 8684 §3.3.1
                     const std::uint64_t bytes = o.map->length - (o.data_fin ? 1u : 0u);
                     const std::uint64_t data = o.map->data.bits - origin.raw;
                     judge_sum(*o.map->checksum,
                               checksum(data, o.map->subflow, o.map->length, bytes, origin, flow.our_syn_data));
                   },
                   [&](const wire::CapableData& o) {
                     if (o.checksum) {
                       judge_sum(*o.checksum, checksum(1, 1, o.length, o.length, origin, flow.our_syn_data));
                     }
                   },
                   [](const auto&) {},
               },
               option);
  }
  if (!cookie_.empty()) { replace_all(text, cookie(), "fast_open B"); }
  if (stack_key_) {
    replace_all(text, hex(ours.raw, 16), "B");
    replace_all(text, "token=" + hex(token_of(ours).raw, 8), "token=B");
  }
  replace_all(text, hex(peer_key_.raw, 16), "A");
  replace_all(text, "token=" + hex(token_of(peer_key_).raw, 8), "token=A");
}

/// Payload must be the application's bytes: those of the mapping, or of the position in the stream.
std::string ScriptWire::wrong_bytes(const Segment& segment, const ScriptFlow& flow) const {
  if (segment.payload.empty()) { return {}; }
  const std::uint64_t sub =
      static_cast<std::uint32_t>(segment.seq.raw - flow.our_isn.raw) + (segment.flags.syn ? 1u : 0u);
  std::uint64_t data = sub;
  if (const auto* o = wire::find<wire::Dss>(segment.mptcp); o && o->map) {
    data = o->map->data.bits - idsn_of(*stack_key_).raw + (sub - o->map->subflow);
  }
  const std::vector<std::uint8_t> bytes = segment.payload.to_vector();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != pattern_at(data + i)) { return fmt::format(" (wrong bytes from {} on)", i); }
  }
  return {};
}

std::string ScriptWire::describe(const Segment& segment, ScriptFlow& flow) {
  learn(segment, flow);
  const wire::SegmentLine line{.flags = segment.flags,
                               .seq = segment.seq,
                               .payload = static_cast<std::uint32_t>(segment.payload.size().n),
                               .ack = segment.ack,
                               .window = segment.window,
                               .tcp = segment.tcp,
                               .mptcp = segment.mptcp};
  std::string text = wire::format_notation(line, from_peer(flow).reversed());
  name_values(text, segment, flow);
  return text + wrong_bytes(segment, flow);
}
}  // namespace anabranch::support
