#include "base/result.hh"
#include "wire/mptcp_codec.hh"

namespace anabranch::wire {
namespace {

void begin(Writer& out, Subtype subtype, std::size_t size, std::uint8_t low_nibble) {
  out.u8(kMptcpKind);
  out.u8(static_cast<std::uint8_t>(size));
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(subtype) << 4 | (low_nibble & 0x0f)));
}

void begin_capable(Writer& out, std::size_t size, const CapableFlags& flags) {  // [8684-3.1-19 8684-3.1-22 8684-3.1-23]
  begin(out, Subtype::mp_capable, size, flags.version);
  const bool c = flags.no_more_to_this && flags.version != 0;
  out.u8(static_cast<std::uint8_t>((flags.checksum ? 0x80 : 0) | (flags.extensibility ? 0x40 : 0) | (c ? 0x20 : 0) |
                                   (flags.unknown_flags & unknown_capable_flags(flags.version)) |
                                   (flags.hmac ? 0x01 : 0)));
}

void write_data_seq(Writer& out, const DataSeqForm& form) {
  if (form.wide) {
    out.u64(form.bits);
  } else {
    out.u32(static_cast<std::uint32_t>(form.bits));
  }
}

std::size_t size_of(const CapableSyn&) { return 4; }
std::size_t size_of(const CapableKey&) { return 12; }
std::size_t size_of(const CapableAck&) { return 20; }
std::size_t size_of(const CapableData& o) { return o.checksum ? 24 : 22; }
std::size_t size_of(const JoinSyn&) { return 12; }
std::size_t size_of(const JoinSynAck&) { return 16; }
std::size_t size_of(const JoinAck&) { return 24; }
std::size_t size_of(const Dss& o) {
  std::size_t size = 4;
  if (o.ack) { size += o.ack->wide ? 8 : 4; }
  if (o.map) { size += (o.map->data.wide ? 8 : 4) + 6 + (o.map->checksum ? 2 : 0); }
  return size;
}
std::size_t size_of(const AddAddr& o) { return 4 + o.address.size() + (o.port ? 2 : 0) + (o.mac ? 8 : 0); }
std::size_t size_of(const AddAddrV0& o) { return 4 + o.address.size() + (o.port ? 2 : 0); }
std::size_t size_of(const RemoveAddr& o) { return 3 + o.ids.size(); }
std::size_t size_of(const Prio&) { return 3; }
std::size_t size_of(const PrioOfAddress&) { return 4; }
std::size_t size_of(const Fail&) { return 12; }
std::size_t size_of(const FastClose&) { return 12; }
std::size_t size_of(const Reset&) { return 4; }
std::size_t size_of(const Unknown& o) { return std::max<std::size_t>(o.length, 3); }

void write(Writer& out, const CapableSyn& o) { begin_capable(out, size_of(o), o.flags); }
void write(Writer& out, const CapableKey& o) {
  begin_capable(out, size_of(o), o.flags);
  out.u64(o.sender.raw);
}
void write(Writer& out, const CapableAck& o) {
  begin_capable(out, size_of(o), o.flags);
  out.u64(o.sender.raw);
  out.u64(o.receiver.raw);
}
void write(Writer& out, const CapableData& o) {
  begin_capable(out, size_of(o), o.flags);
  out.u64(o.sender.raw);
  out.u64(o.receiver.raw);
  out.u16(o.length);
  if (o.checksum) { out.u16(*o.checksum); }
}
void write(Writer& out, const JoinSyn& o) {  // [8684-3.2-05]
  begin(out, Subtype::mp_join, size_of(o), o.backup ? 1 : 0);
  out.u8(o.id.raw);
  out.u32(o.token.raw);
  out.u32(o.nonce);
}
void write(Writer& out, const JoinSynAck& o) {
  begin(out, Subtype::mp_join, size_of(o), o.backup ? 1 : 0);
  out.u8(o.id.raw);
  out.u64(o.mac);
  out.u32(o.nonce);
}
void write(Writer& out, const JoinAck& o) {  // [8684-3.2-11]
  begin(out, Subtype::mp_join, size_of(o), 0);
  out.u8(0);
  out.bytes(o.mac);
}
void write(Writer& out, const Dss& o) {  // [8684-3.3-02]
  begin(out, Subtype::dss, size_of(o), 0);
  out.u8(static_cast<std::uint8_t>((o.data_fin ? 0x10 : 0) | (o.map ? 0x04 | (o.map->data.wide ? 0x08 : 0) : 0) |
                                   (o.ack ? 0x01 | (o.ack->wide ? 0x02 : 0) : 0)));
  if (o.ack) { write_data_seq(out, *o.ack); }
  if (o.map) {
    write_data_seq(out, o.map->data);
    out.u32(o.map->subflow);
    out.u16(o.map->length);
    if (o.map->checksum) { out.u16(*o.map->checksum); }
  }
}
void write(Writer& out, const AddAddr& o) {  // [8684-3.4.1-11]
  begin(out, Subtype::add_addr, size_of(o), o.echo ? 1 : 0);
  out.u8(o.id.raw);
  out.bytes(o.address.bytes());
  if (o.port) { out.u16(*o.port); }
  if (o.mac) { out.u64(*o.mac); }
}
void write(Writer& out, const AddAddrV0& o) {
  begin(out, Subtype::add_addr, size_of(o), o.address.family == Family::v4 ? 4 : 6);
  out.u8(o.id.raw);
  out.bytes(o.address.bytes());
  if (o.port) { out.u16(*o.port); }
}
void write(Writer& out, const RemoveAddr& o) {
  begin(out, Subtype::remove_addr, size_of(o), 0);
  for (const AddressId id : o.ids) { out.u8(id.raw); }
}
void write(Writer& out, const Prio& o) { begin(out, Subtype::mp_prio, size_of(o), o.backup ? 1 : 0); }
void write(Writer& out, const PrioOfAddress& o) {
  begin(out, Subtype::mp_prio, size_of(o), o.backup ? 1 : 0);
  out.u8(o.id.raw);
}
void write(Writer& out, const Fail& o) {
  begin(out, Subtype::mp_fail, size_of(o), 0);
  out.u8(0);
  out.u64(o.data);
}
void write(Writer& out, const FastClose& o) {
  begin(out, Subtype::mp_fastclose, size_of(o), 0);
  out.u8(0);
  out.u64(o.receiver.raw);
}
void write(Writer& out, const Reset& o) {  // [8684-3.6-06]
  begin(out, Subtype::mp_tcprst, size_of(o),
        static_cast<std::uint8_t>((o.transient ? 1 : 0) | (o.unknown_flags & 0x0e)));
  out.u8(static_cast<std::uint8_t>(o.reason));
}
void write(Writer& out, const Unknown& o) {
  begin(out, Subtype{o.subtype}, size_of(o), 0);
  out.fill(0, size_of(o) - 3);
}
}  // namespace

std::size_t written_size(const MptcpOption& option) {
  return std::visit([](const auto& form) { return size_of(form); }, option);
}

std::size_t written_size(const MptcpOptions& options) {
  std::size_t size = 0;
  for (const MptcpOption& option : options) { size += written_size(option); }
  return size;
}

void write_mptcp(Writer& out, const MptcpOption& option) {
  std::visit([&](const auto& form) { write(out, form); }, option);
}
}  // namespace anabranch::wire
