/// What the parts of an endpoint share: what it borrowed, what it was told, what both ends agreed on.
///
/// Owned by the endpoint, lent to its parts by reference; no part changes it but the handshake. A user timeout that
/// was agreed on takes the place of the configured one.
#pragma once
#include "base/env.hh"
#include "cc/controller.hh"
#include "stream/close.hh"
#include "tcp/config.hh"
#include "tcp/roles.hh"
#include "trace/event.hh"

namespace anabranch::tcp {

struct Context {
  Env& env;
  Source& source;
  Sink& sink;
  Role& role;
  const cc::Group& group;
  Config config;
  Negotiated agreed;
  stream::Close close;

  template <class Make>
  void trace(Instant now, Make&& make) const {
    trace::emit(env.trace, now, config.where, std::forward<Make>(make));
  }
  /// The MSS we announce (RFC 9293 §3.7.1): the interface's, without options.
  std::uint32_t our_mss() const { return config.mtu - config.ip_header - 20; }
};
}  // namespace anabranch::tcp
