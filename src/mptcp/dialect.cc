#include "mptcp/dialect.hh"

namespace anabranch::mptcp {
namespace {

/// What is derived from keys differs by the hash alone.
template <wire::Version V>
constexpr Dialect with_keys_of(Dialect dialect) {
  using Party = crypto::JoinParty;
  dialect.version = V;
  dialect.token_of = [](wire::Key key) { return crypto::token_of(key, V); };
  dialect.first_data_seq = [](wire::Key key) { return crypto::idsn_of(key, V); };
  dialect.join_syn_ack_mac = [](const Party& sender, const Party& receiver) {
    return crypto::join_syn_ack_mac(sender, receiver, V);
  };
  dialect.join_ack_mac = [](const Party& sender, const Party& receiver) {
    return crypto::join_ack_mac(sender, receiver, V);
  };
  return dialect;
}

bool sound(const wire::CapableFlags& flags) { return !flags.extensibility && flags.hmac; }
}  // namespace

constinit const Dialect kVersion0 = with_keys_of<wire::Version::v0>({.keys_on_syn = true,
                                                                     .data_on_capable = false,
                                                                     .add_addr_is_signed = false,
                                                                     .add_addr_is_echoed = false,
                                                                     .stray_sum_breaks = false,
                                                                     .prio_has_id = true,
                                                                     .fast_close_on_reset = false,
                                                                     .resets_give_reasons = false});
constinit const Dialect kVersion1 = with_keys_of<wire::Version::v1>({.keys_on_syn = false,
                                                                     .data_on_capable = true,
                                                                     .add_addr_is_signed = true,
                                                                     .add_addr_is_echoed = true,
                                                                     .stray_sum_breaks = true,
                                                                     .prio_has_id = false,
                                                                     .fast_close_on_reset = true,
                                                                     .resets_give_reasons = true});

const Dialect& dialect_of(wire::Version version) { return version == wire::Version::v0 ? kVersion0 : kVersion1; }

const wire::CapableFlags* capable_flags(const wire::MptcpOptions& syn) {
  if (const auto* o = wire::find<wire::CapableSyn>(syn)) { return &o->flags; }
  const auto* o = wire::find<wire::CapableKey>(syn);
  return o ? &o->flags : nullptr;
}

// [8684-3.1-02 8684-3.1-20 8684-3.1-24 8684-3.1-33]
const Dialect* offered(const wire::MptcpOptions& syn, Versions ours) {
  if (const auto* o = wire::find<wire::CapableSyn>(syn); o && ours != Versions::v0) {
    // Higher versions are answered with ours.
    return o->flags.version >= 1 && sound(o->flags) ? &kVersion1 : nullptr;
  }
  if (const auto* o = wire::find<wire::CapableKey>(syn); o && ours != Versions::v1) {
    return o->flags.version == 0 && sound(o->flags) && o->sender.raw != 0 ? &kVersion0 : nullptr;
  }
  return nullptr;
}
}  // namespace anabranch::mptcp
