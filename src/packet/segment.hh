/// A TCP segment as the engine sees it: header and options as values, payload as slices that are never copied.
#pragma once
#include "base/address.hh"
#include "packet/slab.hh"
#include "wire/ip.hh"
#include "wire/mptcp_option.hh"
#include "wire/tcp_option.hh"

namespace anabranch {

/// Where a segment comes from and where it goes. On the way in, `local` is ours.
struct Addresses {
  SocketAddress local, remote;
  constexpr auto operator<=>(const Addresses&) const = default;
};

struct Segment {
  SeqNum seq, ack;
  wire::TcpFlags flags;
  std::uint16_t window = 0;  ///< as on the wire: not scaled
  wire::TcpOptions tcp;
  wire::MptcpOptions mptcp;
  Chain payload;
  /// 0: one packet. Otherwise a super-segment: payload to be cut into packets of at most this many bytes, each with
  /// the same options, by the device, the simulator's link or a network card.
  std::uint32_t cut = 0;
  wire::Ecn ecn = wire::Ecn::not_ect;  ///< of each of its packets

  /// How much sequence space it takes: payload, plus one each for SYN and FIN.
  std::uint64_t length() const { return payload.size().n + (flags.syn ? 1 : 0) + (flags.fin ? 1 : 0); }
};
}  // namespace anabranch
