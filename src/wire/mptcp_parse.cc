#include "wire/mptcp_codec.hh"
#include "wire/reader.hh"

namespace anabranch::wire {
namespace {

/// Answers "not a form of either RFC": the caller turns it into Unknown.
using Parsed = std::optional<MptcpOption>;

// Each function gets everything after kind and length, so a "body" is two bytes shorter than the lengths of the RFC.

Parsed parse_capable(Reader in) {
  const std::size_t size = in.left() + 2;
  CapableFlags flags;
  flags.version = in.u8() & 0x0f;
  const std::uint8_t bits = in.u8();
  flags.checksum = (bits & 0x80) != 0;
  flags.extensibility = (bits & 0x40) != 0;
  const bool v0 = flags.version == 0;
  flags.no_more_to_this = !v0 && (bits & 0x20) != 0;
  flags.unknown_flags = bits & unknown_capable_flags(flags.version);
  flags.hmac = (bits & 0x01) != 0;
  if (size == 4 && !v0) { return CapableSyn{flags}; }
  if (size == 12) { return CapableKey{flags, Key{in.u64()}}; }
  // RFC 6824 §3.1: version 0 has a key in every MP_CAPABLE and no data with it.
  if (size != 20 && (v0 || (size != 22 && size != 24))) { return std::nullopt; }
  const Key sender{in.u64()}, receiver{in.u64()};
  if (size == 20) { return CapableAck{flags, sender, receiver}; }
  CapableData data{flags, sender, receiver, in.u16(), {}};
  if (size == 24) { data.checksum = in.u16(); }
  return data;
}

Parsed parse_join(Reader in) {
  const std::size_t size = in.left() + 2;
  const bool backup = (in.u8() & 0x01) != 0;
  const AddressId id{in.u8()};
  if (size == 12) {
    const Token token{in.u32()};
    return JoinSyn{backup, id, token, in.u32()};
  }
  if (size == 16) {
    const std::uint64_t mac = in.u64();
    return JoinSynAck{backup, id, mac, in.u32()};
  }
  if (size != 24) { return std::nullopt; }
  JoinAck ack;
  std::ranges::copy(in.take(ack.mac.size()), ack.mac.begin());
  return ack;
}

DataSeqForm read_data_seq(Reader& in, bool wide) {
  return wide ? DataSeqForm{in.u64(), true} : DataSeqForm{in.u32(), false};
}

/// RFC 8684 §3.3, figure 9. Flags say what follows; the length is exactly the sum of that, with a checksum or not.
Parsed parse_dss(Reader in) {
  enum : unsigned { kAck = 0x01, kAck8 = 0x02, kMap = 0x04, kMap8 = 0x08, kFin = 0x10 };
  const unsigned flags = in.u16();  // subtype, seven reserved bits, F m M a A
  Dss dss;
  dss.data_fin = (flags & kFin) != 0;
  if ((flags & kAck) != 0) { dss.ack = read_data_seq(in, (flags & kAck8) != 0); }
  if ((flags & kMap) != 0) {
    Mapping& map = dss.map.emplace();
    map.data = read_data_seq(in, (flags & kMap8) != 0);
    map.subflow = in.u32();
    map.length = in.u16();
    if (in.left() != 0) { map.checksum = in.u16(); }
  }
  if (!in.exhausted()) { return std::nullopt; }
  return dss;
}

/// RFC 6824 §3.4.1: the nibble is the version of IP, which goes with the length.
Parsed parse_add_addr_v0(Reader in, Family family) {
  in.skip(1);
  AddAddrV0 add;
  add.id = AddressId{in.u8()};
  add.address = Address::of(family, in.take(family == Family::v4 ? 4 : 16));
  if (in.left() != 0) { add.port = in.u16(); }
  return add;
}

/// RFC 8684 §3.4.1: the length tells family and port, the E flag whether there is a MAC. What version 0 puts in place
/// of the flags, 4 or 6, has E clear, and its lengths are those of an echo: the two cannot be confused.
Parsed parse_add_addr(Reader in) {
  const std::size_t size = in.left() + 2;
  const std::uint8_t nibble = in.left() == 0 ? 0 : in.rest()[0] & 0x0f;
  if (nibble == 4 && (size == 8 || size == 10)) { return parse_add_addr_v0(in, Family::v4); }
  if (nibble == 6 && (size == 20 || size == 22)) { return parse_add_addr_v0(in, Family::v6); }
  AddAddr add;  // what the other bits say is not looked at [8684-3.4.1-12]
  add.echo = (in.u8() & 0x01) != 0;
  add.id = AddressId{in.u8()};
  const std::size_t mac_size = add.echo ? 0 : 8;
  const std::size_t v4 = 8 + mac_size, v6 = 20 + mac_size;
  if (size != v4 && size != v4 + 2 && size != v6 && size != v6 + 2) { return std::nullopt; }
  const Family family = size < v6 ? Family::v4 : Family::v6;
  add.address = Address::of(family, in.take(family == Family::v4 ? 4 : 16));
  if (in.left() > mac_size) { add.port = in.u16(); }
  if (!add.echo) { add.mac = in.u64(); }
  return add;
}

Parsed parse_remove_addr(Reader in) {
  in.skip(1);
  RemoveAddr remove;
  if (in.left() == 0 || in.left() > remove.ids.capacity()) { return std::nullopt; }
  for (const std::uint8_t id : in.rest()) { remove.ids.push_back(AddressId{id}); }
  return remove;
}

Parsed parse_prio(Reader in) {
  const bool backup = (in.u8() & 0x01) != 0;
  if (in.left() == 1) { return PrioOfAddress{backup, AddressId{in.u8()}}; }  // gone from RFC 8684
  return in.exhausted() ? Parsed{Prio{backup}} : std::nullopt;
}

Parsed parse_fail(Reader in) {
  in.skip(2);
  const Fail failed{in.u64()};
  return in.exhausted() ? Parsed{failed} : std::nullopt;
}

Parsed parse_fast_close(Reader in) {
  in.skip(2);
  const FastClose close{Key{in.u64()}};
  return in.exhausted() ? Parsed{close} : std::nullopt;
}

Parsed parse_reset(Reader in) {
  const std::uint8_t flags = in.u8();
  // [8684-3.6-07]
  const Reset reset{(flags & 0x01) != 0, static_cast<std::uint8_t>(flags & 0x0e), ResetReason{in.u8()}};
  return in.exhausted() ? Parsed{reset} : std::nullopt;
}

Parsed parse_form(Subtype subtype, Reader body) {
  switch (subtype) {
    case Subtype::mp_capable: return parse_capable(body);
    case Subtype::mp_join: return parse_join(body);
    case Subtype::dss: return parse_dss(body);
    case Subtype::add_addr: return parse_add_addr(body);
    case Subtype::remove_addr: return parse_remove_addr(body);
    case Subtype::mp_prio: return parse_prio(body);
    case Subtype::mp_fail: return parse_fail(body);
    case Subtype::mp_fastclose: return parse_fast_close(body);
    case Subtype::mp_tcprst: return parse_reset(body);
  }
  return std::nullopt;
}
}  // namespace

MptcpOption parse_mptcp(std::span<const std::uint8_t> option) {  // [8684-3-01 8684-3-06]
  Reader body{option};
  body.skip(2);
  const std::uint8_t subtype = body.left() == 0 ? 0 : body.rest()[0] >> 4;
  if (auto form = parse_form(Subtype{subtype}, body)) { return *std::move(form); }
  return Unknown{subtype, static_cast<std::uint8_t>(option.size())};
}
}  // namespace anabranch::wire
