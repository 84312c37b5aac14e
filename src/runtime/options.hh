/// What a runtime is told once, and how it says why it could not start: plain values.
#pragma once
#include "base/network.hh"
#include "base/random.hh"
#include "base/result.hh"
#include "mptcp/config.hh"
#include "stack/stack.hh"

#include <expected>
#include <map>
#include <string>
#include <vector>

namespace anabranch::runtime {

/// Why something could not be done, in one line for people: it names the interface, port or file.
struct Failure {
  Errc code{};
  std::string text;
};
template <class T>
using Outcome = std::expected<T, Failure>;
inline std::unexpected<Failure> failure(Errc code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}

struct RuntimeOptions {
  /// Interfaces that carry subflows, by name. Empty: all that are up, but not loopback. Either way those that appear
  /// or come up later are taken in then. A name that does not exist at the start is an error.
  std::vector<std::string> interfaces = {};
  /// What the addresses of an interface are for, by its name; others are for everything.
  std::map<std::string, AddressUse> uses = {};
  unsigned ephemeral_ports = 64;  ///< local ports to connect from; claimed from the kernel at the start; ≤ 4096
  std::vector<std::uint16_t> listen_ports =
      {};                      ///< claimed at the start too; an Acceptor claims others when it is made
  std::string pcapng = {};     ///< a file that every packet is written to; empty: none
  bool super_segments = true;  ///< false: one packet a frame, as a card without offload would want
  /// Keep the kernel from answering for our ports (an nftables table that vanishes with the process). Without it the
  /// kernel resets our connections, unless something else keeps it quiet.
  bool port_guard = true;
  bool busy_poll = false;         ///< never wait in the kernel: for benchmarks
  mptcp::Config connection = {};  ///< for connections and listeners whose options do not say otherwise
  stack::Limits limits = {};
  bool respond_to_strays = true;
  /// Receives the stack's events (trace/sinks.hh); must outlive the runtime. Null: none.
  trace::Trace* trace = nullptr;
  /// Keys, nonces, initial sequence numbers, ports; must outlive the runtime. Null: the operating system's. For tests
  /// that need a certain key: whatever does not come from the operating system is no secret.
  Random* random = nullptr;
};
}  // namespace anabranch::runtime
